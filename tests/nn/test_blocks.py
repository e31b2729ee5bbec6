"""Encoder and decoder blocks against torch's own layers, forward and backward, in float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hfdl.nn.attend import PackedAttend, PaddedAttend
from hfdl.nn.attention import MultiHeadAttention
from hfdl.nn.blocks import PostNormBlock, PostNormDecoderBlock, PreNormBlock, PreNormDecoderBlock
from hfdl.nn.dropout import Dropout
from hfdl.nn.feed_forward import FeedForward
from hfdl.nn.functional import attention
from hfdl.nn.fused import fused_attention
from hfdl.nn.norms import LayerNorm
from hfdl.nn.packing import Packing

BOUND = 1e-12
WIDTH, HEADS, HIDDEN = 12, 3, 20
KERNELS = [attention, fused_attention]
# B, T, S
SHAPES = [(1, 1, 1), (2, 5, 3), (3, 4, 7)]
# ours -> torch's name of the same part, in both kinds of layer
ENCODER = {
    "attention": "self_attn", "feed_forward.up_proj": "linear1",
    "feed_forward.down_proj": "linear2", "attention_norm": "norm1", "feed_forward_norm": "norm2",
}  # fmt: skip
DECODER = {
    **ENCODER, "cross_attention": "multihead_attn", "cross_attention_norm": "norm2",
    "feed_forward_norm": "norm3",
}  # fmt: skip


def normal(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


def attend_module() -> MultiHeadAttention:
    return MultiHeadAttention(WIDTH, HEADS)


def encoder_block(kind: type, activation: str = "relu", dropout: float = 0.0) -> Any:
    parts = [attend_module(), FeedForward(WIDTH, HIDDEN, activation)]
    return kind(*parts, LayerNorm(WIDTH), LayerNorm(WIDTH), dropout).double()


def decoder_block(kind: type, activation: str = "relu") -> Any:
    norms = [LayerNorm(WIDTH) for _ in range(3)]
    feed_forward = FeedForward(WIDTH, HIDDEN, activation)
    return kind(attend_module(), attend_module(), feed_forward, *norms).double()


def torch_layer(kind: type, activation: str, norm_first: bool) -> Any:
    """torch's layer with every weight drawn, those of norms and biases too."""
    layer = kind(
        WIDTH, HEADS, HIDDEN, dropout=0.0, activation=activation, batch_first=True,
        norm_first=norm_first, dtype=torch.float64,
    )  # fmt: skip
    with torch.no_grad():
        for i, parameter in enumerate(layer.parameters()):
            parameter.copy_(normal(*parameter.shape, seed=i + 10) * 0.3)
    return layer


def tensors(ours: nn.Module, names: dict[str, str], theirs: nn.Module, what: str) -> list[Any]:
    """(our tensor, torch's) of each parameter: its data, or its gradient."""
    pairs: list[Any] = []
    for mine, other in names.items():
        a, b = ours.get_submodule(mine), theirs.get_submodule(other)
        if isinstance(a, MultiHeadAttention):
            for kind in ("weight", "bias"):
                joint = getattr(getattr(b, f"in_proj_{kind}"), what).chunk(3)
                own = [getattr(getattr(p, kind), what) for p in (a.q_proj, a.k_proj, a.v_proj)]
                pairs += zip(own, joint, strict=True)
            a, b = a.o_proj, b.out_proj
        pairs += [(getattr(a.weight, what), getattr(b.weight, what))]
        pairs += [(getattr(a.bias, what), getattr(b.bias, what))]
    return pairs


def copy_weights(ours: nn.Module, names: dict[str, str], theirs: nn.Module) -> None:
    pairs = tensors(ours, names, theirs, "data")
    assert len(pairs) == len(list(ours.parameters()))  # none is left out
    for mine, other in pairs:
        mine.copy_(other)


def assert_same(
    ours: nn.Module, names: dict[str, str], theirs: nn.Module, out: Tensor, expected: Tensor,
    inputs: list[tuple[Tensor, Tensor]],
) -> None:  # fmt: skip
    """Outputs, gradients of inputs and gradients of all weights."""
    assert (out - expected).abs().max() < BOUND
    out.sin().sum().backward()
    expected.sin().sum().backward()
    grads = [(a.grad, b.grad) for a, b in inputs]
    grads += tensors(ours, names, theirs, "grad")
    assert len(grads) == len(inputs) + len(list(ours.parameters()))
    assert max(float(b.abs().max()) for _, b in grads) > 0.1
    for mine, other in grads:
        assert (mine - other).abs().max() < BOUND


def twice(*shape: int, seed: int) -> tuple[Tensor, Tensor]:
    return normal(*shape, seed=seed).requires_grad_(), normal(*shape, seed=seed).requires_grad_()


