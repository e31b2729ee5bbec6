"""Llama, and what has its names: Mistral, Qwen2, Qwen3."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import nn

from hfdl.models import llama
from hfdl.models.llama import LlamaConfig
from hfdl.nn.positions import LinearScaling, Llama3Scaling
from hfdl.weights.families.config_checks import refuse, same_settings, token_dropout
from hfdl.weights.families.name_rules import Dropped, Rename, Tied
from hfdl.weights.families.name_table import FamilyTable, Head
from hfdl.weights.families.registry import Family, register

# ours on the left, transformers' on the right
# fmt: off
LLAMA = FamilyTable("model", (
    Rename("embeddings.tokens",                "embed_tokens"),
    Rename("layers.{}.attention.q_proj",       "layers.{}.self_attn.q_proj"),
    Rename("layers.{}.attention.k_proj",       "layers.{}.self_attn.k_proj"),
    Rename("layers.{}.attention.v_proj",       "layers.{}.self_attn.v_proj"),
    Rename("layers.{}.attention.o_proj",       "layers.{}.self_attn.o_proj"),
    Rename("layers.{}.attention.q_norm",       "layers.{}.self_attn.q_norm"),
    Rename("layers.{}.attention.k_norm",       "layers.{}.self_attn.k_norm"),
    Rename("layers.{}.attention_norm",         "layers.{}.input_layernorm"),
    Rename("layers.{}.feed_forward.gate_proj", "layers.{}.mlp.gate_proj"),
    Rename("layers.{}.feed_forward.up_proj",   "layers.{}.mlp.up_proj"),
    Rename("layers.{}.feed_forward.down_proj", "layers.{}.mlp.down_proj"),
    Rename("layers.{}.feed_forward_norm",      "layers.{}.post_attention_layernorm"),
    Rename("norm",                             "norm"),
    Rename("rotary",                           "rotary_emb"),
    Dropped("rotary_emb.inv_freq"),
    Dropped("layers.{}.self_attn.rotary_emb.inv_freq"),
), {
    "base": (),
    "causal_lm": (
        Rename("head.decoder", "lm_head"),
        Tied("lm_head.weight", of="model.embed_tokens.weight"),
    ),
    "sequence": (
        Rename("head.out", "score"),
    ),
    "token": (
        Rename("head.out", "score"),
    ),
})
# fmt: on

_CORES: dict[Head, type[nn.Module]] = {
    "base": llama.Llama,
    "causal_lm": llama.LlamaForCausalLM,
    "sequence": llama.LlamaForSequenceClassification,
    "token": llama.LlamaForTokenClassification,
}


def llama_config(config: Any) -> LlamaConfig:
    """Of ``transformers.LlamaConfig``."""
    bias = config.attention_bias
    return replace(_shared(config), qkv_bias=bias, out_bias=bias)


def mistral_config(config: Any) -> LlamaConfig:
    """Of ``transformers.MistralConfig``."""
    return replace(_shared(config), windows=(config.sliding_window,) * config.num_hidden_layers)


def qwen2_config(config: Any) -> LlamaConfig:
    """Of ``transformers.Qwen2Config``."""
    head_dim = getattr(config, "head_dim", None)  # undeclared; transformers reads it all the same
    return replace(_shared(config), qkv_bias=True, windows=_windows(config), head_dim=head_dim)


def qwen3_config(config: Any) -> LlamaConfig:
    """Of ``transformers.Qwen3Config``."""
    return replace(llama_config(config), qk_norm=True, windows=_windows(config))


def _shared(config: Any) -> LlamaConfig:
    """What Llama, Mistral, Qwen2 and Qwen3 have in common."""
    if not getattr(config, "token_classification_bias", True):
        refuse(config, "token_classification_bias", "its head for tokens has a bias")
    rope = config.rope_parameters
    return replace(
        same_settings(config, LlamaConfig),
        rope_scaling=_scaling(config, rope),
        rope_theta=float(rope["rope_theta"]),
        attention_dropout=config.attention_dropout or 0.0,
        token_dropout=token_dropout(config),
    )


def _scaling(config: Any, rope: dict[str, Any]) -> LinearScaling | Llama3Scaling | None:
    if rope.get("partial_rotary_factor", 1.0) != 1.0:
        refuse(config, "rope_parameters", "it rotates whole heads")
    kind = rope.get("rope_type", "default")
    if kind == "default" and "rope_theta" in rope:
        return None
    if kind == "linear":
        return LinearScaling(float(rope["factor"]))
    if kind == "llama3":
        return Llama3Scaling(
            factor=float(rope["factor"]),
            low_freq_factor=float(rope["low_freq_factor"]),
            high_freq_factor=float(rope["high_freq_factor"]),
            original_max_position_embeddings=int(rope["original_max_position_embeddings"]),
        )
    refuse(config, "rope_parameters", "its rotary positions are default, linear or llama3")


def _windows(config: Any) -> tuple[int | None, ...]:
    """Of the kind of each layer."""
    sizes = {"full_attention": None, "sliding_attention": config.sliding_window}
    if not set(config.layer_types) <= sizes.keys():
        refuse(config, "layer_types", "its layers are full_attention or sliding_attention")
    return tuple(sizes[kind] for kind in config.layer_types)


register(Family("llama", "Llama", llama_config, LLAMA, _CORES, casts_to_float32=True))
register(Family("mistral", "Mistral", mistral_config, LLAMA, _CORES, casts_to_float32=True))
register(Family("qwen2", "Qwen2", qwen2_config, LLAMA, _CORES, casts_to_float32=True))
register(Family("qwen3", "Qwen3", qwen3_config, LLAMA, _CORES, casts_to_float32=True))
