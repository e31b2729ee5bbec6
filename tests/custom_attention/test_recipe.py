"""``model.attention``: what is refused, before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.wording import assert_wording

import hfdl
from hfdl.errors import HfdlError

OWN = """
import torch


def no_gradient(q, k, v, mask, *, dropout=0.0):
    return torch.zeros_like(q)


def by_numpy(q, k, v, mask, *, dropout=0.0):
    return torch.from_numpy(v.detach().numpy())


def undefined(q, k, v, mask, *, dropout=0.0):
    return v / (v - v)


def narrow(q, k, v, mask, *, dropout=0.0):
    return v[:, :, :1]


def without_dropout(q, k, v, mask):
    return v


def without_mask(q, k, v):
    return v


def plain(q, k, v, mask, *, dropout=0.0):
    return v


value = 3
"""
NAMES = ["no_gradient", "by_numpy", "undefined", "narrow", "without_dropout", "without_mask",
         "value", "plane"]  # fmt: skip


@pytest.fixture
def own(tmp_path: Path) -> Path:
    file = tmp_path / "mine.py"
    file.write_text(OWN, encoding="utf-8")
    return file


def refused(settings: dict[str, Any], output: Path, **more: Any) -> HfdlError:
    with pytest.raises(HfdlError) as caught:
        hfdl.train("sentiment", {**settings, **more}, output=output, listener=lambda event: None)
    assert not output.exists()
    return caught.value


@pytest.mark.parametrize("name", NAMES)
def test_a_function_that_is_no_attention_is_refused(
    name: str, own: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    attention = {"model.attention": f"{own}:{name}"}
    error = refused(settings, tmp_path / "run", **attention)
    if name == "without_dropout":
        assert "keyword 'dropout'" in str(error)  # the name has a digest in it
    elif name == "narrow":
        assert "must be (B, H, T, K)" in str(error)
    else:
        assert_wording(error)


@pytest.mark.parametrize("name", ["hfdl_numpy", "hfdl_fussed", "/no/file.py:f"])
def test_a_name_that_cannot_be_trained_with_is_refused(
    name: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    attention = {"model.attention": name}
    assert_wording(refused(settings, tmp_path / "run", **attention))


def test_a_model_without_attention_is_refused(
    own: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    lstm = {"model.name": "hfdl://lstm", "model.attention": f"{own}:plain"}
    assert_wording(refused(settings, tmp_path / "run", **lstm))


@pytest.mark.usefixtures("without_report")
def test_weights_of_another_attention_are_not_trained_further_in_silence(
    own: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    chosen = {**settings, "train.steps": 1}
    first = tmp_path / "first"
    hfdl.train(
        "sentiment", {**chosen, "model.attention": f"{own}:plain"}, output=first,
        listener=lambda event: None,
    )  # fmt: skip
    chosen["model.name"] = str(first)
    assert_wording(refused(chosen, tmp_path / "second"))
    for number, name in enumerate([f"{own}:plain", "sdpa"]):
        output = tmp_path / str(number)
        hfdl.train(
            "sentiment", {**chosen, "model.attention": name}, output=output,
            listener=lambda event: None,
        )  # fmt: skip
        assert ("hfdl_attention" in (output / "config.json").read_text()) == (name != "sdpa")