def right_padded(rows: int, length: int) -> Tensor:
    """True at real tokens: (rows, length), the last row a third padding."""
    real = torch.ones(rows, length, dtype=torch.bool)
    real[-1, length - length // 3 :] = False
    return real


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize(("kind", "norm_first"), [(PostNormBlock, False), (PreNormBlock, True)])
@pytest.mark.parametrize(("b", "t", "s"), SHAPES)
def test_encoder_blocks_equal_torch(
    b: int, t: int, s: int, kind: type, norm_first: bool, activation: str, kernel: Any
) -> None:
    theirs = torch_layer(nn.TransformerEncoderLayer, activation, norm_first)
    ours = encoder_block(kind, activation)
    copy_weights(ours, ENCODER, theirs)
    x, y = twice(b, t, WIDTH, seed=1)
    real = right_padded(b, t)
    out = ours(x, PaddedAttend(kernel, real[:, None, None]))
    expected = theirs(y, src_key_padding_mask=~real)
    assert_same(ours, ENCODER, theirs, out, expected, [(x, y)])


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize(
    ("kind", "norm_first"), [(PostNormDecoderBlock, False), (PreNormDecoderBlock, True)]
)
@pytest.mark.parametrize(("b", "t", "s"), SHAPES)
def test_decoder_blocks_equal_torch(
    b: int, t: int, s: int, kind: type, norm_first: bool, activation: str, kernel: Any
) -> None:
    theirs = torch_layer(nn.TransformerDecoderLayer, activation, norm_first)
    ours = decoder_block(kind, activation)
    copy_weights(ours, DECODER, theirs)
    x, y = twice(b, t, WIDTH, seed=1)
    memory, other_memory = twice(b, s, WIDTH, seed=2)
    real = right_padded(b, s)
    out = ours(
        x, memory, PaddedAttend(kernel, causal=True), PaddedAttend(kernel, real[:, None, None])
    )
    expected = theirs(
        y, other_memory, tgt_mask=torch.ones(t, t, dtype=torch.bool).triu(1),
        memory_key_padding_mask=~real,
    )  # fmt: skip
    assert_same(ours, DECODER, theirs, out, expected, [(x, y), (memory, other_memory)])


@pytest.mark.parametrize(
    ("kind", "norm_first"), [(PostNormBlock, True), (PreNormBlock, False)]
)  # fmt: skip
def test_the_other_order_of_norms_does_not_equal_torch(kind: type, norm_first: bool) -> None:
    theirs = torch_layer(nn.TransformerEncoderLayer, "relu", norm_first)
    ours = encoder_block(kind)
    copy_weights(ours, ENCODER, theirs)
    x = normal(2, 4, WIDTH)
    assert (ours(x, PaddedAttend()) - theirs(x)).abs().max() > 1e-2


@pytest.mark.parametrize("kind", [PostNormBlock, PreNormBlock])
def test_an_unpadded_batch_gets_what_a_padded_one_gets(kind: type) -> None:
    torch.manual_seed(0)
    block, x = encoder_block(kind), normal(3, 4, WIDTH)
    mask = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1], [1, 0, 0, 0]]).bool()
    packing = Packing.of(mask)
    packed = block(packing.pack(x), PackedAttend(packing))
    padded = block(x, PaddedAttend(mask=mask[:, None, None]))
    assert packed.shape == (8, WIDTH)
    assert (packed - padded[mask]).abs().max() < BOUND


@pytest.mark.parametrize("kind", [PostNormDecoderBlock, PreNormDecoderBlock])
def test_a_decoder_block_takes_a_memory_that_was_projected_before(kind: type) -> None:
    torch.manual_seed(0)
    block, x, memory = decoder_block(kind), normal(2, 3, WIDTH), normal(2, 5, WIDTH, seed=1)
    attends = PaddedAttend(causal=True), PaddedAttend()
    projected = block.cross_attention.project_memory(memory)
    assert torch.equal(block(x, projected, *attends), block(x, memory, *attends))


@pytest.mark.parametrize("kind", [PostNormBlock, PreNormBlock])
def test_what_is_added_to_the_residual_is_dropped_in_training_alone(
    kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    block, x, seen = encoder_block(kind, dropout=0.25), normal(2, 3, WIDTH), []

    def spy(module: Dropout, y: Tensor) -> Tensor:
        seen.append((module.p, module.training))
        return y

    monkeypatch.setattr(Dropout, "forward", spy)
    block.train()(x, PaddedAttend())
    block.eval()(x, PaddedAttend())
    # Attention, the hidden numbers of the feed-forward part, the feed-forward part.
    assert seen == [(p, mode) for mode in (True, False) for p in (0.25, 0.0, 0.25)]
