"""BERT: config, tensor names; what RoBERTa and ELECTRA share with it."""

from __future__ import annotations

from typing import Any

from torch import nn

from hfdl.models import bert
from hfdl.models.bert import BertConfig
from hfdl.weights.families.config_checks import (
    activation,
    classifier_dropout,
    refuse,
    refuse_per_layer,
    refuse_set,
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
        ModelError: it asks for what hfdl's model has not; so do all functions here.
    """
    return BertConfig(
        **encoder_settings(config),
        type_vocab_size=config.type_vocab_size,
        sequence_out_dropout=classifier_dropout(config, config.hidden_dropout_prob),
        token_dropout=classifier_dropout(config, config.hidden_dropout_prob),
    )


def encoder_settings(config: Any) -> dict[str, Any]:
    """What BERT, RoBERTa and ELECTRA call alike."""
    refuse_set(config, "is_decoder", "it is an encoder")
    refuse_set(config, "add_cross_attention", "it is an encoder")
    refuse_per_layer(config)
    if getattr(config, "position_embedding_type", None) not in (None, "absolute"):
        refuse(config, "position_embedding_type", "its positions are absolute")
    return {
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "num_hidden_layers": config.num_hidden_layers,
        "num_attention_heads": config.num_attention_heads,
        "intermediate_size": config.intermediate_size,
        "max_position_embeddings": config.max_position_embeddings,
        "pad_token_id": config.pad_token_id,
        "hidden_act": activation(config, "hidden_act"),
        "layer_norm_eps": config.layer_norm_eps,
        "hidden_dropout_prob": config.hidden_dropout_prob,
        "attention_probs_dropout_prob": config.attention_probs_dropout_prob,
        "initializer_range": config.initializer_range,
        "tie_word_embeddings": config.tie_word_embeddings,
        "num_labels": config.num_labels,
    }


register(Family("bert", "Bert", bert_config, BERT, CORES))
