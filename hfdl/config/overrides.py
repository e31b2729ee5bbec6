"""Overrides: ``train.epochs=1`` on the command line, dotted or nested mappings in Python.

A section is merged key by key; a value takes the place of the old value whole, a list or a map
too. ``null`` clears: a key that may be null becomes null, any other goes back to the schema's
default, and a whole section goes back to its defaults. A section that may be null, as
``tune.lora``, is absent until a key of it is given; ``{}`` gives it with every default.
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import Any

from hfdl.config.keys import allows_none, describe, field_at, recipe_keys, section, value_field
from hfdl.config.yaml import parse_value
from hfdl.errors import ConfigError, shell_word

Path = tuple[str, ...]

SPACE = "search"
"""The section whose keys are dotted keys of the recipe."""

_BARE = re.compile(r"-?\w(?:[\w .+-]*\w)?")


def parse_override(text: str) -> tuple[str, Any]:
    """Split ``key=value`` and read the value as YAML would.

    Raises:
        ConfigError: there is no ``=`` or no key, or the value starts as YAML and is not.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(
            f"{text!r} is not an override",
            rule="an override is written key=value",
            remedy=_meant(text.strip()),
        )
    try:
        return key.strip(), parse_value(value)
    except ValueError as error:
        raise ConfigError(str(error), where=f"override {text}") from None


def parse_overrides(texts: Iterable[str]) -> dict[str, Any]:
    """Parse ``key=value`` texts into one mapping, in their order; the last one of a key wins.

    Raises:
        ConfigError: as ``parse_override``.
    """
    overrides: dict[str, Any] = {}
    for text in texts:
        key, value = parse_override(text)
        # Taken out first, so that the key moves behind a section=null given in between.
        overrides.pop(key, None)
        overrides[key] = value
    return overrides


def _meant(text: str) -> str:
    """What a word without ``=`` may stand for: a file to train on, or a key without its value."""
    # Not Path's own, which raises for a name of more characters than a file may have.
    if text and PurePath(text).suffix and os.path.exists(text):  # noqa: PTH110
        return f"did you mean {as_override('data.train', text)}?"
    for key in recipe_keys():
        if text in (key.name, key.name.rpartition(".")[2]):
            return f"did you mean {key.name}=VALUE?"
    return "give it a key, or remove it"


def as_override(key: str, value: str | Iterable[str] | Mapping[str, str]) -> str:
    """``key=value`` as a shell and ``parse_override`` both read it back.

    Args:
        key: dotted.
        value: a text, texts, or texts by text.
    """
    if isinstance(value, str) and _takes_only_lists(key):
        value = [value]
    if isinstance(value, str):
        written = value if _reads_back(value) else _flow(value)
    elif isinstance(value, Mapping):
        written = f"{{{', '.join(f'{_flow(k)}: {_flow(v)}' for k, v in value.items())}}}"
    else:
        written = f"[{', '.join(map(_flow, value))}]"
    return shell_word(f"{key}={written}")


def override_of(key: str, value: Any) -> str:
    """``as_override`` of any value that json has."""
    if isinstance(value, str):
        return as_override(key, value)
    return shell_word(f"{key}={json.dumps(value, ensure_ascii=False)}")


def _takes_only_lists(key: str) -> bool:
    field = field_at(key.split("."))
    kinds = describe(field.annotation, field.metadata) if field else ""
    return kinds.startswith("a list") and "map" not in kinds


def _reads_back(text: str) -> bool:
    if not text or not text.isprintable() or text != " ".join(text.split()):
        return False
    try:
        return parse_value(text) == text
    except ValueError:
        return False


def _flow(text: str) -> str:
    """A text within brackets: bare where it reads back as itself or as a whole number."""
    is_bare = _BARE.fullmatch(text) is not None and type(parse_value(text)) in (str, int)
    is_bare = is_bare and str(parse_value(text)) == text
    return text if is_bare else "".join(map(_seen, json.dumps(text, ensure_ascii=False)))


def _seen(character: str) -> str:
    """An escape of YAML for what does not show, and for accents by themselves."""
    if character.isprintable() and not unicodedata.combining(character):
        return character
    return f"\\u{ord(character):04x}" if character <= "\uffff" else f"\\U{ord(character):08x}"


def merge(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of ``base`` with the overrides put in, one after another.

    Args:
        base: nested mapping, as a recipe file holds it. Its own nulls clear, too.
        overrides: dotted or nested keys.

    Raises:
        ConfigError: a key of the overrides is not a text.
    """
    merged: dict[str, Any] = {}
    for source in (base, overrides):
        for path, value in settings(source):
            _set(merged, path, value)
    return merged


def settings(mapping: Mapping[Any, Any], prefix: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Each value of a dotted or nested mapping with the path of its key.

    A section's null is one, and so are the empty braces of a section that may be null.

    Raises:
        ConfigError: a key is not a text.
    """
    for key, value in mapping.items():
        if not isinstance(key, str):
            raise ConfigError(
                f"the key {key!r} is not a text", rule="keys are texts such as 'train.epochs'"
            )
        path = (*prefix, *key.split("."))
        if path[0] == SPACE:
            yield from _searched(path, value)
        elif isinstance(value, Mapping) and _is_section(path) and not _opens(path, value):
            yield from settings(value, path)
        else:
            yield path, str(value) if isinstance(value, PurePath) else value


def _searched(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    """What is searched, each under its whole key, however that was nested: a range or a list."""
    nests = isinstance(value, Mapping) and all(
        isinstance(inner, Mapping | list | tuple) for inner in value.values()
    )
    if nests and (value or len(path) == 1):
        for key, inner in value.items():
            yield from _searched((*path, str(key)), inner)
    else:
        yield (path[0], *([".".join(path[1:])] if len(path) > 1 else [])), value


def _is_section(path: Path) -> bool:
    field = field_at(path)
    return field is not None and section(field) is not None


def _opens(path: Path, value: Mapping[Any, Any]) -> bool:
    """Whether it is ``{}`` for a section that would be absent without."""
    field = field_at(path)
    return not value and field is not None and allows_none(field)


def _set(target: dict[str, Any], path: Path, value: Any) -> None:
    *parents, last = path
    is_default = value is None and _null_means_default(path)
    for part in parents:
        inner = target.get(part)
        if not isinstance(inner, dict):
            if is_default:
                return
            inner = {}
        # A copy, so that a map that came from the caller is never written to.
        target[part] = inner = dict(inner)
        target = inner
    if is_default:
        target.pop(last, None)
        return
    if isinstance(value, Mapping) and _is_section(path):
        value = target.get(last) or {}  # opened already: what it holds stays
    target[last] = value


def _null_means_default(path: Path) -> bool:
    if field := field_at(path):
        return not allows_none(field)
    # Inside a map, as tune.class_weights.negative=null. An unknown key stays, to be refused.
    return value_field(path) is not None
