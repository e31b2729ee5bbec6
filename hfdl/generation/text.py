"""From new tokens to text: what a token says depends on those before it.

A tokenizer of sentencepiece's kind writes the blank between two words at the beginning of the
second, and takes it off at the beginning of a text. So a continuation is decoded behind its prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hfdl.generation.ending import StopText

Decode = Callable[[list[int]], str]
"""Ids -> text."""


def continuation(decode: Decode, prompt: Sequence[int], new: Sequence[int]) -> str:
    """The text of new tokens behind a prompt, without the prompt's.

    Args:
        decode: ids -> text.
        prompt: ids that stand before.
        new: ids that follow.
    """
    whole, before = decode([*prompt, *new]), decode([*prompt])
    return whole[_shared(whole, before) :]


def continued(
    decode: Decode, text: str, prompt: Sequence[int], new: Sequence[int]
) -> tuple[str, str]:
    """A prompt's text and what follows it; one behind the other they are the whole.

    The prompt stands as it was given, also where its ids decode to another text (lower case, an
    unknown word). Only where new tokens change how its end reads, that end belongs to what follows.

    Args:
        decode: ids -> text.
        text: the prompt as it was given.
        prompt: its ids.
        new: ids that follow.
    """
    whole, before = decode([*prompt, *new]), decode([*prompt])
    shared = _shared(whole, before)
    return text[:shared] if before == text else text, whole[shared:]


def _shared(whole: str, before: str) -> int:
    """How far a whole text reads as its beginning did alone.

    Mostly to the end of it. Not where that is half a character, or a blank before a comma that the
    tokenizer takes away.
    """
    if whole.startswith(before):
        return len(before)
    pairs = enumerate(zip(whole, before, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(whole), len(before)))


def cut_at(text: str, stops: Sequence[str]) -> str:
    """What stands before the first of the texts to stop at."""
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return text[: min(places)] if places else text


def stop_at(decode: Decode, prompts: Sequence[Sequence[int]], stops: Sequence[str]) -> StopText:
    """Whether a continuation holds one of some texts, wherever in its tokens they begin and end.

    Args:
        decode: ids -> text.
        prompts: ids of each prompt.
        stops: texts, none of them empty.
    """

    def stopped(prompt: int, new: list[int]) -> bool:
        if not stops:
            return False
        text = continuation(decode, prompts[prompt], new)
        return any(stop in text for stop in stops)

    return stopped
