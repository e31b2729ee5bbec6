"""ALBERT: narrow embeddings, and blocks that stand in groups, one for several layers."""

from __future__ import annotations

from typing import Any

from hfdl.models import albert
from hfdl.models.albert import AlbertConfig
from hfdl.weights.families.config_checks import refuse, same_settings
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
        ModelError: it asks for what hfdl's model does not have.
    """
    if config.inner_group_num != 1:
        refuse(config, "inner_group_num", "a group of layers shares one block")
    return same_settings(config, AlbertConfig)


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
