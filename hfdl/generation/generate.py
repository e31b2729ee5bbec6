"""`generate`: from prompts to token ids, for any model that is called as Hugging Face's are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hfdl.generation.beam import beam_search
from hfdl.generation.ending import StopText
from hfdl.generation.prepare import Search, prepare
from hfdl.generation.sampling import Trace
from hfdl.generation.streaming import steps
from hfdl.nn.lengths import evaluating


@dataclass(frozen=True)
class Generated:
    """What was written, and how probable it was.

    N = B * R sequences: the R of each prompt stand together.

    Args:
        sequences: as `generate` gives them, (N, T + new).
        new_tokens: the last ``new`` columns of them, (N, new).
        token_log_probs: log p of each new token given those before it, by the scores that it was
            chosen by: processed, and narrowed where it was drawn; (N, new), 0 at padding. They are
            what transformers' ``compute_transition_scores`` gives (``normalize_logits=True``, of
            beams False).
        sequence_scores: their sum, (N,); of beams divided by ``length ** length_penalty``.
        lengths: new tokens of each sequence, its stop token among them, (N,).
    """

    sequences: Tensor
    new_tokens: Tensor
    token_log_probs: Tensor
    sequence_scores: Tensor
    lengths: Tensor


def generate(
    model: nn.Module, input_ids: Tensor, attention_mask: Tensor | None = None, **options: Any
) -> Tensor:
    """Continue prompts; names and results are those of transformers' ``generate``.

    Greedy search, unless ``num_beams`` or ``do_sample`` is set, here or by the model: what
    its ``generation_config`` says holds wherever the call does not say otherwise (see
    `hfdl.generation.model_rules`). The model runs in eval mode.

    Args:
        model: decoder-only or encoder-decoder; how it is called is written at `CausalDecoder` and
            `Seq2SeqDecoder`.
        input_ids: prompts, or the sources of an encoder-decoder model, (B, T).
        attention_mask: (B, T), 1 at tokens, 0 at padding; None: no padding. Prompts are padded on
            the left.
        options: the settings of `Settings`, and those of `generate_with_scores`. ``max_new_tokens``
            may be a list, one for each prompt. None is the same as left out.

    Returns:
        token ids (B * R, T + new), each prompt before its continuation; for an encoder-decoder
        model (B * R, 1 + new), the start token before each target. ``new`` is the length of the
        longest, shorter ones are padded on the right.

    Raises:
        ConfigError: a setting is unknown, impossible or without effect, the model asks for what
            hfdl does not do, a prompt is empty, padded on the right or too long for the model.
    """
    return generate_with_scores(model, input_ids, attention_mask, **options).sequences


@torch.no_grad()
def generate_with_scores(
    model: nn.Module,
    input_ids: Tensor,
    attention_mask: Tensor | None = None,
    *,
    stop_tokens: int | Iterable[int] | None = None,
    stop_text: StopText | None = None,
    pad_token_id: int | None = None,
    decoder_start_token_id: int | None = None,
    seed: int | Sequence[int] | None = None,
    use_cache: bool | None = None,
    **settings: Any,
) -> Generated:
    """As `generate`, with the log-probabilities of what was written.

    Args:
        model: as for `generate`, like the next two.
        input_ids: (B, T).
        attention_mask: (B, T).
        stop_tokens: ids that end a sequence; () for none, None for the model's ``eos_token_id``.
        stop_text: ends a sequence by its text; see `hfdl.generation.text.stop_at`.
        pad_token_id: fills up ended sequences. None: the model's own, else the first stop
            token.
        decoder_start_token_id: what targets begin with; None: the model's own.
        seed: of the random numbers, which are each row's own: see `hfdl.generation.sampling.Draw`.
            None draws one from torch's global generator.
        use_cache: False computes every position again for every token; None: as the model says.
        settings: see `hfdl.generation.settings.Settings`.
    """
    search = prepare(
        model, input_ids, attention_mask, settings, stop_tokens=stop_tokens, stop_text=stop_text,
        pad_token_id=pad_token_id, decoder_start_token_id=decoder_start_token_id,
        use_cache=use_cache,
    )  # fmt: skip
    # (B * R, T); kept here, for a decoder's own ids grow
    prefix = search.decoder.ids.repeat_interleave(search.settings.num_return_sequences, dim=0)
    with evaluating(model):
        if search.settings.num_beams > 1:
            return _best(search, prefix)
        return _stepwise(search, prefix, seed)


def _stepwise(search: Search, prefix: Tensor, seed: int | Sequence[int] | None) -> Generated:
    trace = Trace()
    new = torch.stack(list(steps(search, seed, trace)), dim=1)  # (N, new)
    log_probs, running = torch.stack(trace.log_probs, dim=1), torch.stack(trace.running, dim=1)
    sequences = torch.cat([prefix, new], dim=1)
    return Generated(sequences, new, log_probs, log_probs.sum(1), running.sum(1))


def _best(search: Search, prefix: Tensor) -> Generated:
    """The best R continuations of each prompt by beam search."""
    settings, count = search.settings, search.settings.num_return_sequences
    found = beam_search(
        search.decoder, search.ending, num_beams=settings.num_beams,
        length_penalty=settings.length_penalty, early_stopping=settings.early_stopping,
        process=search.process,
    )  # fmt: skip
    lengths = found.lengths[:, :count].flatten()  # (B, R) -> (B * R,)
    longest = int(lengths.max())
    new = found.tokens[:, :count, :longest].flatten(0, 1)  # (B, R, new) -> (B * R, new)
    log_probs = found.log_probs[:, :count, :longest].flatten(0, 1)
    scores = found.scores[:, :count].flatten()
    return Generated(torch.cat([prefix, new], dim=1), new, log_probs, scores, lengths)
