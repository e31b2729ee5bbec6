"""Rotary positions against the paper's matrices and transformers' Llama and RoFormer."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb
from transformers.models.roformer.modeling_roformer import (
    RoFormerSelfAttention,
    RoFormerSinusoidalPositionalEmbedding,
)

from hfdl.errors import ConfigError, ShapeError
from hfdl.nn.positions import (
    LinearScaling,
    Llama3Scaling,
    Rotary,
    rotary_frequencies,
    rotate,
    rotate_interleaved,
)

F64 = torch.float64
SCALINGS = {
    "linear": (LinearScaling(2.5), {"rope_type": "linear", "factor": 2.5}),
    "llama3": (
        Llama3Scaling(8.0, 1.0, 4.0, 64),
        {
            "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
        },
    ),
}  # fmt: skip


def llama_config(head_size: int, base: float, **rope: Any) -> LlamaConfig:
    parameters = {"rope_type": "default", "rope_theta": base, **rope}
    return LlamaConfig(
        hidden_size=2 * head_size, num_attention_heads=2, head_dim=head_size,
        max_position_embeddings=512, rope_parameters=parameters,
    )  # fmt: skip


def turned_by_matrices(x: Tensor, positions: list[int], pairs: list[tuple[int, int]]) -> Tensor:
    """The paper's equation 15, one 2 x 2 matrix for each pair of columns; x (T, H, K)."""
    width = x.shape[-1]
    out = torch.empty_like(x)
    for t, p in enumerate(positions):
        for i, (a, b) in enumerate(pairs):
            angle = p * 10000.0 ** (-2 * i / width)
            c, s = math.cos(angle), math.sin(angle)
            out[t, :, a] = c * x[t, :, a] - s * x[t, :, b]
            out[t, :, b] = s * x[t, :, a] + c * x[t, :, b]
    return out


@pytest.mark.parametrize("width", [2, 6, 8])
def test_both_pairings_are_the_papers_matrices(width: int) -> None:
    torch.manual_seed(0)
    positions = [0, 1, 5, 300]
    x = torch.randn(4, 3, width, dtype=F64)
    cos, sin = Rotary(width, dtype=F64)(torch.tensor(positions))
    half = width // 2
    neighbours = [(2 * i, 2 * i + 1) for i in range(half)]
    halves = [(i, half + i) for i in range(half)]
    close = {"rtol": 0, "atol": 1e-12}
    torch.testing.assert_close(
        rotate_interleaved(x, cos, sin), turned_by_matrices(x, positions, neighbours), **close
    )
    torch.testing.assert_close(
        rotate(x, cos, sin), turned_by_matrices(x, positions, halves), **close
    )
    # A permutation of columns leads from one to the other, and from nothing less.
    order = [a for a, _ in neighbours] + [b for _, b in neighbours]
    permuted = rotate(x[..., order], cos, sin)
    torch.testing.assert_close(permuted, rotate_interleaved(x, cos, sin)[..., order], **close)
    if width > 2:
        assert not torch.allclose(rotate(x, cos, sin), rotate_interleaved(x, cos, sin))


