"""Encoders and decoders with positions by name, against models of transformers and formulas."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
import transformers
from helpers.scratch_models import casts_lifted
from torch import Tensor, nn
from transformers.models.t5.modeling_t5 import T5Attention

from hfdl.errors import ConfigError, ShapeError
from hfdl.models.one_stack import (
    Decoder,
    DecoderForCausalLM,
    Encoder,
    EncoderForMaskedLM,
    OneStack,
    OneStackConfig,
)
from hfdl.models.position_choice import POSITION_TYPES
from hfdl.models.transformer import Transformer, TransformerConfig
from hfdl.nn.functional import attention
from hfdl.nn.fused import fused_attention
from hfdl.nn.positions import alibi_slopes

BOUND = 1e-12
WORDS, WIDTH, HEADS, LAYERS, INNER = 23, 16, 4, 2, 24
TINY = OneStackConfig(
    vocab_size=WORDS, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
    intermediate_size=INNER, dropout=0.0,
)  # fmt: skip
EAGER: dict[str, Any] = {"attn_implementation": "eager"}
KERNELS = [attention, fused_attention]


def drawn(model: nn.Module, seed: int = 0) -> Any:
    """The model in float64, every weight drawn wide: norms, biases and tables too."""
    torch.manual_seed(seed)
    model = model.double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.3 * torch.randn_like(parameter))
            if parameter.dim() == 1:
                parameter.add_(0.5)
    return model


def batch() -> tuple[Tensor, Tensor]:
    """Four texts, padded on the right, of 9, 9, 5 and 1 tokens."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(1, WORDS, (4, 9), generator=generator)
    mask = (torch.arange(9) < torch.tensor([9, 9, 5, 1])[:, None]).long()
    return ids * mask, mask


def copy_linear(theirs: Any, *ours: Any) -> None:
    """Several linear layers of ours, one below the other, in one of theirs; or a norm."""
    for kind in ("weight", "bias"):
        getattr(theirs, kind).data.copy_(torch.cat([getattr(m, kind).data for m in ours]))


def by_head(*projections: Any) -> Any:
    """q, k and v as BLOOM and GPT-NeoX hold them: those of a head side by side."""
    joined = nn.Linear(WIDTH, 3 * WIDTH, dtype=torch.float64)
    for kind in ("weight", "bias"):
        parts = torch.stack([getattr(p, kind).data.unflatten(0, (HEADS, -1)) for p in projections])
        getattr(joined, kind).data.copy_(parts.transpose(0, 1).flatten(0, 2))
    return joined


def copy_decoder(model: DecoderForCausalLM, blocks: Any, names: dict[str, str]) -> None:
    """Our blocks in those of a transformers decoder that joins q, k and v by head."""
    for ours, theirs in zip(model.backbone.layers, blocks, strict=True):
        a = ours.attention
        copy_linear(theirs.get_submodule(names["qkv"]), by_head(a.q_proj, a.k_proj, a.v_proj))
        copy_linear(theirs.get_submodule(names["o"]), a.o_proj)
        copy_linear(theirs.get_submodule(names["up"]), ours.feed_forward.up_proj)
        copy_linear(theirs.get_submodule(names["down"]), ours.feed_forward.down_proj)
        copy_linear(theirs.input_layernorm, ours.attention_norm)
        copy_linear(theirs.post_attention_layernorm, ours.feed_forward_norm)


def bloom(model: DecoderForCausalLM) -> Any:
    """BLOOM with our weights. Its norm behind the embeddings is put out of the way."""
    config = transformers.BloomConfig(
        vocab_size=WORDS, hidden_size=WIDTH, n_layer=LAYERS, n_head=HEADS, hidden_dropout=0.0,
        attention_dropout=0.0, **EAGER,
    )  # fmt: skip
    twin: Any = transformers.BloomForCausalLM(config).double().eval()
    twin.transformer.word_embeddings_layernorm = nn.Identity()
    names = {
        "qkv": "self_attention.query_key_value", "o": "self_attention.dense",
        "up": "mlp.dense_h_to_4h", "down": "mlp.dense_4h_to_h",
    }  # fmt: skip
    for block in twin.transformer.h:
        block.mlp.gelu_impl = nn.GELU()  # its own has rounded constants
    copy_decoder(model, twin.transformer.h, names)
    copy_linear(twin.transformer.ln_f, model.backbone.norm)
    twin.transformer.word_embeddings.weight.data.copy_(model.backbone.embeddings.tokens.weight)
    return twin


def neox(model: DecoderForCausalLM) -> Any:
    """GPT-NeoX with our weights: all columns rotated, feed-forward behind attention."""
    config = transformers.GPTNeoXConfig(
        vocab_size=WORDS, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        intermediate_size=INNER, hidden_act="gelu", use_parallel_residual=False,
        rope_parameters={"rope_type": "default", "rope_theta": 100.0, "partial_rotary_factor": 1.0},
        **EAGER, tie_word_embeddings=True,
    )  # fmt: skip
    twin: Any = transformers.GPTNeoXForCausalLM(config).double().eval()
    names = {
        "qkv": "attention.query_key_value", "o": "attention.dense",
        "up": "mlp.dense_h_to_4h", "down": "mlp.dense_4h_to_h",
    }  # fmt: skip
    copy_decoder(model, twin.gpt_neox.layers, names)
    copy_linear(twin.gpt_neox.final_layer_norm, model.backbone.norm)
    twin.gpt_neox.embed_in.weight.data.copy_(model.backbone.embeddings.tokens.weight)
    twin.lm_head.weight.data.copy_(model.backbone.embeddings.tokens.weight)
    return twin


