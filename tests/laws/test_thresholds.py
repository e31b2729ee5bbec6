"""Which of several labels a text has: one threshold in train, evaluate, predict and pipeline."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.support import reviews
from helpers.wording import assert_wording
from sklearn.metrics import f1_score
from transformers import AutoModelForSequenceClassification, AutoTokenizer
from transformers import pipeline as theirs
from typer.testing import CliRunner

import hfdl
from hfdl.cli.app import app
from hfdl.errors import ConfigError
from hfdl.tasks.text_classification.thresholds import best_thresholds

pytestmark = pytest.mark.usefixtures("without_report")
NAMES = ["any", "negative", "odd", "positive"]


def rows() -> list[dict[str, Any]]:
    found = []
    for i, row in enumerate(reviews(30)):
        labels = [row["label"], *(["odd"] if i % 5 == 0 else []), "any"]
        found.append({"text": row["text"] * (1 + i % 3), "label": labels[i % 7 == 0 :]})
    return found


def train(folder: Path, model: Path, threshold: Any, **more: Any) -> hfdl.Run:
    settings = {
        "model.name": str(model), "data.train": rows(), "data.validation": rows(),
        "data.max_length": 16, "data.long_text": "window", "train.epochs": 2,
        "train.learning_rate": 2e-3, "train.batch_size": 8, "tune.threshold": threshold, **more,
    }  # fmt: skip
    return hfdl.train("sentiment", settings, output=folder, listener=lambda event: None)


def command(*arguments: Any) -> str:
    result = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def micro_f1(answers: list[list[str]]) -> float:
    sides = [[[n in held for n in NAMES] for held in side]
             for side in ([row["label"] for row in rows()], answers)]  # fmt: skip
    average: Any = {"average": "micro", "zero_division": 0}
    return float(f1_score(*map(np.array, sides), **average))


GIVEN = {"one": 0.4, "some": {"odd": 0.1, "positive": 0.7}, "best": "best", "none": 0.0, "all": 1}


@pytest.mark.parametrize("name", GIVEN)
def test_evaluate_equals_predict(name: str, tiny_bert: Path, tmp_path: Path) -> None:
    run = train(tmp_path / "run", tiny_bert, GIVEN[name])
    config = json.loads((run.directory / "config.json").read_text(encoding="utf-8"))
    assert list(config["label_thresholds"]) == NAMES
    assert run.metrics["thresholds"] == config["label_thresholds"]
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows()), encoding="utf-8")
    found = json.loads(command("evaluate", run.directory, f"data.test={file}", "--json"))["test"]
    lines = command("predict", run.directory, "--file", file, "--json").splitlines()
    answers = [[one["label"] for one in json.loads(line)["predictions"]] for line in lines]
    assert found["f1"] == pytest.approx(micro_f1(answers), rel=1e-12)
    assert run.metrics["validation"]["f1"] == pytest.approx(found["f1"], rel=1e-12)
    texts = [row["text"] for row in rows()]
    for options in ({}, {"threshold": config["label_thresholds"]}):
        piped = hfdl.pipeline("sentiment", model=run.directory, **options)(texts)
        assert [[one["label"] for one in answer] for answer in piped] == answers
    (run.directory / "recipe.yaml").rename(tmp_path / "recipe.yaml")  # a model folder alone
    settings = {"data.test": rows(), "data.max_length": 16}
    alone = hfdl.evaluate(run.directory, settings, listener=lambda event: None)["test"]
    assert alone["f1"] == pytest.approx(found["f1"], rel=1e-12)


@pytest.mark.parametrize("names", [NAMES, ["LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3"]])
def test_a_model_of_others_gives_all_labels_that_evaluation_counts(
    names: list[str], make_classifier: Any, tiny_bert: Path, tmp_path: Path
) -> None:
    folder = make_classifier(
        tiny_bert, num_labels=4, problem_type="multi_label_classification",
        id2label=dict(enumerate(names)),
    )  # fmt: skip
    held = dict(zip(NAMES, names, strict=True))
    data = [{**row, "label": [held[label] for label in row["label"]]} for row in rows()]
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in data), encoding="utf-8")
    found = json.loads(command("evaluate", folder, f"data.test={file}", "--json"))["test"]
    lines = command("predict", folder, "--file", file, "--json").splitlines()
    answers = [[one["label"] for one in json.loads(line)["predictions"]] for line in lines]
    assert len({len(answer) for answer in answers}) > 1 or len(answers[0]) != 1
    back = {name: own for own, name in held.items()}
    own = micro_f1([[back[label] for label in answer] for answer in answers])
    assert found["f1"] == pytest.approx(own, rel=1e-12)
    piped = hfdl.pipeline(model=str(folder))([row["text"] for row in data])
    assert [[one["label"] for one in answer] for answer in piped] == answers


def test_best_is_best_for_each_label(tiny_bert: Path, tmp_path: Path) -> None:
    run = train(tmp_path / "run", tiny_bert, "best")
    lines = (run.directory / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    for label in NAMES:
        truth = [label in record["label"] for record in records]
        scores = np.array([record["scores"][label] for record in records])
        said = [label in record["prediction"] for record in records]
        limits = [*np.unique(scores), 2.0]
        every = [f1_score(truth, scores >= limit) for limit in limits]
        assert f1_score(truth, said) == pytest.approx(max(every))
    with (run.directory / "log.jsonl").open(encoding="utf-8") as log:
        assert "thresholds tuned on validation: any " in log.read()


@pytest.mark.parametrize("seed", range(20))
def test_best_thresholds_by_trying_all(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.integers(0, 11, (9, 3)) / 10  # many ties
    truth = random.random((9, 3)) < 0.4
    truth[:, 2] = bool(seed % 2)
    for threshold, own, right in zip(
        best_thresholds(scores, truth), scores.T, truth.T, strict=True
    ):
        assert 0 <= threshold <= 1
        if not right.any():
            assert threshold == 0.5
            continue
        every = [f1_score(right, own >= limit) for limit in np.arange(0, 1.01, 0.05)]
        assert f1_score(right, own >= threshold) == pytest.approx(max(every))
        if f1_score(right, own >= 0.5, zero_division=0) == pytest.approx(max(every)):  # pyright: ignore[reportArgumentType]
            assert threshold == 0.5


def test_rounding_changes_no_answer() -> None:
    scores, truth = np.array([[0.2], [0.3], [0.4]]), np.array([[0], [1], [1]])
    assert best_thresholds(scores, truth) == [pytest.approx(0.25)]


def test_pipeline_answers(tiny_bert: Path, tmp_path: Path) -> None:
    run = train(tmp_path / "run", tiny_bert, None)
    text = "what a good film"
    pipe = hfdl.pipeline("sentiment", model=run.directory)
    every = pipe(text, top_k=None)
    assert pipe(text) == [one for one in every if one["score"] >= 0.5]
    assert pipe(text, top_k=1) == every[:1]
    for least, count in itertools.product((0.0, 0.3, 0.5, 1.0), (None, 1)):
        right = [one for one in every if one["score"] >= least]
        top = {} if count is None else {"top_k": count}
        assert pipe(text, threshold=least, **top) == right[:count]
        assert pipe([text], threshold=least, **top) == [right[:count]]
        assert pipe({"text": text}, threshold=least, **top) == right[:count]
    half = next(one["score"] for one in every[1:2])
    assert [one["label"] for one in pipe(text, threshold={every[0]["label"]: 1.0})] == [
        one["label"] for one in every[1:] if one["score"] >= 0.5
    ]
    out = command("predict", run.directory, text, "--threshold", half, "--json")
    assert json.loads(out)["predictions"] == every[:2]
    out = command("predict", run.directory, text, "--threshold", "{odd: 0.0, any: 1}", "--json")
    assert "odd" in [one["label"] for one in json.loads(out)["predictions"]]


def test_plain_transformers_passes_them_over(tiny_bert: Path, tmp_path: Path) -> None:
    run = train(tmp_path / "run", tiny_bert, {"odd": 0.3})
    model = AutoModelForSequenceClassification.from_pretrained(run.directory)
    assert model.config.label_thresholds == {"any": 0.5, "negative": 0.5, "odd": 0.3,
                                             "positive": 0.5}  # fmt: skip
    tokenizer = AutoTokenizer.from_pretrained(run.directory)
    told: Any = theirs("text-classification", model=model, tokenizer=tokenizer, top_k=None)
    answers = told("what a good film")[0]
    ours = hfdl.pipeline("sentiment", model=model, tokenizer=tokenizer)("what a good film")
    kept = [one for one in answers if one["score"] >= model.config.label_thresholds[one["label"]]]
    assert [one["label"] for one in ours] == [one["label"] for one in kept]


def test_training_further_forgets_them(tiny_bert: Path, tmp_path: Path) -> None:
    first = train(tmp_path / "a", tiny_bert, 0.1)
    second = train(tmp_path / "b", first.directory, None)
    assert "thresholds" not in second.metrics
    config = json.loads((second.directory / "config.json").read_text(encoding="utf-8"))
    assert config.get("label_thresholds") is None
    lines = (second.directory / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    for record in map(json.loads, lines):
        kept = [name for name, score in record["scores"].items() if score >= 0.5]
        assert record["prediction"] == kept


ONE = [{**row, "label": row["label"][0]} for row in rows() if row["label"]]
REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "single": ("sentiment", {"data.train": ONE, "tune.threshold": 0.4}),
    "unknown label": ("sentiment", {"tune.threshold": {"od": 0.4}}),
    "too large": ("sentiment", {"tune.threshold": 1.4}),
    "a word": ("sentiment", {"tune.threshold": "bets"}),
    "entities": ("ner", {"tune.threshold": 0.4}),
    "language model": ("mlm", {"tune.threshold": "best"}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, tiny_bert: Path, tmp_path: Path) -> None:
    recipe, keys = REFUSED[name]
    settings = {
        "model.name": str(tiny_bert), "data.train": rows(), "data.max_length": 16, **keys,
    }  # fmt: skip
    with pytest.raises(ConfigError) as caught:
        hfdl.train(recipe, settings, output=tmp_path / "run", listener=lambda event: None)
    assert_wording(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("threshold", [1.5, {"no": 0.5}, "x", True])
def test_refused_in_use(threshold: Any, tiny_bert: Path, tmp_path: Path) -> None:
    run = train(tmp_path / "run", tiny_bert, None, **{"train.steps": 1})
    with pytest.raises(ConfigError) as caught:
        hfdl.pipeline("sentiment", model=run.directory, threshold=threshold)
    assert_wording(caught.value)


def test_untuned_best_is_refused_in_evaluation(tiny_bert: Path, tmp_path: Path) -> None:
    run = train(tmp_path / "run", tiny_bert, None, **{"train.steps": 1})
    with pytest.raises(ConfigError) as caught:
        hfdl.evaluate(run.directory, {"tune.threshold": "best", "data.test": rows()})
    assert_wording(caught.value)
    found = [
        hfdl.evaluate(run.directory, {"tune.threshold": t, "data.test": rows()},
                      listener=lambda event: None)["test"]["recall"]
        for t in (0.0, 1.0)
    ]  # fmt: skip
    assert found == [1.0, 0.0]


def test_single_label_pipeline_has_none(tiny_bert: Path, tmp_path: Path) -> None:
    run = train(tmp_path / "run", tiny_bert, None, **{"train.steps": 1, "data.train": ONE,
                                                     "data.validation": ONE})  # fmt: skip
    with pytest.raises(ConfigError) as caught:
        hfdl.pipeline("sentiment", model=run.directory, threshold=0.5)
    assert_wording(caught.value)
    result = CliRunner().invoke(app, ["predict", str(run.directory), "x", "--threshold", "0.5"])
    assert result.exit_code != 0


@pytest.mark.parametrize("threshold", ["best", 0.3, None])
def test_report_shows_them(threshold: Any, tiny_bert: Path, tmp_path: Path) -> None:
    from hfdl.report.limitations import limits
    from hfdl.report.record import read_run
    from hfdl.report.sections.facts import run_facts

    run = train(tmp_path / "run", tiny_bert, threshold, **{"train.steps": 2})
    record = read_run(run.directory)
    shown = dict(run_facts(record)).get("Thresholds")
    said = " ".join(limits(record))
    assert (shown is not None) == ("label_thresholds" in said) == (threshold is not None)
    assert ("tuned on the validation split" in said) == (threshold == "best")
    if threshold == 0.3:
        assert shown == "any 0.3, negative 0.3, odd 0.3, positive 0.3"