@pytest.mark.parametrize("turn", [rotate, rotate_interleaved])
def test_scores_depend_on_the_distance_alone_and_lengths_stay(turn: Any) -> None:
    torch.manual_seed(0)
    rotary = Rotary(8, dtype=F64)
    q, k = torch.randn(2, 6, 1, 8, dtype=F64)

    def scores(shift: int) -> Tensor:
        table = rotary(torch.arange(6) + shift)
        return turn(q, *table)[:, 0] @ turn(k, *table)[:, 0].T

    torch.testing.assert_close(scores(0), scores(137), rtol=0, atol=1e-11)
    assert not torch.allclose(scores(0), q[:, 0] @ k[:, 0].T)
    table = rotary(torch.arange(6))
    torch.testing.assert_close(turn(q, *table).norm(dim=-1), q.norm(dim=-1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("head_size", [2, 6, 16])
def test_llamas_rotation_bit_for_bit(head_size: int, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    positions = torch.tensor([[0, 1, 2, 3, 4], [7, 8, 100, 101, 511]])
    q, k = torch.randn(2, 5, 4, head_size).to(dtype), torch.randn(2, 5, 2, head_size).to(dtype)
    theirs = LlamaRotaryEmbedding(llama_config(head_size, 500000.0))
    wanted_q, wanted_k = apply_rotary_pos_emb(
        q.transpose(1, 2), k.transpose(1, 2), *theirs(q, positions)
    )
    cos, sin = Rotary(head_size, 500000.0)(positions)
    assert cos.shape == sin.shape == (2, 5, head_size)
    ours_q, ours_k = rotate(q, cos, sin), rotate(k, cos, sin)
    assert ours_q.dtype == dtype
    assert torch.equal(ours_q, wanted_q.transpose(1, 2))
    assert torch.equal(ours_k, wanted_k.transpose(1, 2))


def test_roformers_rotation() -> None:
    torch.manual_seed(0)
    table = RoFormerSinusoidalPositionalEmbedding(16, 6)
    table.weight.data = table.create_weight()
    q, k = torch.randn(2, 1, 2, 9, 6)  # (B, H, T, K)
    sinusoids = table(torch.Size([1, 9]))[None, None]
    theirs = RoFormerSelfAttention.apply_rotary_position_embeddings(sinusoids, q, k)
    cos, sin = Rotary(6)(torch.arange(9))
    for x, wanted in zip((q, k), theirs, strict=True):
        ours = rotate_interleaved(x.transpose(1, 2), cos, sin).transpose(1, 2)
        torch.testing.assert_close(ours, wanted, rtol=0, atol=2e-6)


@pytest.mark.parametrize("kind", SCALINGS)
@pytest.mark.parametrize("base", [10000.0, 500000.0])
@pytest.mark.parametrize("head_size", [2, 16, 64])
def test_scaled_frequencies_are_those_of_transformers(
    kind: str, base: float, head_size: int
) -> None:
    scaling, rope = SCALINGS[kind]
    wanted, factor = ROPE_INIT_FUNCTIONS[kind](llama_config(head_size, base, **rope))
    ours = Rotary(head_size, base, scaling).frequencies()
    assert factor == 1.0
    assert torch.equal(ours, wanted)
    assert head_size == 2 or not torch.equal(ours, rotary_frequencies(head_size, base))


def test_llama3_scaling_keeps_the_fast_mixes_the_middle_and_divides_the_slow() -> None:
    plain = rotary_frequencies(64, dtype=F64)
    scaled = Rotary(64, scaling=SCALINGS["llama3"][0], dtype=F64).frequencies()
    turns = 64 * plain / (2 * math.pi)
    kinds = {"fast": turns > 4, "slow": turns < 1, "middle": (turns >= 1) & (turns <= 4)}
    assert all(which.sum() > 2 for which in kinds.values())
    torch.testing.assert_close(scaled[kinds["fast"]], plain[kinds["fast"]], rtol=1e-15, atol=0)
    torch.testing.assert_close(scaled[kinds["slow"]], plain[kinds["slow"]] / 8, rtol=1e-15, atol=0)
    middle, share = plain[kinds["middle"]], (turns[kinds["middle"]] - 1) / 3
    torch.testing.assert_close(
        scaled[kinds["middle"]], middle * (share + (1 - share) / 8), rtol=1e-14, atol=0
    )


@pytest.mark.parametrize("turn", [rotate, rotate_interleaved])
def test_gradients(turn: Any) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 2, 4, dtype=F64, requires_grad=True)
    table = Rotary(4, dtype=F64)(torch.tensor([[0, 1, 2], [5, 9, 11]]))
    assert torch.autograd.gradcheck(lambda y: turn(y, *table), (x,))
    # A rotation's gradient is the rotation back.
    upstream = torch.randn_like(x)
    (gradient,) = torch.autograd.grad(turn(x, *table), x, upstream)
    torch.testing.assert_close(gradient, turn(upstream, table[0], -table[1]))


def test_unpadded_positions_turn_as_padded_ones() -> None:
    torch.manual_seed(0)
    x, rotary = torch.randn(2, 3, 2, 4), Rotary(4)
    padded = rotate(x, *rotary(torch.arange(3)))  # (T, K) for (B, T, H, K)
    unpadded = rotate(x.flatten(0, 1), *rotary(torch.arange(3).repeat(2)))  # (N, K) for (N, H, K)
    assert torch.equal(unpadded, padded.flatten(0, 1))


def test_it_has_no_state_to_round_or_lose() -> None:
    wanted = Rotary(8)(torch.arange(300))
    with torch.device("meta"):
        rotary = Rotary(8)
    rotary = rotary.half()
    assert not rotary.state_dict()
    assert not list(rotary.buffers())
    for ours, table in zip(rotary(torch.arange(300)), wanted, strict=True):
        assert torch.equal(ours, table)
        assert not ours.requires_grad
    assert "8, base=10000, scaling=None" in repr(rotary)


def test_mistakes_are_named() -> None:
    with pytest.raises(ShapeError, match="head of width 5; rotary positions pair columns"):
        Rotary(5)
    cos, sin = Rotary(4)(torch.arange(3))
    message = r"table of shape \(3, 4\) for heads of shape \(1, 2, 3, 4\)"
    for turn in (rotate, rotate_interleaved):
        with pytest.raises(ShapeError, match=message):  # head-major by mistake: T is not in place
            turn(torch.zeros(1, 2, 3, 4), cos, sin)
        with pytest.raises(ShapeError, match="for heads of shape"):
            turn(torch.zeros(1, 3, 2, 6), cos, sin)
    with pytest.raises(ConfigError, match=r"low_freq_factor 4.0 and high_freq_factor 1.0; low_fr"):
        Llama3Scaling(8.0, 4.0, 1.0, 64)
