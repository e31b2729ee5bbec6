"""BERT: ours on the left, transformers' on the right."""

from __future__ import annotations

from hfdl.weights.families.name_rules import Copied, Dropped, Line, Rename, Tied
from hfdl.weights.families.name_table import FamilyTable

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


# ---- DistilBERT: ours on the left, transformers' on the right ------------------------------------

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


# ---- ELECTRA: BERT's body, narrow embeddings, other heads ----------------------------------------

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


# ---- RoBERTa and XLM-RoBERTa: BERT's body, other heads -------------------------------------------

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
