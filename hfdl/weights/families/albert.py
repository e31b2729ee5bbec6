"""ALBERT: narrow embeddings, and blocks that stand in groups, one for several layers."""

from __future__ import annotations

from typing import Any

from hfdl.models import albert
from hfdl.models.albert import AlbertConfig
from hfdl.weights.families.config_checks import activation, refuse, refuse_per_layer
from hfdl.weights.families.name_rules import Copied, Dropped, Rename, Tied
from hfdl.weights.families.name_table import FamilyTable
from hfdl.weights.families.registry import Family, register

_GROUP = "encoder.albert_layer_groups.{}.albert_layers.0."

# ours on the left, transformers' on the right
# fmt: off
ALBERT = FamilyTable("albert", (
    Rename("embeddings.tokens",                "embeddings.word_embeddings"),
    Rename("embeddings.positions",             "embeddings.position_embeddings"),
    Rename("embeddings.token_types",           "embeddings.token_type_embeddings"),
    Rename("embeddings.norm",                  "embeddings.LayerNorm"),
    Rename("embeddings.projection",            "encoder.embedding_hidden_mapping_in"),
    Rename("layers.{}.attention.q_proj",       _GROUP + "attention.query"),
    Rename("layers.{}.attention.k_proj",       _GROUP + "attention.key"),
    Rename("layers.{}.attention.v_proj",       _GROUP + "attention.value"),
    Rename("layers.{}.attention.o_proj",       _GROUP + "attention.dense"),
    Rename("layers.{}.attention_norm",         _GROUP + "attention.LayerNorm"),
    Rename("layers.{}.feed_forward.up_proj",   _GROUP + "ffn"),
    Rename("layers.{}.feed_forward.down_proj", _GROUP + "ffn_output"),
    Rename("layers.{}.feed_forward_norm",      _GROUP + "full_layer_layer_norm"),
    Dropped("embeddings.position_ids"),
    Dropped("embeddings.token_type_ids"),
), {
    "base": (
        Rename("pooler.dense", "pooler"),
    ),
    "masked_lm": (
        Rename("head.dense",   "predictions.dense"),
        Rename("head.norm",    "predictions.LayerNorm"),
        Rename("head.decoder", "predictions.decoder"),
        Tied("predictions.decoder.weight", of="albert.embeddings.word_embeddings.weight"),
        Copied("predictions.bias", of="predictions.decoder.bias"),
    ),
    "sequence": (
        Rename("head.dense", "albert.pooler"),
        Rename("head.out",   "classifier"),
    ),
    "token": (
        Rename("head.out", "classifier"),
    ),
})
# fmt: on


def albert_config(config: Any) -> AlbertConfig:
    """Of ``transformers.AlbertConfig``.

    Raises:
        ModelError: it asks for what hfdl's model has not.
    """
    refuse_per_layer(config)
    if config.inner_group_num != 1:
        refuse(config, "inner_group_num", "a group of layers shares one block")
    return AlbertConfig(
        vocab_size=config.vocab_size,
        embedding_size=config.embedding_size,
        hidden_size=config.hidden_size,
        num_hidden_layers=config.num_hidden_layers,
        num_hidden_groups=config.num_hidden_groups,
        num_attention_heads=config.num_attention_heads,
        intermediate_size=config.intermediate_size,
        max_position_embeddings=config.max_position_embeddings,
        type_vocab_size=config.type_vocab_size,
        pad_token_id=config.pad_token_id,
        hidden_act=activation(config, "hidden_act"),
        layer_norm_eps=config.layer_norm_eps,
        hidden_dropout_prob=config.hidden_dropout_prob,
        attention_probs_dropout_prob=config.attention_probs_dropout_prob,
        classifier_dropout_prob=config.classifier_dropout_prob,
        initializer_range=config.initializer_range,
        tie_word_embeddings=config.tie_word_embeddings,
        num_labels=config.num_labels,
    )


register(
    Family(
        "albert", "Albert", albert_config, ALBERT,
        {
            "base": albert.Albert,
            "masked_lm": albert.AlbertForMaskedLM,
            "sequence": albert.AlbertForSequenceClassification,
            "token": albert.AlbertForTokenClassification,
        },
    )
)  # fmt: skip
