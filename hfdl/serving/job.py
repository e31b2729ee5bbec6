"""A request as the model's thread sees it: inputs that are answered one by one, in any order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Items = Sequence[Any]
Answers = list[bytes]


@dataclass(frozen=True)
class Call:
    """A function of several inputs.

    Args:
        name: which; inputs of different ones do not share a batch.
        answer: gives an answer an input, by the inputs and the options.
        options_at: the options for an input alone, by its place in the request; where they are
            others than those of the request, as for draws, the input has a batch of its own.
    """

    name: str
    answer: Callable[[list[Any], Mapping[str, Any]], Sequence[Any]]
    options_at: Callable[[Mapping[str, Any], int], Mapping[str, Any]]


@dataclass(eq=False)
class Job:
    """The inputs of a request.

    Args:
        call: what they are inputs of.
        items: the inputs.
        options: of the call.
        tokens: of each input.
        rows: how many rows of the model an input is, at least.
        write: an answer as bytes.
        done: called once, from the model's thread or whoever ends the job, with the answers in the
            order of the inputs or the error.
    """

    call: Call
    items: Items
    options: Mapping[str, Any]
    tokens: Sequence[int]
    rows: int
    write: Callable[[Any], bytes]
    done: Callable[[Answers | Exception], None]
    arrived: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        # The longest first, so that neighbours are alike in length.
        order = sorted(range(len(self.items)), key=lambda i: -self.tokens[i])
        self.waiting: list[int] = order[::-1]  # taken from the end
        self.answers: list[bytes | None] = [None] * len(self.items)
        self._left = len(self.items)
        self._keys: dict[int, Hashable] = {}
        self._over = threading.Lock()
        self.is_over = False

    def options_of(self, place: int) -> Mapping[str, Any]:
        """With which the input of a place is answered alone."""
        return self.call.options_at(self.options, place)

    def key(self, place: int) -> Hashable:
        """What inputs have in common that one call may answer."""
        if place not in self._keys:
            options = self.options_of(place)
            shared = _frozen(options) if options is self.options else (id(self), place)
            self._keys[place] = self.call.name, _shape(self.items[place]), shared
        return self._keys[place]

    def answered(self, place: int, answer: bytes) -> None:
        """Take the answer of one input; the last one ends the job."""
        self.answers[place] = answer
        self._left -= 1
        if not self._left:
            self._end([each for each in self.answers if each is not None])

    def fail(self, error: Exception) -> None:
        """End the job with an error, unless it has ended."""
        self._end(error)

    def drop(self) -> None:
        """End the job: nobody waits for it any more."""
        with self._over:
            self.is_over = True

    def _end(self, outcome: Answers | Exception) -> None:
        with self._over:
            if self.is_over:
                return
            self.is_over = True
        self.done(outcome)


def _shape(item: Any) -> Hashable:
    """The kind of an input: what one call must have alike."""
    if isinstance(item, Mapping):
        return tuple(sorted(name for name, value in item.items() if value is not None))
    return type(item).__name__


def _frozen(value: Any) -> Hashable:
    if isinstance(value, Mapping):
        return tuple(sorted((name, _frozen(each)) for name, each in value.items()))
    if isinstance(value, list | tuple):
        return tuple(map(_frozen, value))
    return type(value).__name__, value  # 1, 1.0 and True are equal, and not the same option
