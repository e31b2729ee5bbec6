"""From the bytes of a request to inputs and options, or to what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from hfdl.errors import did_you_mean
from hfdl.pipelines.call_form import CallForm
from hfdl.serving.http_error import HttpError
from hfdl.serving.limits import OPTIONS, Limits
from hfdl.serving.schema import request_model, takes_none


@dataclass(frozen=True)
class Given:
    """What was sent.

    Args:
        inputs: as they were sent.
        items: each of them.
        is_one: whether they were one, and no list.
        options: of the call.
        stream: whether the answer is sent as it is written.
    """

    inputs: Any
    items: list[Any]
    is_one: bool
    options: dict[str, Any]
    stream: bool


class Reader:
    """Reads the requests for a pipeline.

    Args:
        pipe: the pipeline.
        limits: of the server.
        defaults: options that hold where a request has no others.
        can_stream: whether the pipeline sends texts as they are written.
    """

    def __init__(
        self, pipe: CallForm, limits: Limits, defaults: Mapping[str, Any], *, can_stream: bool
    ) -> None:
        self._pipe, self._limits, self.defaults = pipe, limits, dict(defaults)
        self.model = request_model(pipe, limits, can_stream=can_stream)
        self._nullable = takes_none(pipe)

    def read(self, body: bytes) -> Given:
        """What a request asks for.

        Raises:
            HttpError: it is malformed, has another form, or is larger than the limits.
        """
        try:
            sent = self.model.model_validate_json(body).model_dump(exclude_unset=True)
        except ValidationError as error:
            raise self._refusal(error, body) from None
        inputs, stream = sent["inputs"], sent.get("stream", False)
        given = sent.get("parameters") or {}
        nullable = self._nullable
        given = {
            name: value for name, value in given.items() if value is not None or name in nullable
        }
        self._check_texts("inputs", inputs)
        self._check_texts("parameters", given)
        options = {**self.defaults, **given}
        is_one = self._pipe.is_one(inputs, options)
        items = [inputs] if is_one else inputs
        if stream and not is_one:
            raise HttpError(422, "stream: several texts cannot be streamed; send one")
        return Given(inputs, items, is_one, options, stream)

    def _check_texts(self, name: str, value: Any) -> None:
        limits, count = self._limits, 0
        for text in _texts_in(value):
            count += 1
            if len(text) > limits.max_length:
                raise HttpError(
                    422,
                    f"{name}: a text of {len(text):,} characters; at most {limits.max_length:,}, "
                    f"as the server's {OPTIONS['max_length']} says",
                )
            if "\0" in text:
                raise HttpError(422, f"{name}: a text has a NUL character (\\u0000); take it out")
        if count > limits.max_texts:
            raise HttpError(
                422,
                f"{name}: {count:,} texts; at most {limits.max_texts:,} in a request, as the "
                f"server's {OPTIONS['max_texts']} says",
            )

    def _refusal(self, error: ValidationError, body: bytes) -> HttpError:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        first = faults[0]
        place = [str(part) for part in first["loc"]]
        if first["type"] == "json_invalid":
            return HttpError(400, f"the body is no JSON: {first['msg'].partition(': ')[2]}")
        if not place:
            return HttpError(422, 'the body is no JSON object; send {"inputs": ...}')
        if first["type"] == "extra_forbidden" and place[0] != "inputs":
            fields = self.model.model_fields
            known = [*self._pipe.call_options()] if len(place) > 1 else [*fields]
            where = f"{place[0]}: " if len(place) > 1 else ""
            return HttpError(
                422, f"{where}no field {place[-1]!r:.60}; {did_you_mean(place[-1], known)}"
            )
        if place[0] == "inputs":
            if first["type"] == "missing" and len(place) == 1:
                return HttpError(422, 'inputs: missing; send {"inputs": ...}')
            return self._wrong_inputs(from_json(body)["inputs"])
        return HttpError(422, f"{'.'.join(place[:2])}: {first['msg']}")

    def _wrong_inputs(self, inputs: Any) -> HttpError:
        """What is wrong with inputs of another form: with which of them, where they are a list."""
        words = self._pipe.item_words
        if isinstance(inputs, list) and len(inputs) > 1:
            for place, item in enumerate(inputs):
                try:
                    self.model.model_validate({"inputs": [item]})
                except ValidationError:
                    at = f"inputs: number {place + 1} of {len(inputs):,} has another form"
                    return HttpError(422, f"{at}; expected {words}")
        return HttpError(422, f"inputs: expected {words}; or a list of these")


def _texts_in(value: Any) -> Iterator[str]:
    """Every text in what was sent."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts_in(each)


def texts_in(value: Any) -> list[str]:
    """Every text in what was sent: in lists and objects too."""
    return [*_texts_in(value)]
