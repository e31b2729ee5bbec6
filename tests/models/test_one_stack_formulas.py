"""Encoders and decoders with positions by name, against themselves written out; their limits."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
import transformers
from helpers.one_stack import BOUND, HEADS, KERNELS, TINY, WIDTH, WORDS, batch, drawn
from torch import Tensor, nn
from transformers.models.t5.modeling_t5 import T5Attention

from hfdl.errors import ConfigError, ShapeError
from hfdl.models.one_stack import Decoder, Encoder, OneStack, OneStackConfig
from hfdl.models.position_choice import POSITION_TYPES
from hfdl.models.transformer import Transformer, TransformerConfig
from hfdl.nn.positions import alibi_slopes


def t5_table(buckets: nn.Embedding, length: int, both: bool, reach: int = 128) -> Tensor:
    """(1, H, T, T) by transformers' own T5."""
    config = transformers.T5Config(
        d_model=WIDTH, d_kv=WIDTH // HEADS, num_heads=HEADS, is_decoder=not both,
        relative_attention_num_buckets=buckets.num_embeddings,
        relative_attention_max_distance=reach,
    )  # fmt: skip
    theirs = T5Attention(config, has_relative_attention_bias=True, layer_idx=0).double()
    theirs.relative_attention_bias.weight.data.copy_(buckets.weight)
    return theirs.compute_bias(length, length)


def plain_bias(model: OneStack, length: int) -> Tensor:
    if model.config.position_embedding_type == "t5":
        assert model.relative.bias is not None
        return t5_table(model.relative.bias.buckets, length, not model.causal)  # type: ignore[arg-type]
    bias = torch.zeros(HEADS, length, length, dtype=torch.float64)
    if model.config.position_embedding_type == "alibi":
        for h, slope in enumerate(alibi_slopes(HEADS).tolist()):
            for p in range(length):
                for s in range(length):
                    bias[h, p, s] = -slope * abs(p - s)
    return bias[None]


def plain_added(model: OneStack, length: int) -> Tensor:
    """The paper's formula, one number at a time, at the size of the first weights."""
    table = torch.zeros(length, WIDTH, dtype=torch.float64)
    if model.config.position_embedding_type == "sinusoidal":
        for p in range(length):
            for i in range(0, WIDTH, 2):
                table[p, i] = 0.02 * math.sin(p / 10000 ** (i / WIDTH))
                table[p, i + 1] = 0.02 * math.cos(p / 10000 ** (i / WIDTH))
    return table


def plain_turn(x: Tensor) -> Tensor:
    """Rotary positions by complex numbers: columns i and K/2 + i are one number each."""
    half = x.shape[-1] // 2
    # Angles in float32, as those of transformers' models are.
    frequencies = 1 / 10000.0 ** (torch.arange(half, dtype=torch.float32) / half)
    angles = torch.arange(x.shape[-2], dtype=torch.float32)[:, None] * frequencies
    turn = torch.complex(angles.cos(), angles.sin()).to(torch.complex128)
    turned = torch.complex(x[..., :half], x[..., half:]) * turn
    return torch.cat([turned.real, turned.imag], dim=-1)


def plain(model: OneStack, ids: Tensor, mask: Tensor) -> Tensor:
    """The forward pass in plain torch, (B, T) -> (B, T, D)."""
    length, kind = ids.shape[1], model.config.position_embedding_type
    x = model.embeddings.tokens.weight[ids] + plain_added(model, length)
    bias = plain_bias(model, length)
    sees = mask[:, None, None, :].bool()
    if model.causal:
        sees = sees & torch.ones(length, length, dtype=torch.bool).tril()
    for block in model.layers:
        a: Any = block.attention
        y = block.attention_norm(x)  # type: ignore[operator]
        q, k, v = (
            (y @ p.weight.T + p.bias).unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for p in (a.q_proj, a.k_proj, a.v_proj)
        )
        if kind == "rotary":
            q, k = plain_turn(q), plain_turn(k)
        scores = q @ k.transpose(2, 3) / math.sqrt(WIDTH // HEADS) + bias
        weights = scores.masked_fill(~sees, -math.inf).softmax(-1)
        x = x + a.o_proj((weights @ v).transpose(1, 2).flatten(2))
        x = x + block.feed_forward(block.feed_forward_norm(x))  # type: ignore[operator]
    assert model.norm is not None
    return model.norm(x)


PLAIN = [(stack, kind) for stack in (Encoder, Decoder) for kind in POSITION_TYPES]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("stack", "kind"), [p for p in PLAIN if p[1] != "learned"])
def test_a_stack_equals_itself_written_out(stack: Any, kind: str, kernel: Any) -> None:
    model = drawn(stack(replace(TINY, position_embedding_type=kind)))
    ids, mask = batch()
    real = mask.bool()
    found = model(ids, mask, kernel=kernel)
    assert (found - plain(model, ids, mask))[real].abs().max() < BOUND
    assert len(PLAIN) == 12


