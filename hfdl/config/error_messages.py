"""pydantic's validation errors as one line each: where, what, the rule and the remedy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from hfdl.config.keys import allows_none, describe, field_at, recipe_keys, section, value_field
from hfdl.config.overrides import settings
from hfdl.errors import ConfigError, nearest, shell_word

Path = tuple[str, ...]

# What transformers' Trainer and its users call some keys.
KNOWN_ELSEWHERE = {
    "bf16": "train.precision",
    "column_names": "data.csv.header",
    "delimiter": "data.csv.separator",
    "eval_steps": "train.evaluate_every",
    "field_separator": "data.csv.separator",
    "fp16": "train.precision",
    "gradient_accumulation_steps": "train.micro_batch_size",
    "label_column": "data.label",
    "label_smoothing_factor": "tune.label_smoothing",
    "lora_alpha": "tune.lora.alpha",
    "lora_dropout": "tune.lora.dropout",
    "lr": "train.learning_rate",
    "lr_scheduler_type": "train.schedule",
    "max_grad_norm": "train.clip_norm",
    "max_seq_length": "data.max_length",
    "max_steps": "train.steps",
    "metric_for_best_model": "train.best_metric",
    "model_name_or_path": "model.name",
    "names": "data.csv.header",
    "num_train_epochs": "train.epochs",
    "per_device_train_batch_size": "train.micro_batch_size",
    "rank": "tune.lora.r",
    "report_to": "train.trackers",
    "sentence_id": "data.sentence",
    "save_steps": "train.save_every",
    "save_total_limit": "train.keep_checkpoints",
    "sep": "data.csv.separator",
    "target_modules": "tune.lora.targets",
    "test_file": "data.test",
    "text_column": "data.text",
    "train_file": "data.train",
    "validation_file": "data.validation",
    "warmup_ratio": "train.warmup",
    "warmup_steps": "train.warmup",
}


@dataclass(frozen=True)
class Origin:
    """Where the values of a recipe came from.

    Args:
        source: the file or the shipped recipe's name; None where all came from Python.
        lines: line of each dotted key in that file.
        overrides: what was laid over it.
    """

    source: str | None
    lines: Mapping[str, int]
    overrides: Mapping[str, Any]

    def override(self, path: Path) -> tuple[Path, Any] | None:
        """The last override of this key, of a section around it or of something within it."""
        related = [
            (key, value)
            for key, value in settings(self.overrides)
            if key[: len(path)] == path[: len(key)]
        ]
        return related[-1] if related else None

    def where(self, path: Path) -> str | None:
        """The place of a key in words: an override, a line of the file, or the file."""
        if override := self.override(path):
            return f"override {'.'.join(override[0])}={show(override[1])}"
        for depth in range(len(path), 0, -1):
            if line := self.lines.get(".".join(path[:depth])):
                return f"{self.source}, line {line}"
        return self.source


def config_error(
    faults: Sequence[Mapping[str, Any]], data: Mapping[str, Any], origin: Origin
) -> ConfigError:
    """The ConfigError for the first fault of a recipe.

    Args:
        faults: pydantic's ``ValidationError.errors()``.
        data: the merged values that were validated.
        origin: where they came from.
    """
    # An unknown key comes first: it may be the missing one, misspelt.
    fault = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
    location = [str(part) for part in fault["loc"]]
    path = _schema_path(location)
    value = _get(data, path)
    if fault["type"] == "extra_forbidden":
        return unknown_key(tuple(location), origin)
    if fault["type"] == "missing" and value is None:
        return _missing(path, origin)
    if fault["type"] == "value_error":
        return _rule_between_keys(str(fault["ctx"]["error"]), origin)
    # A value of several types has a fault for each; the one that leads furthest into it tells most.
    inner = [[str(part) for part in other["loc"]] for other in faults]
    inner = [where[len(path) :] for where in inner if tuple(where[: len(path)]) == path]
    return wrong_value(path, value, max(inner, key=lambda i: len(_descend(value, i)[0])), origin)


def unknown_key(path: Path, origin: Origin) -> ConfigError:
    """The error for a key that the schema does not have; names the nearest one it has."""
    override = origin.override(path)
    path = override[0] if override and len(override[0]) > len(path) else path
    key = ".".join(path)
    return ConfigError(f"unknown key {key!r}", where=origin.where(path), remedy=_suggest(path))


def wrong_value(path: Path, value: Any, inner: Sequence[str], origin: Origin) -> ConfigError:
    """The error for a value that its key does not take.

    Args:
        path: the key.
        value: what was given.
        inner: pydantic's location within the value; names of union members may be among it.
        origin: where the value came from.
    """
    field = field_at(path)
    if field is None:
        return ConfigError(f"the recipe cannot be {show(value)}", where=origin.source)
    override = origin.override(path)
    is_deeper = override is not None and len(override[0]) > len(path)
    if override and is_deeper and isinstance(value, Mapping) and not _maps(field):
        return unknown_key(override[0], origin)
    steps, item = _descend(value, inner)
    item_path = (*path, *steps)
    name = ".".join(path) + "".join(f"[{step}]" for step in steps)
    return ConfigError(
        f"{name} cannot be {show(item)}",
        where=origin.where(item_path),
        rule=_rule(path, field),
        remedy=_remedy(field, item, ".".join(path) if override and not steps else ""),
    )


def show(value: Any) -> str:
    """A value as it would be written in a recipe, shortened."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= 60 else f"{text[:57]}..."


