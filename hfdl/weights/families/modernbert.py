"""ModernBERT: queries, keys and values in one Linear, the gate and what it gates in another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hfdl.models import modernbert
from hfdl.models.modernbert import ModernBertConfig
from hfdl.weights.families.config_checks import refuse, refuse_set, same_settings
from hfdl.weights.families.name_rules import Rename, Rule, Split, Tied
from hfdl.weights.families.name_table import FamilyTable, Head
from hfdl.weights.families.registry import Family, register

_QKV = ("layers.{}.attention.q_proj", "layers.{}.attention.k_proj", "layers.{}.attention.v_proj")
_GATED = ("layers.{}.feed_forward.gate_proj", "layers.{}.feed_forward.up_proj")

# ours on the left, transformers' on the right
# fmt: off
_LABELS: tuple[Rule, ...] = (
    Rename("head.dense", "head.dense"),
    Rename("head.norm",  "head.norm"),
    Rename("head.out",   "classifier"),
)
MODERNBERT = FamilyTable("model", (
    Rename("embeddings.tokens",                "embeddings.tok_embeddings"),
    Rename("embeddings.norm",                  "embeddings.norm"),
    Rename("layers.{}.attention_norm",         "layers.{}.attn_norm"),
    Split(_QKV,                                "layers.{}.attn.Wqkv"),
    Rename("layers.{}.attention.o_proj",       "layers.{}.attn.Wo"),
    Rename("layers.{}.feed_forward_norm",      "layers.{}.mlp_norm"),
    Split(_GATED,                              "layers.{}.mlp.Wi"),
    Rename("layers.{}.feed_forward.down_proj", "layers.{}.mlp.Wo"),
    Rename("norm",                             "final_norm"),
), {
    "base": (),
    "masked_lm": (
        Rename("head.dense",   "head.dense"),
        Rename("head.norm",    "head.norm"),
        Rename("head.decoder", "decoder"),
        Tied("decoder.weight", of="model.embeddings.tok_embeddings.weight"),
    ),
    "sequence": _LABELS,
    "token": _LABELS,
})
# fmt: on


def modernbert_config(config: Any) -> ModernBertConfig:
    """Of ``transformers.ModernBertConfig``.

    Raises:
        ModelError: it asks for what hfdl's model does not have.
    """
    refuse_set(config, "sparse_prediction", "it gives the logits of every word")
    return replace(
        same_settings(config, ModernBertConfig),
        windows=_windows(config),
        rope_thetas=tuple(_theta(config, kind) for kind in config.layer_types),
    )


def _windows(config: Any) -> tuple[int | None, ...]:
    """Of the kind of each layer; transformers' does not count the token itself."""
    sizes = {"full_attention": None, "sliding_attention": config.sliding_window + 1}
    return tuple(sizes[kind] for kind in config.layer_types)


def _theta(config: Any, kind: str) -> float:
    rope = config.rope_parameters[kind]
    whole = rope.get("partial_rotary_factor", 1.0) == 1.0
    if not whole or rope.get("rope_type", "default") != "default":
        refuse(config, "rope_parameters", "its rotary positions are default, for whole heads")
    return float(rope["rope_theta"])


def _reads_padding(config: Any, head: Head) -> bool:
    """A first token that is padding lies outside the window of every real one."""
    return head == "sequence" and config.classifier_pooling == "cls"


register(
    Family(
        "modernbert", "ModernBert", modernbert_config, MODERNBERT,
        {
            "base": modernbert.ModernBert,
            "masked_lm": modernbert.ModernBertForMaskedLM,
            "sequence": modernbert.ModernBertForSequenceClassification,
            "token": modernbert.ModernBertForTokenClassification,
        },
        casts_to_float32=True,
        reads_padding=_reads_padding,
    )
)  # fmt: skip
