"""In training, dropout stands where transformers has it, with the same probabilities.

Random numbers cannot be compared, so dropout is replaced on both sides by one function of its input
and its probability: the outputs in training mode are then equal only if every place is.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from helpers.scratch_models import CASES, batch, farthest, hf_model, model_type
from torch import Tensor, nn

import hfdl.nn.dropout as own
import hfdl.nn.functional as functional
from hfdl.hf_models.load import to_scratch_model

RATES = {
    "bert": {"hidden_dropout_prob": 0.11, "attention_probs_dropout_prob": 0.23,
             "classifier_dropout": 0.31},
    "electra": {"hidden_dropout_prob": 0.11, "attention_probs_dropout_prob": 0.23,
                "classifier_dropout": 0.31},
    "albert": {"hidden_dropout_prob": 0.11, "attention_probs_dropout_prob": 0.23,
               "classifier_dropout_prob": 0.31},
    "modernbert": {"embedding_dropout": 0.11, "attention_dropout": 0.23, "mlp_dropout": 0.17,
                   "classifier_dropout": 0.31},
    "distilbert": {"dropout": 0.11, "attention_dropout": 0.23, "seq_classif_dropout": 0.31},
    "gpt2": {"resid_pdrop": 0.11, "embd_pdrop": 0.17, "attn_pdrop": 0.23,
             "classifier_dropout": 0.31},
    "llama": {"attention_dropout": 0.23},
}  # fmt: skip
RATES["roberta"] = RATES["xlm-roberta"] = RATES["bert"]
for kind in ("mistral", "qwen2", "qwen3"):
    RATES[kind] = RATES["llama"]


@pytest.fixture
def applied(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Replace dropout everywhere; what it was asked for is collected."""
    rates: list[float] = []

    def mark(x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        if not training or p == 0.0:
            return x
        rates.append(p)
        return x * (1 - p) + p * x.tanh()

    monkeypatch.setattr(nn.functional, "dropout", mark)
    for module, name in ((own, "dropout"), (functional, "drop")):
        monkeypatch.setattr(module, name, mark)
    return rates


def run(model: Any, applied: list[float]) -> tuple[Tensor, list[float]]:
    applied.clear()
    inputs = batch("none")
    out = model(**inputs.inputs, output_attentions=False)[0]
    return out, list(applied)


@pytest.mark.parametrize(("variant", "head"), CASES)
def test_dropout_stands_where_transformers_has_it(variant: str, head: str, applied) -> None:
    rates = RATES[model_type(variant)]
    theirs = hf_model(variant, head, torch.float32, **rates).train()
    ours = to_scratch_model(theirs)
    ours.set_attn_implementation("eager")
    assert ours.training
    expected, at_theirs = run(theirs, applied)
    found, at_ours = run(ours, applied)
    assert at_theirs, "transformers' side dropped nothing"
    assert at_ours == at_theirs
    assert farthest(found, expected) < 1e-5 * max(1.0, float(expected.detach().abs().max()))


def test_every_case_is_covered() -> None:
    assert {model_type(variant) for variant, _ in CASES} == set(RATES)
    assert len(CASES) == 72
