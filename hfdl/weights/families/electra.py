"""ELECTRA: BERT's body, narrow embeddings, other heads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hfdl.models.bert import BertConfig
from hfdl.weights.families.bert import BODY, CORES, encoder_config
from hfdl.weights.families.config_checks import classifier_dropout
from hfdl.weights.families.name_rules import Rename, Tied
from hfdl.weights.families.name_table import FamilyTable
from hfdl.weights.families.registry import Family, register

# ours on the left, transformers' on the right
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
# fmt: on


def electra_config(config: Any) -> BertConfig:
    """Of ``transformers.ElectraConfig``."""
    dropout = classifier_dropout(config, config.hidden_dropout_prob)
    return replace(
        encoder_config(config),
        pooler=False,
        masked_lm_activation="gelu",  # whatever hidden_act is
        sequence_activation="gelu",
        sequence_in_dropout=dropout,
        sequence_out_dropout=dropout,
        token_dropout=dropout,
    )


register(Family("electra", "Electra", electra_config, ELECTRA, CORES))
