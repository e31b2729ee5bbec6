"""The adapters: cached equals uncached, padding takes no position, rows move together."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hfdl.generation.decoders import CausalDecoder, Seq2SeqDecoder, last_logits, padded_positions
from hfdl.nn.cache import KVCache

CAUSAL, SEQ2SEQ = ["gpt2", "llama", "mistral"], ["marian", "t5"]
START = 2


def decoder_of(model: Any, ids: Tensor, mask: Tensor | None, *, use_cache: bool) -> Any:
    if model.config.is_encoder_decoder:
        return Seq2SeqDecoder(model, ids, mask, start_token_id=START, use_cache=use_cache)
    return CausalDecoder(model, ids, mask, use_cache=use_cache)


@torch.no_grad()
def walk(decoder: Any) -> list[Tensor]:
    """Logits of a start, steps of one and of several tokens, and rows moved about."""
    tokens = torch.arange(10, 30)
    logits = [decoder.start(), decoder.step(tokens[:3, None])]
    decoder.reorder(torch.tensor([2, 0, 0, 1, 2]))
    logits += [decoder.step(tokens[5:10, None]), decoder.step(tokens[:10].view(5, 2))]
    decoder.reorder(torch.tensor([4, 1]))
    return [*logits, decoder.step(tokens[:2, None])]


@pytest.mark.parametrize("kind", [*CAUSAL, *SEQ2SEQ])
def test_cached_equals_uncached(
    kind: str,
    tiny: Callable[..., Any],
    prompts: Callable[..., tuple[Tensor, Tensor]],
    forwards: Callable[[Any], list[tuple[int, int]]],
) -> None:
    model = tiny(kind).double()
    seq2seq = kind in SEQ2SEQ
    ids, mask = prompts("right" if seq2seq else "left")
    calls = forwards(model)
    cached = walk(decoder_of(model, ids, mask, use_cache=True))
    uncached = walk(decoder_of(model, ids, mask, use_cache=False))
    before = 1 if seq2seq else 7
    rows = [3, 3, 5, 5, 2]
    assert calls[:5] == list(zip(rows, [before, 1, 1, 2, 1], strict=True))
    assert calls[5:] == list(zip(rows, [before + n for n in (0, 1, 2, 4, 5)], strict=True))
    for one, other in zip(cached, uncached, strict=True):
        assert one.dtype == torch.float64
        torch.testing.assert_close(one, other, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", CAUSAL)
def test_a_padded_prompt_reads_as_it_does_alone(
    kind: str, tiny: Callable[..., Any], prompts: Callable[..., tuple[Tensor, Tensor]]
) -> None:
    model, (ids, mask) = tiny(kind), prompts()
    together = CausalDecoder(model, ids, mask)
    first, second = together.start(), together.step(torch.full((3, 1), 20))
    for row, length in enumerate([4, 6, 7]):
        alone = CausalDecoder(model, ids[row : row + 1, -length:])
        torch.testing.assert_close(alone.start()[0], first[row], atol=1e-4, rtol=1e-5)
        step = alone.step(torch.full((1, 1), 20))
        torch.testing.assert_close(step[0], second[row], atol=1e-4, rtol=1e-5)


def test_positions_skip_the_padding() -> None:
    mask = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 1]])
    assert padded_positions(mask).tolist() == [[0, 0, 0, 1], [0, 1, 2, 3], [0, 0, 0, 0]]


def test_last_logits_are_a_copy_in_float32_at_least() -> None:
    for given, expected in [
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ]:
        logits = torch.randn(2, 3, 5).to(given)
        last = last_logits(logits)
        assert last.dtype == expected
        assert torch.equal(last, logits[:, 2].to(expected))
        assert last.untyped_storage().data_ptr() != logits.untyped_storage().data_ptr()


class OneLayer(nn.Module):
    """A language model of one attention, on hfdl's own cache and called as Hugging Face's are."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(40, 8), nn.Embedding(30, 8)
        self.project, self.out = nn.Linear(8, 24), nn.Linear(8, 40)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, position_ids: Tensor,
        past_key_values: KVCache | None, use_cache: bool,
    ) -> SimpleNamespace:  # fmt: skip
        x = self.tokens(input_ids) + self.positions(position_ids)
        q, k, v = self.project(x).unsqueeze(1).chunk(3, dim=-1)  # (B, 1, T, 8)
        cache = past_key_values or KVCache()
        k, v = cache.update(k, v, 0)
        s, t = k.shape[2], q.shape[2]
        mask = torch.ones(t, s, dtype=torch.bool).tril(s - t) & attention_mask[:, None, None].bool()
        scores = (q @ k.mT).masked_fill(~mask, torch.finfo(q.dtype).min)
        logits = self.out((scores.softmax(-1) @ v).squeeze(1))
        return SimpleNamespace(logits=logits, past_key_values=cache if use_cache else None)


def test_hfdls_own_cache_serves(prompts: Callable[..., tuple[Tensor, Tensor]]) -> None:
    torch.manual_seed(0)
    model, (ids, mask) = OneLayer().double(), prompts()
    decoder = CausalDecoder(model, ids, mask)
    cached = walk(decoder)
    assert isinstance(decoder.cache, KVCache)
    assert decoder.cache.get_seq_length() == 7 + 5
    for one, other in zip(
        cached, walk(CausalDecoder(model, ids, mask, use_cache=False)), strict=True
    ):
        torch.testing.assert_close(one, other, atol=1e-12, rtol=0)


def test_the_encoder_runs_once(
    tiny: Callable[..., Any], prompts: Callable[..., tuple[Tensor, Tensor]]
) -> None:
    model, (ids, mask) = tiny("marian"), prompts("right")
    runs: list[tuple[int, ...]] = []
    model.get_encoder().register_forward_hook(lambda m, args, out: runs.append(out[0].shape))
    walk(Seq2SeqDecoder(model, ids, mask, start_token_id=START))
    assert runs == [(3, 7, 32)]
