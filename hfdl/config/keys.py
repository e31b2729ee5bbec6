"""The schema, seen as dotted keys: what ``hfdl recipes keys`` prints and what errors suggest."""

from __future__ import annotations

import types
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from hfdl.config.schema import Recipe

REQUIRED = object()
"""The default of a key that has none."""

_NAMES: dict[Any, tuple[str, str]] = {
    bool: ("true or false", "true or false"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("a text", "texts"),
    type(None): ("null", "nulls"),
    Any: ("any value", "any values"),
}
_BOUNDS = (("gt", "above"), ("ge", "of at least"), ("lt", "below"), ("le", "at most"))


@dataclass(frozen=True)
class Key:
    """One key of the recipe.

    Args:
        name: dotted, as in ``train.epochs``.
        type: in plain words.
        default: ``REQUIRED`` where there is none.
        description: the schema's own text.
    """

    name: str
    type: str
    default: Any
    description: str

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


def recipe_keys() -> list[Key]:
    """Every key that a recipe knows, in the schema's order."""
    return _keys(Recipe, "")


def section(field: FieldInfo) -> type[BaseModel] | None:
    """The model behind a field that is a section, None behind one that is a value.

    A section may be optional, as ``tune.lora`` is: null where it is left out.
    """
    kinds = get_args(field.annotation) if allows_none(field) else (field.annotation,)
    inner = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return inner[0] if inner else None


def field_at(path: Sequence[str]) -> FieldInfo | None:
    """The field that ``path`` leads to, None where there is no such field."""
    model: type[BaseModel] | None = Recipe
    field = None
    for part in path:
        field = model.model_fields.get(part) if model else None
        if field is None:
            return None
        model = section(field)
    return field


def value_field(path: Sequence[str]) -> tuple[int, FieldInfo] | None:
    """The value (not section) that ``path`` reaches or enters, and how many parts name it."""
    for depth in range(1, len(path) + 1):
        field = field_at(path[:depth])
        if field is None:
            return None
        if section(field) is None:
            return depth, field
    return None


def allows_none(field: FieldInfo) -> bool:
    """Whether null is a value of the field."""
    return type(None) in get_args(field.annotation)


def describe(annotation: Any, metadata: Sequence[Any] = (), *, plural: bool = False) -> str:
    """A type and its bounds in plain words: ``a whole number above 0 or null``."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return describe(arguments[0], arguments[1:], plural=plural)
    if origin in (Union, types.UnionType):
        return " or ".join(describe(argument) for argument in arguments)
    if origin is Literal:
        *most, last = map(str, arguments)
        return f"{', '.join(most)} or {last}" if most else last
    if origin is list:
        return f"a list of {describe(arguments[0], plural=True)}"
    if origin is tuple:
        return f"a list of {len(arguments)} {describe(arguments[0], plural=True)}"
    if origin is dict:
        return f"a map from texts to {describe(arguments[1], plural=True)}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"a map of {', '.join(annotation.model_fields)}"
    return _NAMES[annotation][plural] + _bounds(metadata)


def _bounds(metadata: Sequence[Any]) -> str:
    # In Annotated[int, Field(gt=0)] | None the bounds lie inside a FieldInfo, else beside the type.
    nested = [item.metadata if isinstance(item, FieldInfo) else [item] for item in metadata]
    bounds = [bound for group in nested for bound in group]
    words = [
        f"{word} {value}"
        for attribute, word in _BOUNDS
        for bound in bounds
        if (value := getattr(bound, attribute, None)) is not None
    ]
    return f" {' and '.join(words)}" if words else ""


def _keys(model: type[BaseModel], prefix: str) -> list[Key]:
    keys: list[Key] = []
    for name, field in model.model_fields.items():
        inner = section(field)
        if inner and not allows_none(field):
            keys += _keys(inner, f"{prefix}{name}.")
            continue
        default = REQUIRED if field.is_required() else field.get_default(call_default_factory=True)
        kind = describe(field.annotation, field.metadata)
        keys.append(Key(prefix + name, kind, default, field.description or ""))
        if inner:
            keys += _keys(inner, f"{prefix}{name}.")
    return keys