def test_t5_buckets_of_an_encoder_tell_left_from_right_and_those_of_a_decoder_need_not() -> None:
    for stack, both in ((Encoder, True), (Decoder, False)):
        model = stack(replace(TINY, position_embedding_type="t5"))
        bias: Any = model.relative.bias
        assert bias.bidirectional is both
        assert bias.buckets.weight.shape == (32, HEADS)
    both_halves = Transformer(TransformerConfig(vocab_size=9, position_embedding_type="t5"))
    assert both_halves.encoder.relative.bias.bidirectional  # type: ignore[union-attr]
    assert not both_halves.decoder.relative.bias.bidirectional  # type: ignore[union-attr]


@pytest.mark.parametrize("length", [5, 300])
@pytest.mark.parametrize("stack", [Encoder, Decoder])
def test_the_gradient_of_t5s_table_is_that_of_the_written_out_stack(
    stack: Any, length: int
) -> None:
    model = drawn(stack(replace(TINY, position_embedding_type="t5")))
    ids = torch.randint(1, WORDS, (2, length), generator=torch.Generator().manual_seed(0))
    table: Any = model.relative.bias.buckets.weight
    grads = []
    for kernel in KERNELS:
        model.zero_grad()
        model(ids, kernel=kernel).sin().sum().backward()
        grads.append(table.grad.clone())
    step, direction = 1e-5, torch.randn_like(table)
    sums = []
    for sign in (1, -1):
        with torch.no_grad():
            table.add_(sign * step * direction)
            sums.append(float(plain(model, ids, torch.ones_like(ids)).sin().sum()))
            table.sub_(sign * step * direction)
    slope = (sums[0] - sums[1]) / (2 * step)
    for grad in grads:
        assert float((grad * direction).sum()) == pytest.approx(slope, rel=1e-6)


# ---- What cannot be ------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [OneStackConfig, TransformerConfig])
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"position_embedding_type": "alibbi"}, "Did you mean 'alibi'?"),
        ({"position_embedding_type": "absolute"}, "Choose one of: learned, sinusoidal, rotary, "),
        ({"position_embedding_type": "alibi", "rope_theta": 5.0}, "setting of rotary positions"),
        ({"position_embedding_type": "rotary", "rope_theta": 0.0}, "is above 0"),
        ({"position_embedding_type": "none", "relative_attention_num_buckets": 8},
         "leave it out, or choose position_embedding_type=t5"),
        ({"norm_order": "middle"}, "unknown norm_order 'middle'"),
    ],
)  # fmt: skip
def test_a_name_or_setting_that_means_nothing_is_refused(
    config: Any, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        config(**settings)
    assert message.lower() in str(error.value).lower()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"position_embedding_type": "rotary", "hidden_size": 12}, "the width is even"),
        ({"position_embedding_type": "t5", "relative_attention_max_distance": 8}, "8 buckets|8"),
        ({"num_attention_heads": 5}, "the heads must divide the width"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        Encoder(replace(TINY, **settings))


def test_learned_positions_end_and_no_others_do() -> None:
    ids = torch.ones(1, 40, dtype=torch.long)
    refused = []
    for stack, kind in PLAIN:
        limit = {"max_position_embeddings": 12} if kind == "learned" else {}
        model = stack(replace(TINY, position_embedding_type=kind, **limit))
        try:
            assert model(ids).shape == (1, 40, WIDTH)
        except ShapeError:
            refused.append(kind)
    assert refused == ["learned", "learned"]
    assert (
        Encoder(replace(TINY, position_embedding_type="learned")).embeddings.positions is not None
    )