def gpt2(model: DecoderForCausalLM) -> Any:
    """GPT-2 with our weights."""
    config = transformers.GPT2Config(
        vocab_size=WORDS, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, n_inner=INNER, n_positions=12,
        activation_function="gelu", **EAGER,
    )  # fmt: skip
    twin: Any = transformers.GPT2LMHeadModel(config).double().eval()
    twin.transformer.wte.weight.data.copy_(model.backbone.embeddings.tokens.weight)
    twin.transformer.wpe.weight.data.copy_(model.backbone.embeddings.positions.weight)
    copy_linear(twin.transformer.ln_f, model.backbone.norm)
    for ours, theirs in zip(model.backbone.layers, twin.transformer.h, strict=True):
        a, f = ours.attention, ours.feed_forward
        pairs = [
            (theirs.attn.c_attn, (a.q_proj, a.k_proj, a.v_proj)), (theirs.attn.c_proj, (a.o_proj,)),
            (theirs.mlp.c_fc, (f.up_proj,)), (theirs.mlp.c_proj, (f.down_proj,)),
        ]  # fmt: skip
        for conv, parts in pairs:  # GPT-2's Conv1D has its weight the other way round
            conv.weight.data.copy_(torch.cat([part.weight.data for part in parts]).T)
            conv.bias.data.copy_(torch.cat([part.bias.data for part in parts]))
        copy_linear(theirs.ln_1, ours.attention_norm)
        copy_linear(theirs.ln_2, ours.feed_forward_norm)
    return twin


DECODERS = {
    "alibi": (bloom, {"intermediate_size": 4 * WIDTH}),
    "rotary": (neox, {"rope_theta": 100.0}),
    "learned": (gpt2, {"max_position_embeddings": 12}),
}  # fmt: skip


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("kind", DECODERS)
def test_a_decoder_equals_transformers_model_of_its_positions(kind: str, kernel: Any) -> None:
    """ALiBi: BLOOM. Rotary: GPT-NeoX. Learned: GPT-2. Logits and the gradient of the embedding."""
    make, settings = DECODERS[kind]
    model = drawn(DecoderForCausalLM(replace(TINY, position_embedding_type=kind, **settings)))
    twin = make(model)
    ids, mask = batch()
    ours = model(ids, mask, kernel=kernel)
    with casts_lifted():
        theirs = twin(ids, attention_mask=mask).logits
    real = mask.bool()
    assert (ours - theirs)[real].abs().max() < BOUND
    assert ours[real].std() > 0.5  # no model of zeros
    ours[real].sin().sum().backward()
    theirs[real].sin().sum().backward()
    found = model.backbone.embeddings.tokens.weight.grad[1:]
    expected = twin.get_input_embeddings().weight.grad[1:]
    assert (found - expected).abs().max() < 1e-10


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_post_norm_encoder_of_learned_positions_is_bert(kernel: Any) -> None:
    kinds = {"position_embedding_type": "learned", "max_position_embeddings": 12}
    config = replace(TINY, **kinds, norm_order="post", layer_norm_eps=1e-12)
    model = drawn(EncoderForMaskedLM(config))
    twin: Any = transformers.BertForMaskedLM(
        transformers.BertConfig(
            vocab_size=WORDS, hidden_size=WIDTH, num_hidden_layers=LAYERS,
            num_attention_heads=HEADS, intermediate_size=INNER, max_position_embeddings=12,
            type_vocab_size=1, hidden_act="gelu", **EAGER,
        )
    ).double().eval()  # fmt: skip
    body, ours = twin.bert, model.backbone
    body.embeddings.word_embeddings.weight.data.copy_(ours.embeddings.tokens.weight)
    body.embeddings.position_embeddings.weight.data.copy_(ours.embeddings.positions.weight)
    body.embeddings.token_type_embeddings.weight.data.zero_()  # ours has no segments
    copy_linear(body.embeddings.LayerNorm, ours.embeddings.norm)
    for own, theirs in zip(ours.layers, body.encoder.layer, strict=True):
        a = own.attention
        for part, projection in [("query", a.q_proj), ("key", a.k_proj), ("value", a.v_proj)]:
            copy_linear(getattr(theirs.attention.self, part), projection)
        copy_linear(theirs.attention.output.dense, a.o_proj)
        copy_linear(theirs.attention.output.LayerNorm, own.attention_norm)
        copy_linear(theirs.intermediate.dense, own.feed_forward.up_proj)
        copy_linear(theirs.output.dense, own.feed_forward.down_proj)
        copy_linear(theirs.output.LayerNorm, own.feed_forward_norm)
    copy_linear(twin.cls.predictions.transform.dense, model.head.dense)
    copy_linear(twin.cls.predictions.transform.LayerNorm, model.head.norm)
    twin.cls.predictions.decoder.bias.data.copy_(model.head.decoder.bias)
    ids, mask = batch()
    found = model(ids, mask, kernel=kernel)
    expected = twin(ids, attention_mask=mask).logits
    assert (found - expected)[mask.bool()].abs().max() < BOUND


# ---- A stack in a few lines, for what no model of transformers has -------------------------------


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
    """The paper's formula, one number at a time."""
    table = torch.zeros(length, WIDTH, dtype=torch.float64)
    if model.config.position_embedding_type == "sinusoidal":
        for p in range(length):
            for i in range(0, WIDTH, 2):
                table[p, i] = math.sin(p / 10000 ** (i / WIDTH))
                table[p, i + 1] = math.cos(p / 10000 ** (i / WIDTH))
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
    scale = math.sqrt(WIDTH) if kind == "sinusoidal" else 1.0
    x = model.embeddings.tokens.weight[ids] * scale + plain_added(model, length)
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
