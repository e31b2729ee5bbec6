"""DistilBERT: BERT without segments and pooler, under names of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hfdl.models.bert import BertConfig
from hfdl.weights.families.bert import CORES
from hfdl.weights.families.config_checks import activation, refuse, same_settings
from hfdl.weights.families.name_rules import Dropped, Rename, Tied
from hfdl.weights.families.name_table import FamilyTable
from hfdl.weights.families.registry import Family, register

# ours on the left, transformers' on the right
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
# fmt: on


def distilbert_config(config: Any) -> BertConfig:
    """Of ``transformers.DistilBertConfig``."""
    if config.sinusoidal_pos_embds:
        refuse(config, "sinusoidal_pos_embds", "positions are learned")
    return replace(
        same_settings(config, BertConfig),
        intermediate_size=config.hidden_dim,
        type_vocab_size=0,
        hidden_act=activation(config, "activation"),
        hidden_dropout_prob=config.dropout,
        attention_probs_dropout_prob=config.attention_dropout,
        attention_output_dropout=0.0,
        pooler=False,
        sequence_activation="relu",
        sequence_out_dropout=config.seq_classif_dropout,
        token_dropout=config.dropout,
    )


register(Family("distilbert", "DistilBert", distilbert_config, DISTILBERT, CORES))
