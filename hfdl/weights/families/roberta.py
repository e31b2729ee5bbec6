"""RoBERTa and XLM-RoBERTa: BERT's body, other heads."""

from __future__ import annotations

from hfdl.weights.families.bert import BODY
from hfdl.weights.families.family import FamilyTable
from hfdl.weights.families.name_rules import Copied, Rename, Tied

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
