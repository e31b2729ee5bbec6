"""GPT-2, whose projections are ``Conv1D``: weights [in, out], queries, keys and values in one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hfdl.models import gpt2
from hfdl.models.gpt2 import Gpt2Config
from hfdl.weights.families.config_checks import (
    activation,
    refuse_set,
    same_settings,
    token_dropout,
)
from hfdl.weights.families.name_rules import Dropped, Rename, Tied, Transposed, TransposedSplit
from hfdl.weights.families.name_table import FamilyTable
from hfdl.weights.families.registry import Family, register

_QKV = ("layers.{}.attention.q_proj", "layers.{}.attention.k_proj", "layers.{}.attention.v_proj")

# ours on the left, transformers' on the right
# fmt: off
GPT2 = FamilyTable("transformer", (
    Rename("embeddings.tokens",                    "wte"),
    Rename("embeddings.positions",                 "wpe"),
    Rename("layers.{}.attention_norm",             "h.{}.ln_1"),
    TransposedSplit(_QKV,                          "h.{}.attn.c_attn"),
    Transposed("layers.{}.attention.o_proj",       "h.{}.attn.c_proj"),
    Rename("layers.{}.feed_forward_norm",          "h.{}.ln_2"),
    Transposed("layers.{}.feed_forward.up_proj",   "h.{}.mlp.c_fc"),
    Transposed("layers.{}.feed_forward.down_proj", "h.{}.mlp.c_proj"),
    Rename("norm",                                 "ln_f"),
    Dropped("h.{}.attn.bias"),
    Dropped("h.{}.attn.masked_bias"),
), {
    "base": (),
    "causal_lm": (
        Rename("head.decoder", "lm_head"),
        Tied("lm_head.weight", of="transformer.wte.weight"),
    ),
    "sequence": (
        Rename("head.out", "score"),
    ),
    "token": (
        Rename("head.out", "classifier"),
    ),
})
# fmt: on


def gpt2_config(config: Any) -> Gpt2Config:
    """Of ``transformers.GPT2Config``.

    ``reorder_and_upcast_attn`` is passed over: it changes the rounding of half types alone.
    """
    refuse_set(config, "add_cross_attention", "it is a decoder without an encoder")
    return replace(
        same_settings(config, Gpt2Config),
        intermediate_size=config.n_inner,
        hidden_act=activation(config, "activation_function"),
        layer_norm_eps=config.layer_norm_epsilon,
        embedding_dropout=config.embd_pdrop,
        hidden_dropout=config.resid_pdrop,
        attention_dropout=config.attn_pdrop,
        scale_scores=config.scale_attn_weights,
        scale_by_layer=config.scale_attn_by_inverse_layer_idx,
        token_dropout=token_dropout(config),
    )


register(
    Family(
        "gpt2", "GPT2", gpt2_config, GPT2,
        {
            "base": gpt2.Gpt2,
            "causal_lm": gpt2.Gpt2ForCausalLM,
            "sequence": gpt2.Gpt2ForSequenceClassification,
            "token": gpt2.Gpt2ForTokenClassification,
        },
        hf_names={"causal_lm": "GPT2LMHeadModel"},
    )
)  # fmt: skip
