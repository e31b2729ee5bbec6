"""Batches without padding: there and back, and attention that stays within each sequence."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hfdl.errors import ShapeError
from hfdl.nn import attend
from hfdl.nn.attend import PackedAttend, PaddedAttend
from hfdl.nn.attention import MultiHeadAttention
from hfdl.nn.functional import attention
from hfdl.nn.fused import fused_attention
from hfdl.nn.masks import padding_mask, sliding_window_mask
from hfdl.nn.packing import Packing

MASKS = {
    "right": [[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0]],
    "left": [[1, 1, 1, 1, 1], [0, 0, 0, 1, 1], [0, 0, 1, 1, 1]],
    "none": [[1, 1, 1, 1, 1]] * 3,
    "inside": [[1, 0, 1, 1, 0], [0, 1, 0, 0, 1], [1, 1, 1, 1, 1]],
    "one token": [[1], [1]],
}


@pytest.fixture(params=MASKS, ids=str)
def mask(request) -> torch.Tensor:
    return torch.tensor(MASKS[request.param])


def test_packing_goes_there_and_back(mask) -> None:
    packing = Packing.of(mask)
    x = torch.randn(*mask.shape, 3)
    packed = packing.pack(x)
    assert torch.equal(packed, x[mask.bool()])
    assert torch.equal(packing.unpack(packed), x * mask[..., None])
    assert packing.tokens == sum(packing.lengths) == int(mask.sum())
    assert (packing.batch_size, packing.longest) == (len(mask), int(mask.sum(1).max()))


@st.composite
def masks(draw) -> torch.Tensor:
    width = draw(st.integers(1, 6))
    rows = st.lists(st.booleans(), min_size=width, max_size=width)
    return torch.tensor(draw(st.lists(rows, min_size=1, max_size=5)))


@given(masks())
def test_any_packing_holds_each_real_token_once_and_in_order(mask: torch.Tensor) -> None:
    packing = Packing.of(mask)
    numbers = torch.arange(1, mask.numel() + 1).view(mask.shape)
    packed = packing.pack(numbers)
    assert packed.tolist() == [n for n in (numbers * mask).flatten().tolist() if n]
    assert torch.equal(packing.unpack(packed), numbers * mask)
    assert packing.lengths == tuple(mask.sum(1).tolist())
    assert packing.positions().tolist() == [i for n in packing.lengths for i in range(n)]


def test_positions_first_and_last_tokens(mask) -> None:
    packing = Packing.of(mask)
    expected = [i for row in mask.tolist() for i in range(sum(row))]
    assert packing.positions().tolist() == expected
    ids = torch.arange(mask.numel()).view(mask.shape)
    rows = [row[keep.bool()].tolist() for row, keep in zip(ids, mask, strict=True)]
    packed = packing.pack(ids)
    assert packed[packing.firsts()].tolist() == [row[0] for row in rows]
    assert packed[packing.lasts()].tolist() == [row[-1] for row in rows]


def test_gradients_flow_through(mask) -> None:
    x = torch.randn(*mask.shape, 2, dtype=torch.float64, requires_grad=True)
    packing = Packing.of(mask)
    packing.unpack(packing.pack(x)).square().sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, 2 * x.detach() * mask[..., None])


@pytest.mark.parametrize("kernel", [attention, fused_attention])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kv_heads", [4, 2])
def test_packed_attention_equals_padded(mask, kernel, causal, kv_heads) -> None:
    torch.manual_seed(0)
    module = MultiHeadAttention(8, 4, num_kv_heads=kv_heads).double().eval()
    x = torch.randn(*mask.shape, 8, dtype=torch.float64, requires_grad=True)
    packing = Packing.of(mask)
    padded = module(x, PaddedAttend(kernel, padding_mask(mask), causal=causal))
    packed = module(packing.pack(x), PackedAttend(packing, kernel, causal=causal))
    assert (packing.pack(padded) - packed).abs().max() < 1e-14
    (a,) = torch.autograd.grad(packing.pack(padded).square().sum(), x)
    (b,) = torch.autograd.grad(packed.square().sum(), x)
    assert a.abs().max() > 0
    assert (a - b).abs().max() < 1e-13


@pytest.mark.parametrize("window", [1, 2, 4])
def test_a_window_counts_real_tokens(window) -> None:
    module = MultiHeadAttention(8, 2).double().eval()
    lengths = (5, 2, 3)
    x = torch.randn(sum(lengths), 8, dtype=torch.float64)
    packing = Packing(torch.arange(sum(lengths)), lengths, max(lengths))
    packed = module(x, PackedAttend(packing, causal=True, window=window))
    alone = [
        module(row[None], PaddedAttend(mask=sliding_window_mask(len(row), window=window)))[0]
        for row in x.split(lengths)
    ]
    assert (packed - torch.cat(alone)).abs().max() < 1e-14


@pytest.mark.parametrize("window", [1, 2, 4])
def test_a_window_looks_both_ways_where_nothing_is_causal(window) -> None:
    module = MultiHeadAttention(8, 2).double().eval()
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0]])
    x = torch.randn(*mask.shape, 8, dtype=torch.float64)
    packing = Packing.of(mask)
    near = sliding_window_mask(5, window=window, causal=False)
    assert near.tolist() == [[abs(q - k) < window for k in range(5)] for q in range(5)]
    padded = module(x, PaddedAttend(mask=near & padding_mask(mask)))
    packed = module(packing.pack(x), PackedAttend(packing, window=window))
    assert (packing.pack(padded) - packed).abs().max() < 1e-14


def test_sequences_of_one_length_are_attended_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attend, "CALL", 0)
    calls: list[tuple[int, ...]] = []

    def counting(q, k, v, mask=None, **options):
        calls.append(tuple(q.shape))
        return attention(q, k, v, mask, **options)

    packing = Packing(torch.arange(14), (2, 3, 0, 2, 1, 2, 3, 1), 3)
    module = MultiHeadAttention(8, 2).eval()
    out = module(torch.randn(14, 8), PackedAttend(packing, counting))
    assert out.shape == (14, 8)
    assert calls == [(3, 2, 2, 4), (2, 2, 3, 4), (2, 2, 1, 4)]


def test_nothing_at_all_is_a_batch_too() -> None:
    packing = Packing.of(torch.zeros(2, 3))
    out = MultiHeadAttention(8, 2)(torch.zeros(0, 8), PackedAttend(packing))
    assert out.shape == (0, 8)
    assert torch.equal(packing.unpack(out), torch.zeros(2, 3, 8))


def test_a_sequence_without_tokens_has_no_first() -> None:
    packing = Packing.of(torch.tensor([[1, 1], [0, 0]]))
    for ask in (packing.firsts, packing.lasts):
        with pytest.raises(ShapeError, match="sequence 1 of the batch has no token"):
            ask()


def test_a_packing_is_made_of_two_dimensions() -> None:
    with pytest.raises(ShapeError, match=r"\(2, 1, 1, 3\)"):
        Packing.of(torch.ones(2, 1, 1, 3))


@pytest.mark.parametrize(
    ("lengths", "memory", "runs"),
    [
        ((4, 4, 2, 2, 1), None, True), ((2, 4, 4), None, True), ((3,), None, True),
        ((4, 2, 4), None, False), ((3, 0, 3), None, False), ((3, 3, 0), None, False),
        ((3, 3, 2), (5, 5, 1), True), ((3, 3, 3), (5, 1, 5), False), ((2, 2), (0, 0), True),
        ((3, 0), (2, 4), False),
    ],
)  # fmt: skip
def test_runs_of_equal_lengths_are_attended_as_each_sequence_alone(
    lengths: tuple[int, ...], memory: tuple[int, ...] | None, runs: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The gradients, too; and copies are made only where sequences do not stand together."""
    generator = torch.Generator().manual_seed(2)
    sources = memory or lengths
    sizes = (sum(lengths), sum(sources), sum(sources))
    parts = [
        torch.randn(n, 2, 3, generator=generator, dtype=torch.float64).requires_grad_()
        for n in sizes
    ]
    layer = MultiHeadAttention(6, 2)
    monkeypatch.setattr(attend, "CALL", 0)
    stacked: list[int] = []
    stack = torch.stack
    monkeypatch.setattr(torch, "stack", lambda *args: stacked.append(1) or stack(*args))

    def packing(of: tuple[int, ...]) -> Packing:
        return Packing(torch.arange(sum(of)), of, max(of))

    out = PackedAttend(packing(lengths), memory=memory and packing(memory))(layer, *parts)
    assert (stacked == []) == runs
    alone = [
        PackedAttend(packing((t,)), memory=memory and packing((s,)))(layer, q, k, v)
        for t, s, q, k, v in zip(
            lengths, sources, parts[0].split([*lengths]), parts[1].split([*sources]),
            parts[2].split([*sources]), strict=True,
        )
    ]  # fmt: skip
    torch.testing.assert_close(out, torch.cat(alone), rtol=0, atol=1e-14)
    weight = torch.randn(out.shape, generator=generator, dtype=torch.float64)
    found = torch.autograd.grad((out * weight).sum(), parts, allow_unused=True)
    expected = torch.autograd.grad((torch.cat(alone) * weight).sum(), parts, allow_unused=True)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-14)


