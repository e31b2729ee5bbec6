"""DistilBERT: ours on the left, transformers' on the right."""

from __future__ import annotations

from hfdl.weights.families.family import FamilyTable
from hfdl.weights.families.name_rules import Dropped, Rename, Tied

# fmt: off
DISTILBERT = FamilyTable("distilbert", (
    Rename("embeddings.tokens",               "embeddings.word_embeddings"),
    Rename("embeddings.positions",            "embeddings.position_embeddings"),
    Rename("embeddings.norm",                 "embeddings.LayerNorm"),
    Rename("layers.{}.attention.q_proj",      "transformer.layer.{}.attention.q_lin"),
    Rename("layers.{}.attention.k_proj",      "transformer.layer.{}.attention.k_lin"),
    Rename("layers.{}.attention.v_proj",      "transformer.layer.{}.attention.v_lin"),
    Rename("layers.{}.attention.o_proj",      "transformer.layer.{}.attention.out_lin"),
    Rename("layers.{}.attention_norm",        "transformer.layer.{}.sa_layer_norm"),
    Rename("layers.{}.feed_forward.up_proj",  "transformer.layer.{}.ffn.lin1"),
    Rename("layers.{}.feed_forward.down_proj", "transformer.layer.{}.ffn.lin2"),
    Rename("layers.{}.feed_forward_norm",     "transformer.layer.{}.output_layer_norm"),
    Dropped("embeddings.position_ids"),
), {
    "base": (),
    "masked_lm": (
        Rename("head.dense",   "vocab_transform"),
        Rename("head.norm",    "vocab_layer_norm"),
        Rename("head.decoder", "vocab_projector"),
        Tied("vocab_projector.weight", of="distilbert.embeddings.word_embeddings.weight"),
    ),
    "sequence": (
        Rename("head.dense", "pre_classifier"),
        Rename("head.out",   "classifier"),
    ),
    "token": (
        Rename("head.out", "classifier"),
    ),
})