def _schema_path(location: Sequence[str]) -> Path:
    if value := value_field(location):
        return tuple(location[: value[0]])
    depth = len(location)
    while depth and field_at(location[:depth]) is None:
        depth -= 1
    return tuple(location[:depth])


def _missing(path: Path, origin: Origin) -> ConfigError:
    field = field_at(path)
    key = ".".join(path)
    if field is not None and section(field):
        key = f"{key}.name"
    example = "task=text_classification" if key == "task" else f"{key}=NAME"
    return ConfigError(
        f"{key} is missing",
        where=origin.where(path),
        rule="every recipe must have it",
        remedy=f"give it, for example: {example}",
    )


def _rule_between_keys(message: str, origin: Origin) -> ConfigError:
    named = [tuple(key.name.split(".")) for key in recipe_keys() if key.name in message]
    overridden = [path for path in named if origin.override(path)]
    written = [path for path in named if ".".join(path) in origin.lines]
    path = next(iter([*overridden, *written]), ())
    return ConfigError(message, where=origin.where(path) if path else origin.source)


def _rule(path: Path, field: FieldInfo) -> str:
    if inner := section(field):
        first = next(iter(inner.model_fields))
        either = " or null" if allows_none(field) else ""
        return f"it is a section, written as '{path[-1]}: {{{first}: ...}}'{either}"
    return f"it must be {describe(field.annotation, field.metadata)}"


def _remedy(field: FieldInfo, item: Any, key: str) -> str | None:
    """What to write instead; ``key`` is given where it stands alone on the command line."""
    if section(field):
        return None
    kind = describe(field.annotation, field.metadata)
    if "text" in kind and "number" not in kind and isinstance(item, bool | int | float):
        written = f'"{show(item)}"'
        return f"quote it to make it a text: {shell_word(f'{key}={written}') if key else written}"
    if isinstance(item, str) and (close := nearest(item, kind.replace(" or ", ", ").split(", "))):
        return f"did you mean {close!r}?"
    return None


def _suggest(path: Path) -> str:
    """The key that was meant: a sibling's name, else any key's whole name, else its last part."""
    names = [known.name for known in recipe_keys()]
    names += sorted({name.partition(".")[0] for name in names if "." in name})
    *parents, leaf = path
    if known := KNOWN_ELSEWHERE.get(leaf):
        return f"here it is {known!r}"
    by_leaf = {name.rpartition(".")[2]: name for name in reversed(names)}
    siblings = {part: name for part, name in by_leaf.items() if name.split(".")[:-1] == parents}
    candidates = (
        siblings.get(nearest(leaf, siblings) or ""),
        by_leaf.get(leaf),
        # In a section that exists, the section's own name would count as a likeness.
        None if siblings and parents else nearest(".".join(path), names),
        by_leaf.get(nearest(leaf, by_leaf) or ""),
    )
    close = next(filter(None, candidates), None)
    return f"did you mean {close!r}?" if close else "see all keys with: hfdl recipes keys"


def _maps(field: FieldInfo) -> bool:
    return section(field) is not None or "a map" in describe(field.annotation)


def _get(data: Any, path: Path) -> Any:
    for part in path:
        data = data.get(part) if isinstance(data, Mapping) else None
    return data


def _descend(value: Any, inner: Sequence[str]) -> tuple[list[str], Any]:
    """Follow those parts of pydantic's location that are really in the value."""
    steps: list[str] = []
    for part in inner:
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            continue
        steps.append(part)
    return steps, value


def misread_boolean(model: BaseModel, data: Any, path: Path = ()) -> Path | None:
    """The first key where true or false was taken for a number, as pydantic does; else None."""
    for name, value in data.items() if isinstance(data, Mapping) else ():
        result = getattr(model, name)
        here = (*path, name)
        if isinstance(result, BaseModel):
            if inner := misread_boolean(result, value, here):
                return inner
        elif isinstance(value, bool) and not isinstance(result, bool):
            return here
    return None