@pytest.mark.parametrize("window", [None, 2])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("memory", [None, (5, 1, 2, 1, 1, 7)])
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("kv_heads", [2, 4])
def test_heads_that_are_padded_again_give_the_same(
    window: int | None, causal: bool, memory: tuple[int, ...] | None, biased: bool, kv_heads: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Where a call a length would take longer, one call attends to all; the gradients, too."""
    if memory is not None and (causal or window is not None or biased):
        pytest.skip("cross-attention sees the whole memory")
    lengths, generator = (4, 1, 6, 1, 0, 2), torch.Generator().manual_seed(2)
    sources = memory or lengths
    parts = [
        torch.randn(n, heads, 3, generator=generator, dtype=torch.float64).requires_grad_()
        for n, heads in zip((14, sum(sources), sum(sources)), (4, kv_heads, kv_heads), strict=True)
    ]
    bias = torch.randn(1, 4, 6, 6, generator=generator, dtype=torch.float64) if biased else None
    sizes: list[tuple[int, ...]] = []

    def kernel(q, k, v, mask=None, **options):
        sizes.append((*q.shape[::2], k.shape[2]))
        return fused_attention(q, k, v, mask, **options)

    def packing(of: tuple[int, ...]) -> Packing:
        return Packing(torch.arange(sum(of)), of, max(of))

    layer = MultiHeadAttention(12, 4, num_kv_heads=kv_heads).eval()
    looks = PackedAttend(packing(lengths), kernel, causal, window, memory and packing(memory), bias)
    found = []
    for call in (0, 10**9):
        monkeypatch.setattr(attend, "CALL", call)
        sizes.clear()
        out = looks(layer, *parts)
        weight = torch.linspace(-1, 2, out.numel(), dtype=out.dtype).view(out.shape)
        found.append([out, *torch.autograd.grad((out * weight).sum(), parts)])
        assert (len(sizes) == 1) == (call > 0)
    assert sizes == [(6, 6, max(sources))]
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-13)
