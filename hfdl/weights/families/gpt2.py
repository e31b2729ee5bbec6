"""GPT-2, whose projections are ``Conv1D``: weights [in, out], queries, keys and values in one."""

from __future__ import annotations

from hfdl.weights.families.name_rules import Dropped, Rename, Split, Tied, Transposed
from hfdl.weights.families.name_table import FamilyTable

_QKV = ("layers.{}.attention.q_proj", "layers.{}.attention.k_proj", "layers.{}.attention.v_proj")

# fmt: off
GPT2 = FamilyTable("transformer", (
    Rename("embeddings.tokens",                    "wte"),
    Rename("embeddings.positions",                 "wpe"),
    Rename("layers.{}.attention_norm",             "h.{}.ln_1"),
    Split(_QKV,                                    "h.{}.attn.c_attn"),
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
