"""A cache gives what computing everything again would give."""

import pytest
import torch
from torch import Tensor
from transformers import DynamicCache

from hfdl.nn import cache as module
from hfdl.nn.attend import PaddedAttend
from hfdl.nn.attention import MultiHeadAttention
from hfdl.nn.cache import KVCache


@pytest.mark.parametrize("make", [KVCache, DynamicCache])
@pytest.mark.parametrize("chunks", [[1] * 6, [3, 1, 2], [6]])
def test_cached_attention_equals_uncached(make, chunks) -> None:
    torch.manual_seed(0)
    layers = [MultiHeadAttention(8, 4, num_kv_heads=2, layer_idx=i).double() for i in range(2)]
    x = torch.randn(2, 6, 8, dtype=torch.float64)
    whole = [layer(x, PaddedAttend(causal=True)) for layer in layers]
    cache = make()
    steps = [
        [layer(piece, PaddedAttend(causal=True, cache=cache)) for layer in layers]
        for piece in x.split(chunks, dim=1)
    ]
    for layer in range(2):
        assert (torch.cat([s[layer] for s in steps], 1) - whole[layer]).abs().max() < 1e-14
    assert cache.get_seq_length() == cache.get_seq_length(1) == 6
    assert tuple(cache.get_mask_sizes(2, 0)) == (8, 0)


def test_it_holds_key_value_heads_only_and_counts_its_bytes() -> None:
    cache = KVCache()
    assert cache.get_seq_length() == cache.nbytes == 0
    cache.update(torch.zeros(3, 2, 5, 8), torch.zeros(3, 2, 5, 8), 0)
    assert cache.nbytes == 2 * 3 * 2 * 5 * 8 * 4


def test_reordering_gives_rows_the_past_of_others() -> None:
    cache = KVCache()
    k = torch.arange(3.0).view(3, 1, 1, 1)
    cache.update(k, 10 * k, 0)
    cache.reorder_cache(torch.tensor([2, 0, 2]))
    assert cache.keys[0].flatten().tolist() == [2, 0, 2]
    assert cache.values[0].flatten().tolist() == [20, 0, 20]


def pieces(lengths: list[int]) -> list[tuple[Tensor, Tensor]]:
    draw = torch.Generator().manual_seed(0)
    return [
        (torch.randn(3, 2, n, 4, generator=draw), torch.randn(3, 2, n, 4, generator=draw))
        for n in lengths
    ]


def test_steps_write_into_the_room_that_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROOM", 3)
    cache, given, places = KVCache(), pieces([5, 1, 1, 2, 1, 9, 1]), []
    for i, (k, v) in enumerate(given):
        found = cache.update(k, v, 0)
        places.append(found[0].data_ptr())
        for ours, parts in zip(found, zip(*given[: i + 1], strict=True), strict=True):
            assert torch.equal(ours, torch.cat(parts, dim=2))
    # A room for 6 + 3 holds until a ninth is there; that for 10 + 5 not the nineteenth.
    assert [places.index(each) for each in places] == [0, 1, 1, 1, 4, 5, 5]
    assert cache.get_seq_length() == 20
    assert cache.nbytes >= 2 * 3 * 2 * 20 * 4 * 4


def test_what_was_given_before_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROOM", 3)
    cache, given, before = KVCache(), pieces([2, 1, 1, 1, 1, 1]), []
    for k, v in given:
        before.append(cache.update(k, v, 0)[0])
        kept = torch.cat([each for each, _ in given[: len(before)]], dim=2)
        assert torch.equal(before[-1], kept)
        order = torch.tensor([2, 1, 0])
        cache.reorder_cache(order)  # twice: as it was
        assert torch.equal(cache.keys[0], kept[order])
        cache.reorder_cache(order)
    for i, found in enumerate(before):
        assert torch.equal(found, torch.cat([k for k, _ in given[: i + 1]], dim=2))


def test_a_prompt_read_in_inference_mode_goes_on_outside_it() -> None:
    cache, given = KVCache(), pieces([2, 1, 1])
    with torch.inference_mode():
        cache.update(*given[0], 0)
        cache.update(*given[1], 0)
    k, _ = cache.update(*given[2], 0)
    assert torch.equal(k, torch.cat([each for each, _ in given], dim=2))


def test_gradients_pass_through_steps() -> None:
    cache, given = KVCache(), [(k.requires_grad_(), v) for k, v in pieces([2, 1, 1])]
    for k, v in given:
        found, _ = cache.update(k, v, 0)
    found.square().sum().backward()
    for k, _ in given:
        assert k.grad is not None
        assert torch.equal(k.grad, 2 * k.detach())
