"""hfdl's own decoders write what transformers writes: its cache, the last logits alone, one row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import DynamicCache

from hfdl.generation import generate
from hfdl.generation.decoders import CausalDecoder
from hfdl.hf_models.load import to_scratch_model
from hfdl.nn import cache as cache_module
from hfdl.nn import linear as linear_module
from hfdl.nn.cache import KVCache
from hfdl.nn.cpu import onednn

KINDS = ["gpt2", "llama", "mistral"]
"""The last has a window of 4, fewer than a prompt."""
SEARCHES: dict[str, dict[str, Any]] = {
    "greedy": {}, "beams": {"num_beams": 3, "num_return_sequences": 2},
}  # fmt: skip
Tiny = Callable[..., Any]


@pytest.fixture
def forced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rooms of two positions, and one row multiplied as matrices whatever its size; its calls."""
    calls: list[int] = []
    own = linear_module._one_row

    def counted(x: Tensor, *others: Any) -> Tensor:
        calls.append(x.numel())
        return own(x, *others)

    monkeypatch.setattr(cache_module, "ROOM", 2)
    monkeypatch.setattr(linear_module, "ONE_ROW", 1)
    monkeypatch.setattr(onednn, "is_faster", lambda: True)
    monkeypatch.setattr(linear_module, "_one_row", counted)
    return calls


def left_padded(rows: int) -> tuple[Tensor, Tensor]:
    """Prompts of 3 to 10 tokens; the first is the longest."""
    draw = torch.Generator().manual_seed(rows)
    ids = torch.randint(10, 37, (rows, 10), generator=draw)
    padding = torch.randint(0, 8, (rows, 1), generator=draw)
    padding[0] = 0
    mask = (torch.arange(10) >= padding).long()
    return ids.masked_fill(mask == 0, 2), mask


@pytest.mark.parametrize("rows", [1, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_ids_equal_transformers(kind: str, rows: int, tiny: Tiny, forced: list[int]) -> None:
    theirs = tiny(kind)
    ours, (ids, mask) = to_scratch_model(theirs), left_padded(rows)
    for name, settings in SEARCHES.items():
        expected = theirs.generate(
            ids, attention_mask=mask, do_sample=False, max_new_tokens=25, **settings
        )
        assert torch.equal(generate(ours, ids, mask, max_new_tokens=25, **settings), expected), name
        assert bool(forced) == (rows == 1)
    drawn = {"do_sample": True, "top_k": 20, "seed": 3, "max_new_tokens": 25}
    expected = generate(theirs, ids, mask, **drawn)
    assert torch.equal(generate(ours, ids, mask, **drawn), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_step_reads_and_writes(kind: str, tiny: Tiny) -> None:
    ours, (ids, mask) = to_scratch_model(tiny(kind)), left_padded(3)
    seen: list[tuple[int, ...]] = []
    ours.core.head.register_forward_hook(lambda module, args, out: seen.append(tuple(out.shape)))
    decoder = CausalDecoder(ours, ids, mask)
    with torch.no_grad():
        first = decoder.start()
        second = decoder.step(torch.full((3, 1), 20))
        whole = ours(
            input_ids=decoder.ids, attention_mask=decoder.mask, use_cache=False,
            position_ids=(decoder.mask.cumsum(1) - 1).clamp(min=0),
        ).logits  # fmt: skip
    assert seen[:2] == [(3, 1, 37)] * 2  # no logits of the prompt but the last
    assert isinstance(decoder.cache, DynamicCache if kind == "mistral" else KVCache)
    for found, place in ((first, -2), (second, -1)):
        torch.testing.assert_close(found, whole[:, place], rtol=1e-5, atol=1e-5)
