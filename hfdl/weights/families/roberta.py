"""RoBERTa and XLM-RoBERTa: BERT's body, positions that count from the padding id, other heads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hfdl.models.bert import BertConfig
from hfdl.weights.families.bert import BODY, CORES, encoder_config
from hfdl.weights.families.config_checks import classifier_dropout, refuse
from hfdl.weights.families.name_rules import Copied, Rename, Tied
from hfdl.weights.families.name_table import FamilyTable
from hfdl.weights.families.registry import Family, register

# ours on the left, transformers' on the right
# fmt: off
ROBERTA = FamilyTable("roberta", BODY, {
    "base": (
        Rename("pooler.dense", "pooler.dense"),
    ),
    "masked_lm": (
        Rename("head.dense",   "lm_head.dense"),
        Rename("head.norm",    "lm_head.layer_norm"),
        Rename("head.decoder", "lm_head.decoder"),
        Tied("lm_head.decoder.weight", of="roberta.embeddings.word_embeddings.weight"),
        Copied("lm_head.bias", of="lm_head.decoder.bias"),
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


def roberta_config(config: Any) -> BertConfig:
    """Of ``transformers.RobertaConfig`` or ``XLMRobertaConfig``."""
    if config.pad_token_id is None:
        refuse(config, "pad_token_id", "positions are counted from it")
    dropout = classifier_dropout(config, config.hidden_dropout_prob)
    return replace(
        encoder_config(config),
        padding_positions=True,
        masked_lm_activation="gelu",  # whatever hidden_act is
        sequence_in_dropout=dropout,
        sequence_out_dropout=dropout,
        token_dropout=dropout,
    )


register(Family("roberta", "Roberta", roberta_config, ROBERTA, CORES, positions_from_padding=True))
register(
    Family("xlm-roberta", "XLMRoberta", roberta_config, ROBERTA, CORES, positions_from_padding=True)
)
