"""Streaming: tokens and text as soon as they are generated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, SupportsInt

import torch
from torch import Tensor, nn

from hfdl.errors import ConfigError
from hfdl.generation.prepare import Search, prepare
from hfdl.generation.sampling import Draw, Trace, likeliest, stepwise
from hfdl.generation.text import continuation, cut_at
from hfdl.nn.lengths import evaluating

_REPLACEMENT = "\ufffd"
"""What decoding gives for bytes that are not a character, or not yet a complete one."""


def stream(
    model: nn.Module,
    input_ids: Tensor,
    attention_mask: Tensor | None = None,
    *,
    seed: int | Sequence[int] | None = None,
    **options: Any,
) -> Iterator[Tensor]:
    """The new tokens of `generate`, each as soon as it is chosen.

    Beam search cannot be streamed, for the best beam is only known at the end. The model is in eval
    mode from the first token until the stream ends or is closed.

    Args:
        model: as for `generate`, like all other arguments.

    Yields:
        one token for each sequence, (B * R,); padding for those that have ended.

    Raises:
        ConfigError: as `generate`, and where beams are asked for; at once, not at the first token.
    """
    settings = {k: v for k, v in options.items() if k not in _PREPARED}
    prepared = {k: v for k, v in options.items() if k in _PREPARED}
    search = prepare(model, input_ids, attention_mask, settings, **prepared)
    if search.settings.num_beams > 1:
        raise ConfigError(
            f"{search.settings.num_beams} beams cannot be streamed", where="num_beams",
            rule="the best of them is known at the end", remedy="give num_beams=1",
        )  # fmt: skip
    return _evaluated(model, steps(search, seed))


_PREPARED = ("stop_tokens", "stop_text", "pad_token_id", "decoder_start_token_id", "use_cache")


def stream_text(
    tokens: Iterable[SupportsInt],
    decode: Callable[[list[int]], str],
    *,
    prompt: Sequence[int] = (),
    stops: Sequence[str] = (),
    by_words: bool = False,
    unsettled: Callable[[int], bool] = lambda token: False,
) -> Iterator[str]:
    """The text of a stream of tokens, piece by piece and never with half a character.

    One character may take several tokens (the bytes of an emoji), and the first of them do not
    decode to it. Such an end is held back, and so is one that may become a text to stop at. All
    pieces together are the text of all tokens.

    Args:
        tokens: ids of one sequence; tensors of one element will do, as `stream` yields them.
        decode: ids -> text, say ``lambda ids: tokenizer.decode(ids, skip_special_tokens=True)``.
            It gets all ids so far, since the text of a token may depend on those before it.
        prompt: ids that stand before, whose text is left out.
        stops: texts that end the stream; they and what follows are left out.
        by_words: hold back the last word: for a ``decode`` that changes it when more follows, as
            where ``clean_up_tokenization_spaces`` joins "do n't". Otherwise more ids must give the
            same text and more.
        unsettled: which tokens say nothing certain before another kind follows: sentencepiece's
            single bytes, a row of which is read as a whole.

    Yields:
        text, never empty.
    """
    ids: list[int] = []
    text, sent = "", 0
    for token in tokens:
        ids.append(int(token))
        text = continuation(decode, prompt, ids) if prompt else decode(ids)
        if any(stop in text for stop in stops):
            break
        complete = _settled(text, stops, by_words=by_words)
        if complete > sent and not unsettled(ids[-1]):
            yield text[sent:complete]
            sent = complete
    text = cut_at(text, stops)
    if len(text) > sent:
        yield text[sent:]


def _settled(text: str, stops: Sequence[str], *, by_words: bool) -> int:
    """How many characters of a text stay as they are, whatever follows."""
    length = len(text.rstrip(_REPLACEMENT))
    if by_words:
        while length and not text[length - 1].isspace():
            length -= 1
        length = len(text[:length].rstrip())
    begun = [
        n for stop in stops for n in range(1, min(len(stop), length + 1))
        if text.endswith(stop[:n], 0, length)
    ]  # fmt: skip
    return length - max(begun, default=0)


def steps(
    search: Search, seed: int | Sequence[int] | None, trace: Trace | None = None
) -> Iterator[Tensor]:
    """Greedy search or sampling, by the settings; yields the tokens of one step, (B * R,).

    Args:
        search: its prompts and settings.
        seed: of the draws, or one for each prompt.
        trace: takes how probable the tokens were.
    """
    choose, copies = likeliest, 1
    if search.settings.do_sample:
        copies = search.settings.num_return_sequences
        seed = int(torch.randint(2**63 - 1, ())) if seed is None else seed
        choose = Draw(seed, len(search.decoder.ids), copies)
    return stepwise(
        search.decoder, choose, search.ending, copies=copies, process=search.process, trace=trace
    )


@torch.no_grad()  # on a generator function it covers the steps, but not what happens between them
def _evaluated(model: nn.Module, tokens: Iterator[Tensor]) -> Iterator[Tensor]:
    with evaluating(model):
        yield from tokens
