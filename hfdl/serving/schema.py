"""The form of a request, made of what a pipeline says of its call."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, create_model
from typing_extensions import is_typeddict

from hfdl.pipelines.call_form import CallForm
from hfdl.serving.limits import Limits
from hfdl.serving.option_words import option_words

WHOLE = Annotated[int, Field(ge=-(2**31), lt=2**31)]
"""Numbers that no tensor overflows with."""
_BOUNDED = ("num_beams", "num_return_sequences")
_CONFIG = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def request_model(pipe: CallForm, limits: Limits, *, can_stream: bool) -> type[BaseModel]:
    """The form of what is sent for a pipeline: inputs, parameters and whether to stream.

    Args:
        pipe: the pipeline.
        limits: of the server.
        can_stream: whether its answer can be sent as it is written.
    """
    options = {
        name: (_optional(_json_type(type_)), _field(pipe, name, limits))
        for name, type_ in pipe.call_options().items()
    }
    parameters = create_model("Parameters", __config__=_CONFIG, **options)  # pyright: ignore
    item: Any = _closed(pipe.item)
    text, given = pipe.example()
    fields: dict[str, Any] = {
        "inputs": (item | list[item], Field(description=_words(pipe), examples=[text])),
        "parameters": (
            parameters | None,
            Field(None, description="Options of the call.", examples=[given]),
        ),
    }
    if can_stream:
        words = "Send the text as it is written, as server-sent events."
        fields["stream"] = (bool, Field(False, description=words))
    return create_model("PredictRequest", __config__=_CONFIG, **fields)


def takes_none(pipe: CallForm) -> frozenset[str]:
    """Options that null is a value of; of others it is none given."""
    return frozenset(
        name for name, type_ in pipe.call_options().items() if NoneType in get_args(type_)
    )


def _closed(item: Any) -> Any:
    """The type of an input, objects with another key than those it names left out."""
    for part in (item, *get_args(item)):
        for inner in (part, *get_args(part)):
            if is_typeddict(inner):
                inner.__pydantic_config__ = _CONFIG
    return item


def _words(pipe: CallForm) -> str:
    return f"{pipe.item_words}; or a list of these"


def _field(pipe: CallForm, name: str, limits: Limits) -> Any:
    return Field(None, description=option_words(pipe, name), **_bounds(pipe, name, limits))


def _bounds(pipe: CallForm, name: str, limits: Limits) -> dict[str, Any]:
    if name in _BOUNDED:
        return {"ge": 1, "le": limits.max_beams}
    return {"ge": 1} if name in pipe.answer_counts else {}


def _optional(type_: Any) -> Any:
    return type_ | None


def _json_type(type_: Any) -> Any:
    """A type of Python's call as JSON has it: lists for sequences, numbers of a size."""
    origin, inner = get_origin(type_), get_args(type_)
    if type_ is int:
        return WHOLE
    if origin in (Union, UnionType):
        return reduce(or_, map(_json_type, inner))
    if origin is tuple:
        if inner[-1:] == (Ellipsis,):
            return list[_json_type(inner[0])]
        return tuple[tuple(map(_json_type, inner))]
    if origin in (list, Sequence, Collection):
        return list[_json_type(inner[0])]
    if origin is Mapping:
        return dict[inner[0], _json_type(inner[1])]
    assert origin is Literal or type_ in (str, bool, float, NoneType), type_
    return type_
