"""A pipeline lays weights out by columns; who saves, trains or shares the model sees no change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import hfdl
from hfdl.nn import linear
from hfdl.nn.cpu import onednn
from hfdl.nn.linear import Linear

TEXTS = ["what a good film", "a dreadful meal, they say", "x"]


def by_columns(model: nn.Module) -> list[str]:
    return [name for name, each in model.named_parameters() if not each.is_contiguous()]


@pytest.fixture(autouse=True)
def faster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onednn, "is_faster", lambda: True)
    monkeypatch.setattr(linear, "SMALLEST_BY_COLUMNS", 1)


@pytest.mark.skipif(not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="no oneDNN here")
def test_answers_files_and_training_are_as_before(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []
    own = onednn.product
    with monkeypatch.context() as plain:
        plain.setattr(onednn, "is_faster", lambda: False)
        other: Any = hfdl.pipeline(model=trained)
        assert by_columns(other.model) == []
        expected = [other(text, top_k=None) for text in TEXTS]
    monkeypatch.setattr(onednn, "product", lambda *args: calls.append(args) or own(*args))
    pipe: Any = hfdl.pipeline(model=trained)
    layers = [each for each in pipe.model.modules() if type(each) is Linear]
    assert len(by_columns(pipe.model)) == len(layers) > 12
    found = [pipe(text, top_k=None) for text in TEXTS]
    assert any(not weight.is_contiguous() for _, weight, _ in calls)
    for one, exact in zip(found, expected, strict=True):
        assert [each["label"] for each in one] == [each["label"] for each in exact]
        for a, b in zip(one, exact, strict=True):
            assert a["score"] == pytest.approx(b["score"], abs=1e-6)
    pipe.model.save_pretrained(tmp_path / "saved")
    pipe.tokenizer.save_pretrained(tmp_path / "saved")
    again: Any = hfdl.pipeline("text-classification", model=tmp_path / "saved")
    assert [again(text, top_k=None) for text in TEXTS] == found
    pipe.model.train()
    assert by_columns(pipe.model) == []


def test_models_that_write_one_token_at_a_time_keep_rows(tiny_gpt2: Path) -> None:
    pipe: Any = hfdl.pipeline("text-generation", model=tiny_gpt2)
    assert any(type(each) is Linear for each in pipe.model.modules())
    assert by_columns(pipe.model) == []
    several: Any = hfdl.pipeline("text-generation", model=tiny_gpt2, batch_size=2)
    laid = by_columns(several.model)
    assert laid
    assert not any("embeddings" in name or "decoder" in name for name in laid)  # they are shared
    asked = {"max_new_tokens": 5, "return_full_text": False}
    assert several(TEXTS, **asked) == [pipe(text, **asked) for text in TEXTS]
