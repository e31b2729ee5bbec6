"""A cache gives what computing everything again would give."""

import pytest
import torch
from transformers import DynamicCache

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
