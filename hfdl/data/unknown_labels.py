"""A label that the label set lacks: what it probably is, and what to set."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hfdl.config.overrides import as_override
from hfdl.config.schema import DataConfig
from hfdl.data.alike import short_form, twin
from hfdl.data.label_values import natural_sort
from hfdl.data.no_label import left_out, means_none
from hfdl.data.several_labels import can_split, separator_among, split_at
from hfdl.data.table import Table
from hfdl.errors import DataError

_SHOWN = 20
_LONGEST = 600  # characters of a command that a message prints
_NO_LABEL = frozenset({"-1", "-1.0"})  # of GLUE's test sets


@dataclass(frozen=True)
class Known:
    """The labels that there are.

    Args:
        names: in the order of their ids.
        values: of a file, that stand for one of them.
        mapping: label by value, where the recipe gives a map.
        of_model: whether they are a saved model's, and not a training split's.
    """

    names: tuple[str, ...]
    values: Collection[str]
    mapping: Mapping[str, str] | None
    of_model: bool

    def label(self, value: str) -> str:
        """What a value stands for."""
        return self.mapping[value] if self.mapping is not None else value

    def meant(self, value: str) -> str | None:
        """The label that a value probably is, in another spelling; None where it is none."""
        same = twin(value, self.values)
        return self.label(same) if same is not None else twin(value, self.names)


def unknown_label(
    known: Known,
    rows: Sequence[Sequence[str]],
    table: Table,
    split: str,
    config: DataConfig | None = None,
) -> DataError:
    """The error for the first label of a split that is not known.

    Args:
        known: the labels that there are.
        rows: the labels of each row.
        table: where they come from.
        split: its name.
        config: the recipe's data section.
    """
    config = config or DataConfig()
    places = [(i, text) for i, row in enumerate(rows) for text in row if text not in known.values]
    first, name = places[0]
    if split != "train" and _has_no_labels({text for row in rows for text in row}):
        return _unlabelled(name, known, table, split)
    count = len({i for i, text in places if text == name})
    unknown = natural_sort({text for _, text in places})
    noun, lacks = _words(known, split)
    remedies = [
        "fix the row",
        *_ways(known, unknown, split, {t for r in rows for t in r}, config),
        *_no_labels(unknown, config),
    ]
    allowed = known.names if known.of_model else list(known.values)
    shown = ", ".join(allowed[:_SHOWN]) + (", ..." if len(allowed) > _SHOWN else "")
    return DataError(
        f"{split} has the label {name!r} ({count} row{'' if count == 1 else 's'}), which {lacks}",
        where=table.where(first),
        rule=f"the known {noun} are: {shown}",
        remedy=", or ".join(remedies),
    )


def _has_no_labels(values: Collection[str]) -> bool:
    return all(value in _NO_LABEL or means_none(value) for value in values)


def _unlabelled(name: str, known: Known, table: Table, split: str) -> DataError:
    remedy = f"leave data.{split} out"
    if known.of_model:
        remedy = "give a file with labels; predict answers texts that have none"
    return DataError(
        f"no row of {split} has a label, but {name!r}",
        where=table.source,
        rule="what is measured needs labels; test sets of competitions have none",
        remedy=remedy,
    )


def _words(known: Known, split: str) -> tuple[str, str]:
    if known.of_model:
        return "labels", "the model does not have"
    noun = "labels" if known.mapping is None else "values"
    return noun, "data.labels does not list" if split == "train" else "training does not have"


def _ways(
    known: Known, unknown: Sequence[str], split: str, values: set[str], config: DataConfig
) -> Iterable[str]:
    """What to set, beside fixing rows: a map to labels that mean the same, or more labels."""
    meant = {value: label for value in unknown if (label := known.meant(value))}
    if known.of_model:
        yield from _ways_of_model(known, unknown, meant, values)
        return
    if not meant and known.mapping is None:
        mark = separator_among(unknown, known.values) if can_split(config, ()) else None
        if mark is not None:
            yield f"if a cell holds several labels: {split_at(mark)}"
            return
        listed = as_override("data.labels", [*known.values, *unknown])
        if len(listed) <= _LONGEST:
            yield f"list it with {listed}"
        else:
            yield "add rows with that label to data.train"
        return
    mapping = {value: known.label(value) for value in known.values}
    mapping |= {value: meant.get(value, "LABEL") for value in unknown}
    written = as_override("data.labels", mapping)
    if len(written) <= _LONGEST or known.mapping is not None:
        yield f"map it with {written}"


def _ways_of_model(
    known: Known, unknown: Sequence[str], meant: Mapping[str, str], values: set[str]
) -> Iterable[str]:
    """What can be done where a saved model meets a label that it does not have."""
    nameless = known.names == tuple(f"LABEL_{i}" for i in range(len(known.names)))
    if nameless and len(values) == len(known.names):
        named = as_override("data.labels", natural_sort(values))
        yield f"say what the model's labels are called, in the order of their ids: {named}"
        return
    given = {value: name for value, name in (known.mapping or {}).items() if value != name}
    likely = {value: short_form(value, known.names) for value in unknown}
    found = {value: meant.get(value) or likely[value] for value in unknown[:_SHOWN]}
    written = as_override("data.labels", {**given, **{v: n or "LABEL" for v, n in found.items()}})
    which = "label it is" if len(unknown) == 1 else "labels they are"
    ask = ", for instance" if all(found.values()) else " (for LABEL write a known one):"
    yield f"say which {which}{ask} {written}"


def _no_labels(unknown: Sequence[str], config: DataConfig) -> Iterable[str]:
    """What to set if some unknown labels mean that there is none."""
    none = [value for value in unknown if value in _NO_LABEL or means_none(value)]
    if none:
        yield f"if {', '.join(map(repr, none))} means no label: {left_out(none, config)}"
