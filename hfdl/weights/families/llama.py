"""Llama, and what has its names: Mistral, Qwen2, Qwen3."""

from __future__ import annotations

from hfdl.weights.families.name_rules import Dropped, Rename, Tied
from hfdl.weights.families.name_table import FamilyTable

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
