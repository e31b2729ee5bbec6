"""BERT: config, tensor names; what RoBERTa and ELECTRA share with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import nn

from hfdl.models import bert
from hfdl.models.bert import BertConfig
from hfdl.weights.families.config_checks import (
    classifier_dropout,
    refuse,
    refuse_set,
    same_settings,
)
from hfdl.weights.families.name_rules import Copied, Dropped, Line, Rename, Tied
from hfdl.weights.families.name_table import FamilyTable, Head
from hfdl.weights.families.registry import Family, register

# ours on the left, transformers' on the right
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
# fmt: on

CORES: dict[Head, type[nn.Module]] = {
    "base": bert.Bert,
    "masked_lm": bert.BertForMaskedLM,
    "sequence": bert.BertForSequenceClassification,
    "token": bert.BertForTokenClassification,
}


def bert_config(config: Any) -> BertConfig:
    """Of ``transformers.BertConfig``.

    Raises:
        ModelError: it asks for what hfdl's model does not have; so do all functions here.
    """
    dropout = classifier_dropout(config, config.hidden_dropout_prob)
    return replace(encoder_config(config), sequence_out_dropout=dropout, token_dropout=dropout)


def encoder_config(config: Any) -> BertConfig:
    """What BERT, RoBERTa and ELECTRA call alike."""
    refuse_set(config, "is_decoder", "it is an encoder")
    refuse_set(config, "add_cross_attention", "it is an encoder")
    if getattr(config, "position_embedding_type", None) not in (None, "absolute"):
        refuse(config, "position_embedding_type", "its positions are absolute")
    return same_settings(config, BertConfig)


register(Family("bert", "Bert", bert_config, BERT, CORES))
