"""Every known mistake fails ``hfdl.verify``, in whatever form the candidate comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from helpers.scratch_models import MISTAKEN as MODELS
from helpers.scratch_models import hf_model
from torch import Tensor, nn

from hfdl.hf_models.load import hf_class_of, to_scratch_model
from hfdl.parity.mistakes import MISTAKES, Mistake
from hfdl.parity.variants import variants_for
from hfdl.parity.verify import verify


class Unknown(nn.Module):
    """A module of a person's own, of which only the logits are seen."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.inner = model

    def forward(self, **inputs: Tensor) -> Tensor:
        return self.inner(**inputs).logits


def bare(own: Any) -> nn.Module:
    return own.core


def load_scratch(own: Any) -> nn.Module:
    return own


def with_adapters(own: Any) -> nn.Module:
    peft = pytest.importorskip("peft")
    # B is zero, so adapters change no number. ``lm_head`` may be tied; what is wrong is elsewhere.
    return peft.get_peft_model(own, peft.LoraConfig(r=2, target_modules=["o_proj"]))


FORMS: dict[str, Callable[[Any], nn.Module]] = {
    "bare hfdl.models": bare, "load_scratch": load_scratch, "PEFT": with_adapters,
    "a module of one's own": Unknown,
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_diagnosis(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tested elsewhere, and tries all mistakes at each failure."""
    monkeypatch.setattr("hfdl.parity.verify.diagnose", lambda suspect, model: None)


def candidate(model: Any, mistake: Mistake | None, form: str) -> nn.Module | None:
    own = to_scratch_model(model).eval()
    if mistake is not None and not mistake.change(own.core):
        return None
    return FORMS[form](own)


def padded(model: Any) -> list[str]:
    """Padded texts, on the left where the model has them: masks and positions show in no others."""
    return ["left" if "left" in variants_for(model.config, hf_class_of(model).head) else "right"]


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    narrow = {name: "n_embd" if name.startswith("gpt2") else "hidden_size" for name in MODELS}
    return {
        name: hf_model(name, head, torch.float64, **{narrow[name]: 24})
        for name, head in MODELS.items()
    }


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", MODELS)
def test_no_form_hides_a_mistake(models: dict[str, Any], name: str, form: str) -> None:
    model = models[name]
    right = candidate(model, None, form)
    assert verify(model, right, dtypes=["float64"], variants=padded(model)).ok
    outcomes = Counter[str]()
    for mistake in MISTAKES:
        wrong = candidate(model, mistake, form)
        if wrong is None:
            continue
        report = verify(model, wrong, dtypes=["float64"], variants=padded(model))
        outcomes["passed" if report.ok else "failed"] += 1
        assert not report.ok, mistake.name
    assert outcomes["failed"] >= 24


def test_together_the_models_can_make_every_mistake(models: dict[str, Any]) -> None:
    made = {
        mistake.name
        for mistake in MISTAKES
        for model in models.values()
        if candidate(model, mistake, "bare hfdl.models") is not None
    }
    assert len(made) == len(MISTAKES) == 53
