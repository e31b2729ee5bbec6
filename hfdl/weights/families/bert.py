"""BERT: ours on the left, transformers' on the right."""

from __future__ import annotations

from hfdl.weights.families.family import FamilyTable
from hfdl.weights.families.name_rules import Copied, Dropped, Line, Rename, Tied

# fmt: off
BODY: tuple[Line, ...] = (
    Rename("embeddings.tokens",               "embeddings.word_embeddings"),
    Rename("embeddings.positions",            "embeddings.position_embeddings"),
    Rename("embeddings.token_types",          "embeddings.token_type_embeddings"),
    Rename("embeddings.norm",                 "embeddings.LayerNorm"),
    Rename("layers.{}.attention.q_proj",      "encoder.layer.{}.attention.self.query"),
    Rename("layers.{}.attention.k_proj",      "encoder.layer.{}.attention.self.key"),
    Rename("layers.{}.attention.v_proj",      "encoder.layer.{}.attention.self.value"),
    Rename("layers.{}.attention.o_proj",      "encoder.layer.{}.attention.output.dense"),
    Rename("layers.{}.attention_norm",        "encoder.layer.{}.attention.output.LayerNorm"),
    Rename("layers.{}.feed_forward.up_proj",  "encoder.layer.{}.intermediate.dense"),
    Rename("layers.{}.feed_forward.down_proj", "encoder.layer.{}.output.dense"),
    Rename("layers.{}.feed_forward_norm",     "encoder.layer.{}.output.LayerNorm"),
    Dropped("embeddings.position_ids"),
    Dropped("embeddings.token_type_ids"),
)

BERT = FamilyTable("bert", BODY, {
    "base": (
        Rename("pooler.dense", "pooler.dense"),
    ),
    "masked_lm": (
        Rename("head.dense",   "cls.predictions.transform.dense"),
        Rename("head.norm",    "cls.predictions.transform.LayerNorm"),
        Rename("head.decoder", "cls.predictions.decoder"),
        Tied("cls.predictions.decoder.weight", of="bert.embeddings.word_embeddings.weight"),
        Copied("cls.predictions.bias", of="cls.predictions.decoder.bias"),
    ),
    "sequence": (
        Rename("head.dense", "bert.pooler.dense"),
        Rename("head.out",   "classifier"),
    ),
    "token": (
        Rename("head.out", "classifier"),
    ),
})
