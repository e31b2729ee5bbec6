"""Runs with adapters and parts of their user's own, behind HTTP: as in Python and as predicted."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import helpers
import pytest
from helpers.serving import save_model, served

import hfdl
from hfdl.cli.errors import run
from hfdl.tasks.registry import TASKS

OWN_MODELS = Path(helpers.__file__).with_name("own_models.py")
TEXTS = ["what a good film", "the book was long and bad", "", "it is <b>bad</b> 😀", "good " * 60]
FILE = """
import torch

from hfdl.pipelines.text_classification import TextClassificationPipeline
from hfdl.tasks.spec import TaskSpec
from hfdl.tasks.text_classification.task import TextClassification


def near(q, k, v, mask, *, scale=1.0, dropout=0.0):
    places = torch.arange(k.shape[2], device=q.device)
    may = (places[:, None] - places).abs() <= 1
    may = may if mask is None else may & mask
    scores = ((q @ k.transpose(-1, -2)) * scale).masked_fill(~may, torch.finfo(q.dtype).min)
    return torch.dropout(scores.softmax(-1), dropout, train=dropout > 0) @ v


class ShoutingPipeline(TextClassificationPipeline):
    task = "shouting"

    def __call__(self, inputs, **options):
        answers = super().__call__(inputs, **options)
        for answer in answers:
            answer["label"] = answer["label"].upper()
        return answers


class Shouting(TextClassification):
    spec = TaskSpec("shouting", "own_serving:Shouting", pipeline="own_serving:ShoutingPipeline")
"""


@pytest.fixture
def trained_with(
    tmp_path: Path, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Path]]:
    """The folder of a run of the tiny model, some of its recipe changed."""
    (tmp_path / "own_serving.py").write_text(FILE, encoding="utf-8")
    shutil.copy(OWN_MODELS, tmp_path)
    known = dict(TASKS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "own_serving", raising=False)

    def train(changes: dict[str, Any]) -> Path:
        changes = {**settings, "train.epochs": 1, **changes}
        trained = hfdl.train(
            "sentiment", changes, output=tmp_path / "run", listener=lambda event: None
        )
        return trained.directory

    yield train
    TASKS.clear()
    TASKS.update(known)


@pytest.mark.usefixtures("without_report")
@pytest.mark.parametrize(
    "changes",
    [
        {"tune.lora": {"r": 2}},
        {"model.attention": "own_serving.py:near"},
        {"model.class": "own_models.py:MeanBert"},
    ],
    ids=["adapters", "attention", "class"],
)
def test_answers_are_those_of_python_and_of_predict(
    trained_with, capsys, changes: dict[str, Any]
) -> None:
    folder = trained_with(changes)
    pipe = hfdl.pipeline(model=folder)
    with served(folder) as local:
        answers = local.together([{"inputs": text} for text in TEXTS])
        alone = [local.post({"inputs": text}).json() for text in TEXTS]
    assert [answer.status_code for answer in answers] == [200] * len(TEXTS)
    expected = [pipe(text) for text in TEXTS]
    assert alone == expected
    for answer, said in zip(answers, expected, strict=True):
        same(answer.json()[0], said[0])
    capsys.readouterr()
    assert run(["predict", str(folder), *TEXTS, "--json"]) == 0
    predicted = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for said, (one,) in zip(predicted, expected, strict=True):
        same(said, one)


def same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert ours["label"] == theirs["label"]
    assert ours["score"] == pytest.approx(theirs["score"], abs=1e-6)


def test_adapters_alone_are_refused_with_what_merges_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before and after the merge: runs with tune.lora have theirs merged."""
    from peft import LoraConfig

    LoraConfig(base_model_name_or_path="some/model", r=2).save_pretrained(str(tmp_path))
    assert run(["serve", str(tmp_path), "--port", "0"]) == 2
    assert "merge" in capsys.readouterr().err


@pytest.mark.usefixtures("without_report")
def test_a_task_of_ones_own_answers_with_its_own_pipeline(trained_with) -> None:
    folder = trained_with({"task": "own_serving:Shouting"})
    pipe = hfdl.pipeline(model=folder)
    with served(folder) as local:
        assert local.get("/").json()["task"] == "shouting"
        answer = local.post({"inputs": TEXTS})
        assert answer.status_code == 200, answer.text
        for one, said in zip(answer.json(), pipe(TEXTS), strict=True):
            same(one, said)
            assert one["label"].isupper()


@pytest.mark.parametrize("strategy", ["viterbi", "simple", "max"])
def test_entities_of_a_long_text_are_those_of_its_windows(
    tmp_path: Path, tiny_bert: Path, tiny_gpt2: Path, strategy: str, capsys
) -> None:
    folder = save_model("token-classification", tmp_path / "m", tiny_bert, tiny_gpt2)
    words = list("abcdefg")
    text = " ".join(words[i * i % len(words)] for i in range(400))
    pipe = hfdl.pipeline(model=folder)
    expected = pipe(text, aggregation_strategy=strategy)
    assert max(one["end"] for one in expected) > len(text) - 40  # 64 tokens at once
    with served(folder, options={"aggregation_strategy": strategy}) as local:
        bodies = [{"inputs": text}, {"inputs": "good"}, {"inputs": [text, "bad film"]}]
        first, _, both = local.together(bodies)
    assert same_entities(first.json(), expected)
    assert same_entities(both.json()[0], expected)
    if strategy == "viterbi":
        assert run(["predict", str(folder), text, "--json"]) == 0
        assert same_entities(json.loads(capsys.readouterr().out)["entities"], expected)


def same_entities(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> bool:
    for one, other in zip(ours, theirs, strict=True):
        assert one.pop("score") == pytest.approx(other["score"], abs=1e-6)
        assert one == {name: value for name, value in other.items() if name != "score"}
    return True
