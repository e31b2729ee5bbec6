"""A calibrated run answers calibrated, whoever opens it: over every head that labels.

The reference is plain transformers: softmax of the old logits divided by the temperature.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import small_architectures, tuned_tasks
from helpers.support import reviews
from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)

import hfdl
from hfdl.hf_models.own_architectures import OWN
from hfdl.tasks.registry import TASKS, task_class
from hfdl.training.files import sha256_of
from hfdl.weights.pretrained import quiet_transformers

LABELLING = [name for name in TASKS if hasattr(task_class(name), "label_logits")]
NEW = [
    (task, name)
    for name, architecture in OWN.items()
    for task in LABELLING
    if task_class(task).head in architecture.heads
]
STACK = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
         "intermediate_size": 24}  # fmt: skip
TEXTS = [row["text"] for row in reviews(12)]


def test_every_task_with_labels_and_every_architecture_is_among_the_cases() -> None:
    labelled = {name for name in TASKS if task_class(name).head in ("sequence", "token")}
    assert set(LABELLING) == labelled
    assert len(NEW) == 13


def noisy(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every fourth label is the other one: then there is a best temperature."""
    other = {"positive": "negative", "negative": "positive"}
    return [{**r, "label": other[r["label"]] if i % 4 == 3 else r["label"]}
            for i, r in enumerate(rows)]  # fmt: skip


def several(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**r, "label": [r["label"], *(["odd"] if i % 3 == 0 else [])]}
            for i, r in enumerate(noisy(rows))]  # fmt: skip


def tags(n: int) -> list[dict[str, Any]]:
    rows = [tuned_tasks.tagged(row["text"].split()) for row in reviews(n)]
    for i, row in enumerate(rows):
        if i % 4 == 3:
            row["tags"] = ["O"] * len(row["tags"])
    return rows


def train(folder: Path, recipe: str, rows: list[Any], **more: Any) -> hfdl.Run:
    parts = {"train": rows, "validation": rows[:48], "test": rows[20:60]}
    folder.parent.mkdir(exist_ok=True)
    for name, part in parts.items():
        lines = "".join(json.dumps(row) + "\n" for row in part)
        (folder.parent / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    settings = {
        **{f"data.{name}": str(folder.parent / f"{name}.jsonl") for name in parts},
        "data.max_length": 32, "train.epochs": 2, "train.batch_size": 8,
        "train.learning_rate": 2e-3, "train.precision": "float32",
        **{key.replace("__", "."): value for key, value in more.items()},
    }  # fmt: skip
    return hfdl.train(recipe, settings, output=folder, listener=lambda event: None)


def logits(folder: Path, auto: Any) -> list[np.ndarray]:
    """Plain transformers' logits of some texts, in float64."""
    with quiet_transformers(), torch.no_grad():
        model = auto.from_pretrained(folder, dtype=torch.float64).eval()
        tokenizer = AutoTokenizer.from_pretrained(folder)
        made = [tokenizer(t, return_tensors="pt", return_token_type_ids=False) for t in TEXTS]
        return [model(**one).logits[0].numpy() for one in made]


def files(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): sha256_of(p) for p in folder.rglob("*") if p.is_file()}


def shares_of(rows: list[np.ndarray], temperature: float, *, many: bool) -> list[np.ndarray]:
    scaled = [torch.from_numpy(row / temperature) for row in rows]
    return [(row.sigmoid() if many else row.softmax(-1)).numpy() for row in scaled]


def check(run: hfdl.Run, auto: Any, *, many: bool = False) -> None:
    """Plain transformers, evaluate and the pipeline agree, answers stay, and all can be undone."""
    folder = run.directory
    before, old = files(folder), logits(folder, auto)
    answers = predictions(folder)
    found = hfdl.calibrate(folder, listener=lambda event: None)
    assert found.directory == folder
    assert sha256_of(folder / "model.safetensors") != before["model.safetensors"]
    expected = shares_of(old, found.temperature, many=many)
    for own, right in zip(shares_of(logits(folder, auto), 1.0, many=many), expected, strict=True):
        assert np.abs(own - right).max() < 1e-6
    assert [row["prediction"] for row in predictions(folder)] == [
        row["prediction"] for row in answers
    ]
    assert set(found.changed.values()) == {0}
    evaluated = hfdl.evaluate(folder, listener=lambda event: None)
    saved = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    for split in ("validation", "test"):
        assert evaluated[split] == pytest.approx(saved[split], abs=1e-9)
    again = files(folder)
    second = hfdl.calibrate(folder, listener=lambda event: None)
    assert second.to_dict() == found.to_dict()
    assert files(folder)["model.safetensors"] == again["model.safetensors"]
    assert predictions(folder) == predictions_of(again, folder)
    hfdl.uncalibrate(folder)
    after = files(folder)
    pages = {"report.html", "README.md"}
    assert {k: v for k, v in after.items() if k not in pages} == {
        k: v for k, v in before.items() if k not in pages
    }


