"""Encoders and decoders with positions by name, against models of transformers that have them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
import transformers
from helpers.one_stack import (
    BOUND,
    HEADS,
    INNER,
    KERNELS,
    LAYERS,
    TINY,
    WIDTH,
    WORDS,
    batch,
    drawn,
)
from helpers.scratch_models import casts_lifted
from torch import nn

from hfdl.models.one_stack import DecoderForCausalLM, EncoderForMaskedLM

EAGER: dict[str, Any] = {"attn_implementation": "eager"}


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
