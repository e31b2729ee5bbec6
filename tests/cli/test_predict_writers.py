"""``hfdl predict`` of models that write: where it ends, how probable it was, which language."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

import hfdl
from hfdl.cli.app import app


def predict(*words: str) -> Any:
    return CliRunner().invoke(app, ["predict", *words])


@pytest.fixture(scope="module")
def writer(tiny_gpt2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tmp_path_factory.mktemp("writer")
    model: Any = AutoModelForCausalLM.from_pretrained(tiny_gpt2)
    torch.manual_seed(0)
    with torch.no_grad():  # wide, so that it does not repeat itself
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.copy_(torch.randn_like(parameter))
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_gpt2).save_pretrained(folder)
    return folder


def test_stops_and_scores_are_the_pipelines(writer: Path) -> None:
    pipe = hfdl.pipeline("text-generation", writer)
    text = pipe("a good", return_full_text=False)[0]["generated_text"]
    stop = next(char for char in text[2:] if char.isprintable() and char != "\ufffd")
    found = predict(str(writer), "a good", "--stop", stop, "--stop", "zzzz", "--scores", "--json")
    assert found.exit_code == 0, found.output
    line = json.loads(found.stdout.splitlines()[-1])
    (expected,) = pipe("a good", stop=[stop, "zzzz"], return_scores=True)
    assert line["generated_text"] == expected["generated_text"]
    assert line["token_ids"] == expected["token_ids"]
    assert line["score"] == pytest.approx(expected["score"], abs=1e-5)
    assert line["token_log_probs"] == pytest.approx(expected["token_log_probs"], abs=1e-5)
    assert len(line["token_ids"]) == len(line["token_log_probs"]) < 60


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        (["--tgt-lang", "de"], "--tgt-lang is for a model that translates"),
        (["--src-lang", "de"], "--src-lang is for a model that translates"),
    ],
)
def test_languages_are_for_translations(writer: Path, flag: list[str], message: str) -> None:
    found = predict(str(writer), "a", *flag)
    assert found.exit_code == 2
    assert message in " ".join(found.output.replace("│", " ").split())


@pytest.mark.parametrize("flag", [["--scores"], ["--stop", "."]])
def test_a_model_that_labels_writes_nothing(trained: Path, flag: list[str]) -> None:
    found = predict(str(trained), "a good film", *flag)
    assert found.exit_code == 2
    assert "is for one that writes texts" in " ".join(found.output.replace("│", " ").split())
