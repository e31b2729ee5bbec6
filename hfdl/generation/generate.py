"""`generate`: from prompts to token ids, for any model that is called as Hugging Face's are."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from hfdl.generation.beam import EarlyStopping, beam_search
from hfdl.generation.protocol import Decoder
from hfdl.generation.sampling import Ending
from hfdl.generation.settings import Settings, prepare_decoder, prepare_ending
from hfdl.generation.streaming import steps
from hfdl.nn.lengths import evaluating


@torch.no_grad()
def generate(
    model: nn.Module,
    input_ids: Tensor,
    attention_mask: Tensor | None = None,
    *,
    max_new_tokens: int = 20,
    num_beams: int = 1,
    do_sample: bool = False,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    num_return_sequences: int = 1,
    length_penalty: float = 1.0,
    early_stopping: EarlyStopping = False,
    stop_tokens: int | Iterable[int] | None = None,
    pad_token_id: int | None = None,
    decoder_start_token_id: int | None = None,
    seed: int | None = None,
    use_cache: bool = True,
) -> Tensor:
    """Continue prompts; names and results are those of transformers' ``generate``.

    Greedy search, unless ``num_beams`` or ``do_sample`` is set. The model runs in eval mode. Of its
    own settings for generation only the three token ids below are used.

    Args:
        model: decoder-only or encoder-decoder; how it is called is written at `CausalDecoder` and
            `Seq2SeqDecoder`.
        input_ids: prompts, or the sources of an encoder-decoder model, (B, T).
        attention_mask: (B, T), 1 at tokens, 0 at padding; None: no padding. Prompts are padded on
            the left.
        max_new_tokens: the most new tokens for each prompt.
        num_beams: above 1, beam search.
        do_sample: draw each token at random.
        temperature: with do_sample; see `hfdl.generation.sampling`.
        top_k: as temperature; None keeps all.
        top_p: as temperature; None keeps all.
        num_return_sequences: R, for each prompt; with do_sample, or up to num_beams.
        length_penalty: with beams; see `hfdl.generation.beam`.
        early_stopping: as length_penalty.
        stop_tokens: ids that end a sequence; () for none, None for the model's ``eos_token_id``.
        pad_token_id: fills up ended sequences. None: the model's own, else the first stop
            token.
        decoder_start_token_id: what targets begin with; None: the model's own.
        seed: of the random numbers, which are each row's own: see `hfdl.generation.sampling.Draw`.
            None draws one from torch's global generator.
        use_cache: False computes every position again for every token.

    Returns:
        token ids (B * R, T + new), each prompt before its continuation; for an encoder-decoder
        model (B * R, 1 + new), the start token before each target. ``new`` is the length of the
        longest, shorter ones are padded on the right.

    Raises:
        ConfigError: a setting is impossible or without effect, a prompt is empty, padded on the
            right or too long for the model.
    """
    settings = Settings(
        max_new_tokens=max_new_tokens, num_beams=num_beams, do_sample=do_sample,
        temperature=temperature, top_k=top_k, top_p=top_p,
        num_return_sequences=num_return_sequences, length_penalty=length_penalty,
        early_stopping=early_stopping,
    )  # fmt: skip
    ending = prepare_ending(model, max_new_tokens, stop_tokens, pad_token_id)
    decoder = prepare_decoder(
        model, input_ids, attention_mask, max_new_tokens=max_new_tokens,
        start_token_id=decoder_start_token_id, use_cache=use_cache,
    )  # fmt: skip
    prefix = decoder.ids.repeat_interleave(num_return_sequences, dim=0)  # (B * R, T)
    with evaluating(model):
        if num_beams > 1:
            new = _best(decoder, ending, settings)
        else:
            new = torch.stack(list(steps(decoder, ending, settings, seed)), dim=1)
    return torch.cat([prefix, new], dim=1)


def _best(decoder: Decoder, ending: Ending, settings: Settings) -> Tensor:
    """The best R continuations of each prompt by beam search, (B * R, new)."""
    hypotheses = beam_search(
        decoder, ending, num_beams=settings.num_beams, length_penalty=settings.length_penalty,
        early_stopping=settings.early_stopping,
    )  # fmt: skip
    count = settings.num_return_sequences
    longest = int(hypotheses.lengths[:, :count].max())
    return hypotheses.tokens[:, :count, :longest].flatten(0, 1)  # (B, R, new) -> (B * R, new)
