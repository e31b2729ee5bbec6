"""How a pipeline is called, for who knows it by its name alone: a server, a page with a form."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, get_type_hints

Options = Mapping[str, Any]


class CallForm:
    """What is told of a pipeline's call; a subclass overrides what differs.

    Attributes:
        item: the type of one input, as JSON has it.
        item_words: the same in words, for messages.
        example: an input, and the options that it cannot do without.
        not_sent: options of the call that are not for a sender: what memory is there for, and
            answers that have no JSON.
        answer_counts: options that say how many answers there are: 1 or more.
    """

    item: ClassVar[Any] = str
    item_words: ClassVar[str] = "a text"
    not_sent: ClassVar[frozenset[str]] = frozenset({"batch_size", "return_tensors"})
    answer_counts: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def call_options(cls) -> dict[str, Any]:
        """The types of the options that a call takes, by name."""
        call: Any = cls.__call__
        hints = get_type_hints(call)
        _, _, *options = inspect.signature(call).parameters.values()
        named = [each.name for each in options if each.kind is not each.VAR_KEYWORD]
        return {name: hints[name] for name in named if name not in cls.not_sent}

    def example(self) -> tuple[Any, dict[str, Any]]:
        """An input, and the options without which it has no answer."""
        return "A text of yours.", {}

    def is_one(self, inputs: Any, options: Options) -> bool:
        """Whether inputs are a single one, and no list of them."""
        return not isinstance(inputs, list)

    def of_one(self, answer: Any, inputs: Any, options: Options) -> Any:
        """What a call with a single input gives, by the answer that it has in a list."""
        return answer

    def options_at(self, options: Options, place: int) -> Options:
        """With which an input of a list is answered alone as it is at its place."""
        return options

    def rows(self, item: Any, options: Options) -> int:
        """How many rows the model reads for an input that is not long."""
        return 1