def predictions(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def predictions_of(listing: dict[str, str], folder: Path) -> list[dict[str, Any]]:
    """What is there, if it is still the file of the listing."""
    assert sha256_of(folder / "predictions.jsonl") == listing["predictions.jsonl"]
    return predictions(folder)


@pytest.mark.usefixtures("without_report")
@pytest.mark.parametrize(("task", "name"), NEW)
def test_of_every_architecture(task: str, name: str, tmp_path: Path) -> None:
    sizes = small_architectures.sizes(task, name) if name in small_architectures.SIZES else STACK
    recipe, rows, auto = kinds(task)
    run = train(
        tmp_path / "run", recipe, rows, model__name=f"hfdl://{name}", model__config=sizes,
        train__learning_rate=1e-2,
        # With seed 0 this one's scores would become worse, and nothing would be written.
        train__seed=int((task, name) == ("text_classification", "encoder")),
    )  # fmt: skip
    check(run, auto)


def kinds(task: str) -> tuple[str, list[Any], Any]:
    return {
        "text_classification": (
            "sentiment",
            noisy(reviews(80)),
            AutoModelForSequenceClassification,
        ),
        "token_classification": ("ner", tags(80), AutoModelForTokenClassification),
    }[task]


MORE = {
    "lora": {"tune__lora": {"r": 2}},
    "own code": {"model__implementation": "hfdl"},
    "transformers": {"model__implementation": "hf"},
}


@pytest.mark.usefixtures("without_report")
@pytest.mark.parametrize("how", MORE)
@pytest.mark.parametrize("task", LABELLING)
def test_of_pretrained_models(task: str, how: str, tiny_bert: Path, tmp_path: Path) -> None:
    recipe, rows, auto = kinds(task)
    run = train(tmp_path / "run", recipe, rows, model__name=str(tiny_bert), **MORE[how])
    check(run, auto)


@pytest.mark.usefixtures("without_report")
@pytest.mark.parametrize("threshold", [None, 0.3, {"odd": 0.35, "negative": 0.8}, "best"])
def test_of_several_labels_with_thresholds(threshold: Any, tiny_bert: Path, tmp_path: Path) -> None:
    run = train(
        tmp_path / "run", "sentiment", several(reviews(80)), model__name=str(tiny_bert),
        tune__threshold=threshold, train__learning_rate=5e-3, train__epochs=6,
    )  # fmt: skip
    assert len({tuple(row["prediction"]) for row in predictions(run.directory)}) > 1
    pipe = hfdl.pipeline("sentiment", model=run.directory)
    before = [[one["label"] for one in answer] for answer in pipe(TEXTS)]
    check(run, AutoModelForSequenceClassification, many=True)
    hfdl.calibrate(run.directory, listener=lambda event: None)
    pipe = hfdl.pipeline("sentiment", model=run.directory)
    assert [[one["label"] for one in answer] for answer in pipe(TEXTS)] == before
    bare = tmp_path / "bare"  # the model's own files, without the recipe
    shutil.copytree(run.directory, bare)
    (bare / "recipe.yaml").unlink()
    pipe = hfdl.pipeline("sentiment", model=bare)
    assert [[one["label"] for one in answer] for answer in pipe(TEXTS)] == before


@pytest.mark.usefixtures("without_report")
def test_the_pipeline_answers_the_scores_that_are_saved(tiny_bert: Path, tmp_path: Path) -> None:
    run = train(tmp_path / "run", "sentiment", noisy(reviews(80)), model__name=str(tiny_bert))
    hfdl.calibrate(run.directory, listener=lambda event: None)
    rows = [row for row in predictions(run.directory) if row["split"] == "test"]
    answers = hfdl.pipeline("sentiment", model=run.directory)([row["text"] for row in rows])
    for answer, row in zip(answers, rows, strict=True):
        assert answer["score"] == pytest.approx(row["score"], abs=1e-6)
        assert answer["label"] == row["prediction"]
