"""Streaming: tokens and text as soon as they are generated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import SupportsInt

import torch
from torch import Tensor, nn

from hfdl.generation.decoders import CausalDecoder, Seq2SeqDecoder
from hfdl.generation.sampling import Draw, Ending, greedy, sample, warper
from hfdl.generation.settings import Settings, prepare_decoder, prepare_ending
from hfdl.nn.lengths import evaluating

_REPLACEMENT = "\ufffd"
"""What decoding gives for bytes that are not a character, or not yet a complete one."""


def stream(
    model: nn.Module,
    input_ids: Tensor,
    attention_mask: Tensor | None = None,
    *,
    max_new_tokens: int = 20,
    do_sample: bool = False,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    stop_tokens: int | Iterable[int] | None = None,
    pad_token_id: int | None = None,
    decoder_start_token_id: int | None = None,
    seed: int | None = None,
    use_cache: bool = True,
) -> Iterator[Tensor]:
    """The new tokens of `generate`, each as soon as it is chosen.

    Beam search cannot be streamed, for the best beam is only known at the end. The model is in eval
    mode from the first token until the stream ends or is closed.

    Args:
        model: as for `generate`, like all other arguments.

    Yields:
        one token for each prompt, (B,); padding for those that have ended.

    Raises:
        ConfigError: as `generate`; at once, not at the first token.
    """
    settings = Settings(
        max_new_tokens=max_new_tokens, do_sample=do_sample, temperature=temperature,
        top_k=top_k, top_p=top_p,
    )  # fmt: skip
    ending = prepare_ending(model, max_new_tokens, stop_tokens, pad_token_id)
    decoder = prepare_decoder(
        model, input_ids, attention_mask, max_new_tokens=max_new_tokens,
        start_token_id=decoder_start_token_id, use_cache=use_cache,
    )  # fmt: skip
    return _evaluated(model, steps(decoder, ending, settings, seed))


def stream_text(tokens: Iterable[SupportsInt], decode: Callable[[list[int]], str]) -> Iterator[str]:
    """The text of a stream of tokens, piece by piece and never with half a character.

    One character may take several tokens (the bytes of an emoji), and the first of them do not
    decode to it. Such an end is held back. All pieces together are the text of all tokens.

    Args:
        tokens: ids of one sequence; tensors of one element will do, as `stream` yields them.
        decode: ids -> text, say ``lambda ids: tokenizer.decode(ids, skip_special_tokens=True)``.
            It gets all ids so far, since the text of a token may depend on those before it. More
            ids must give the same text and more: leave a tokenizer's
            ``clean_up_tokenization_spaces`` off.

    Yields:
        text, never empty.
    """
    ids: list[int] = []
    text, sent = "", 0
    for token in tokens:
        ids.append(int(token))
        text = decode(ids)
        complete = len(text.rstrip(_REPLACEMENT))
        if complete > sent:
            yield text[sent:complete]
            sent = complete
    if len(text) > sent:
        yield text[sent:]


def steps(
    decoder: CausalDecoder | Seq2SeqDecoder, ending: Ending, settings: Settings, seed: int | None
) -> Iterator[Tensor]:
    """Greedy search or sampling, by the settings; yields the tokens of one step, (B * R,)."""
    if not settings.do_sample:
        return greedy(decoder, ending)
    if seed is None:
        seed = int(torch.randint(2**63 - 1, ()))
    copies = settings.num_return_sequences
    draw = Draw(seed, len(decoder.ids), copies)
    warp = warper(settings.temperature, settings.top_k, settings.top_p)
    return sample(decoder, ending, warp, draw, copies=copies)


@torch.no_grad()  # on a generator function it covers the steps, but not what happens between them
def _evaluated(model: nn.Module, tokens: Iterator[Tensor]) -> Iterator[Tensor]:
    with evaluating(model):
        yield from tokens
