"""Prompts: texts and chats as the tokens that a model continues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from typing_extensions import TypedDict

from hfdl.errors import DataError
from hfdl.tasks.language_modeling.samples import prompt_ids


class Message(TypedDict):
    """One of a chat."""

    role: str
    content: str


Chat = list[dict[str, Any]]
"""Messages, each with ``role`` and ``content``."""
ASSISTANT = "assistant"


@dataclass(frozen=True)
class Prompt:
    """A text or a chat that is to be continued.

    Args:
        value: the text or chat itself.
        ids: its tokens, at least one.
    """

    value: str | Chat
    ids: list[int]

    def with_answer(self, text: str) -> str | Chat:
        """The text or chat, and the new text behind it."""
        if isinstance(self.value, str):
            return self.value + text
        if goes_on(self.value):
            last = self.value[-1]
            return [*self.value[:-1], {**last, "content": last["content"] + text}]
        return [*self.value, {"role": ASSISTANT, "content": text}]


def is_chat(value: Any) -> bool:
    """Whether a value is a chat, and not a list of texts or chats."""
    return isinstance(value, list | tuple) and bool(value) and isinstance(value[0], dict)


def goes_on(chat: Chat) -> bool:
    """Whether the last message is the beginning of the assistant's answer."""
    return chat[-1]["role"] == ASSISTANT


def is_new_answer(prompt: Prompt) -> bool:
    """Whether what follows a chat is a message of its own, which is decoded by itself."""
    return not isinstance(prompt.value, str) and not goes_on(prompt.value)


def read_prompt(value: Any, tokenizer: Any, index: int, start: int | None = None) -> Prompt:
    """The tokens of a text or a chat, the input of that index.

    An empty text begins with the tokenizer's start token, or else with the one that ends texts.

    Args:
        value: the text or the chat.
        tokenizer: the model's.
        index: of the input, for errors.
        start: what an empty text begins with where the tokenizer has neither: the model's own.

    Raises:
        DataError: it is neither, the tokenizer has no template for chats, or there is nothing that
            an empty text could begin with.
    """
    if is_chat(value):
        return _read_chat([*value], tokenizer, index)
    if not isinstance(value, str):
        raise wrong_input(value, index)
    ids = prompt_ids(tokenizer, value)
    if not ids and start is not None:
        ids = [start]
    if not ids:
        raise DataError(
            "the prompt is empty",
            where=f"input {index + 1}",
            rule="the tokenizer has no token that a text could begin with",
            remedy="give a text",
        )
    return Prompt(value, ids)


def _read_chat(chat: Chat, tokenizer: Any, index: int) -> Prompt:
    for message in chat:
        if not isinstance(message, dict) or not {"role", "content"} <= message.keys():
            raise wrong_input(message, index)
    if tokenizer.chat_template is None:
        raise DataError(
            "a chat was given",
            where=f"input {index + 1}",
            rule="the tokenizer has no chat template",
            remedy="give a text, or choose a model that was made for chats",
        )
    own = goes_on(chat)
    encoded = tokenizer.apply_chat_template(
        chat, add_generation_prompt=not own, continue_final_message=own, return_dict=True
    )
    return Prompt(chat, list(encoded["input_ids"]))


def wrong_input(value: Any, index: int) -> DataError:
    """The error for an input, or a message of a chat, that cannot be continued."""
    return DataError(
        f"cannot continue {value!r:.80}",
        where=f"input {index + 1}",
        rule="an input is a text, or a chat of role and content",
    )
