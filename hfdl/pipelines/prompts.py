"""What a text is continued from: a text or a chat, as the tokens that the model is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hfdl.data.encode import read_template
from hfdl.errors import DataError

Chat = list[dict[str, Any]]
"""Messages, each with ``role`` and ``content``."""
ASSISTANT = "assistant"


@dataclass(frozen=True)
class Prompt:
    """A text or a chat that is to be continued.

    Args:
        given: as it came.
        ids: its tokens, at least one.
    """

    given: str | Chat
    ids: list[int]

    def with_answer(self, text: str) -> str | Chat:
        """What was given, and what was written behind it."""
        if isinstance(self.given, str):
            return self.given + text
        if goes_on(self.given):
            last = self.given[-1]
            return [*self.given[:-1], {**last, "content": last["content"] + text}]
        return [*self.given, {"role": ASSISTANT, "content": text}]


def is_chat(value: Any) -> bool:
    """Whether a value is a chat, and not a list of texts or chats."""
    return isinstance(value, list | tuple) and bool(value) and isinstance(value[0], dict)


def goes_on(chat: Chat) -> bool:
    """Whether the last message is the assistant's own beginning."""
    return chat[-1]["role"] == ASSISTANT


def read_prompt(value: Any, tokenizer: Any, where: str) -> Prompt:
    """The tokens of a text or a chat.

    An empty text begins with the tokenizer's start token, or else with the one that ends texts.

    Raises:
        DataError: it is neither, the tokenizer has no template for chats, or there is nothing that
            an empty text could begin with.
    """
    if is_chat(value):
        return _read_chat([*value], tokenizer, where)
    if not isinstance(value, str):
        raise _unreadable(value, where)
    ids = list(tokenizer(value)["input_ids"])
    behind = list(read_template(tokenizer, pair=False).specials[-1])
    if behind and ids[-len(behind) :] == behind:
        ids = ids[: -len(behind)]  # an end token: the text goes on
    starts = [i for i in (tokenizer.bos_token_id, tokenizer.eos_token_id) if i is not None]
    if not ids and not starts:
        raise DataError(
            "the prompt is empty",
            where=where,
            rule="the tokenizer has no token that a text could begin with",
            remedy="give a text",
        )
    return Prompt(value, ids or starts[:1])


def _read_chat(chat: Chat, tokenizer: Any, where: str) -> Prompt:
    for message in chat:
        if not isinstance(message, dict) or not {"role", "content"} <= message.keys():
            raise _unreadable(message, where)
    if tokenizer.chat_template is None:
        raise DataError(
            "a chat was given",
            where=where,
            rule="the tokenizer has no chat template",
            remedy="give a text, or choose a model that was made for chats",
        )
    own = goes_on(chat)
    encoded = tokenizer.apply_chat_template(
        chat, add_generation_prompt=not own, continue_final_message=own, return_dict=True
    )
    return Prompt(chat, list(encoded["input_ids"]))


def _unreadable(value: Any, where: str) -> DataError:
    return DataError(
        f"cannot continue {value!r:.80}",
        where=where,
        rule="an input is a text, or a chat of role and content",
    )
