"""ELECTRA: BERT's body, narrow embeddings, other heads."""

from __future__ import annotations

from hfdl.weights.families.bert import BODY
from hfdl.weights.families.family import FamilyTable
from hfdl.weights.families.name_rules import Rename, Tied

# fmt: off
ELECTRA = FamilyTable("electra", (
    *BODY,
    Rename("embeddings.projection", "embeddings_project"),
), {
    "base": (),
    "masked_lm": (
        Rename("head.dense",   "generator_predictions.dense"),
        Rename("head.norm",    "generator_predictions.LayerNorm"),
        Rename("head.decoder", "generator_lm_head"),
        Tied("generator_lm_head.weight", of="electra.embeddings.word_embeddings.weight"),
    ),
    "sequence": (
        Rename("head.dense", "classifier.dense"),
        Rename("head.out",   "classifier.out_proj"),
    ),
    "token": (
        Rename("head.out", "classifier"),
    ),
})
