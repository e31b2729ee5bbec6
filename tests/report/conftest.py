"""Run folders made up for the tests: what ``hfdl train`` leaves, without any training."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

SINGLE = "single_label_classification"
MULTI = "multi_label_classification"
REGRESSION = "regression"
LABELS = {
    2: ["negative", "positive"],
    5: ["awful", "bad", "fair", "good", "great"],
    30: [f"intent {number}" for number in range(30)],
    77: [f"topic {number}" for number in range(77)],
}
"""Label sets by their size."""

_WORDS = ["the", "film", "was", "long", "and", "warm", "but", "nobody", "laughed", "quiet", "scene"]


@dataclass
class FakeRun:
    """A run to be written; change what a test is about, then call ``write``."""

    problem_type: str = SINGLE
    labels: list[str] = field(default_factory=lambda: ["negative", "positive"])
    sizes: dict[str, int] = field(default_factory=lambda: {"validation": 60, "test": 90})
    accuracy: float = 0.8
    updates: int = 60
    evaluations: int = 3
    seed: int = 0
    notes: list[str] = field(default_factory=lambda: ["train: lost 40 of 9,000 tokens (0.4 %)"])
    model: dict[str, Any] = field(default_factory=lambda: {"name": "example-org/tiny-bert"})
    data: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)
        makers = {SINGLE: self._single, MULTI: self._multi, REGRESSION: self._regression}
        for split, size in self.sizes.items():
            for index in range(size):
                words = self.random.choice(_WORDS, size=self.random.integers(4, 30))
                place = {"split": split, "index": index, "where": f"{split}.csv, line {index + 2}"}
                self.rows.append({**place, "text": " ".join(words), **makers[self.problem_type]()})

    def on(self, split: str) -> list[dict[str, Any]]:
        """The predictions on a split."""
        return [row for row in self.rows if row["split"] == split]

    def write(self, folder: Path) -> Path:
        """Write the files that a report is made from."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "recipe.yaml").write_text(yaml.safe_dump(self.recipe(), sort_keys=False))
        (folder / "metrics.json").write_text(json.dumps(self.metrics()))
        _write_lines(folder / "log.jsonl", self.log())
        _write_lines(folder / "predictions.jsonl", self.rows)
        return folder

    def recipe(self) -> dict[str, Any]:
        """The recipe."""
        data = {"train": "reviews.csv", "text": "text", "max_length": 128, "long_text": "truncate"}
        train = {"epochs": 3, "batch_size": 32, "learning_rate": 5e-5, "seed": 0}
        return {
            "task": "text_classification",
            "model": self.model,
            "data": {**data, **self.data},
            "train": train,
        }

    def metrics(self) -> dict[str, Any]:
        """The contents of metrics.json."""
        best = {SINGLE: "accuracy", MULTI: "f1", REGRESSION: "mse"}[self.problem_type]
        scores = {split: self._score(self.on(split)) for split in self.sizes}
        return {
            "task": "text_classification",
            "problem_type": self.problem_type,
            "labels": self.labels,
            "best": {"metric": best, "value": scores["validation"][best], "step": self.updates,
                     "epoch": 3.0},
            "train": {"loss": 0.21},
            **scores,
            "runtime": {"seconds": 83.4, "steps": self.updates, "samples_per_second": 91.3,
                        "tokens_per_second": 3400.0, "peak_memory_bytes": 1_468_006_400},
            "environment": {"hfdl": "0.1.0", "python": "3.11.9", "cpu": "A CPU", "cores": 2,
                            "device": "cpu", "precision": "float32"},
        }  # fmt: skip

    def log(self) -> list[dict[str, Any]]:
        """The lines of log.jsonl."""
        plan = {"event": "plan", "task": "text_classification", "model": self.model["name"],
                "implementation": "hf", "labels": self.labels, "parameters": 22_713_602,
                "trainable": 22_713_602, "examples": {"train": 800, **self.sizes},
                "tokens": 120_000, "epochs": 3, "steps": self.updates, "batch_size": 32,
                "micro_batch_size": 32, "precision": "float32", "device": "cpu",
                "processes": 1}  # fmt: skip
        notes = [{"event": "note", "text": text} for text in self.notes]
        end = {"event": "end", "reason": "completed", "step": self.updates, "seconds": 83.4}
        events = [*notes, plan, *self._training(), end]
        return [{**event, "time": "2026-01-02T03:04:05+00:00"} for event in events]

    def _training(self) -> list[dict[str, Any]]:
        noise = self.random.normal(0, 0.05, self.updates)
        every = max(1, self.updates // self.evaluations)
        events: list[dict[str, Any]] = []
        for step in range(1, self.updates + 1):
            done = step / self.updates
            loss = float(0.2 + 0.6 * np.exp(-4 * done) + abs(noise[step - 1]))
            events.append(
                {"event": "update", "step": step, "steps": self.updates, "epoch": 3 * done,
                 "loss": loss, "learning_rate": 5e-5 * min(1, 10 * done) * (1 - done),
                 "grad_norm": 1 + abs(float(noise[step - 1])), "examples": 32, "tokens": 900,
                 "seconds": float(step)}
            )  # fmt: skip
            if step % every == 0:
                scores = self._score(self.on("validation"))
                shown = {name: value * (0.8 + 0.2 * done) for name, value in scores.items()}
                shown["loss"] = scores["loss"] * (2 - 1.6 * done + 0.6 * done**2)
                events.append({"event": "evaluation", "split": "validation", "step": step,
                               "epoch": 3 * done, "metrics": shown, "is_best": True,
                               "seconds": 1.0})  # fmt: skip
        return events

    def _single(self) -> dict[str, Any]:
        true = int(len(self.labels) * self.random.random() ** 1.3)
        logits = self.random.normal(0, 1, len(self.labels))
        wanted = true if self.random.random() < self.accuracy else self.random.integers(len(logits))
        logits[wanted] += 3
        shares = np.exp(logits) / np.exp(logits).sum()
        scores = dict(zip(self.labels, shares.tolist(), strict=True))
        said = max(scores, key=lambda name: scores[name])
        return {"label": self.labels[true], "prediction": said, "score": scores[said],
                "scores": scores}  # fmt: skip

    def _multi(self) -> dict[str, Any]:
        true = self.random.random(len(self.labels)) < 0.3
        shares = 1 / (1 + np.exp(-np.where(true, 2.0, -2.0) - self.random.normal(0, 2, len(true))))
        scores = dict(zip(self.labels, shares.tolist(), strict=True))
        return {
            "label": [name for name, holds in zip(self.labels, true, strict=True) if holds],
            "prediction": [name for name, score in scores.items() if score >= 0.5],
            "score": max(scores.values()),
            "scores": scores,
        }

    def _regression(self) -> dict[str, Any]:
        true = float(self.random.uniform(0, 5))
        said = true + float(self.random.normal(0, 0.6))
        return {"label": true, "prediction": said, "score": said}

    def _score(self, rows: list[dict[str, Any]]) -> dict[str, float]:
        if self.problem_type == REGRESSION:
            errors = np.array([row["prediction"] - row["label"] for row in rows])
            return {"mse": float((errors**2).mean()), "mae": float(np.abs(errors).mean()),
                    "loss": float((errors**2).mean())}  # fmt: skip
        right = [row["label"] == row["prediction"] for row in rows]
        accuracy = float(np.mean(right)) if rows else 0.0
        return {"accuracy": accuracy, "f1": 0.7, "loss": 0.4}


def _write_lines(path: Path, records: list[dict[str, Any]]) -> None:
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path.write_text("".join(lines), encoding="utf-8", errors="surrogatepass")


@pytest.fixture
def fake_run() -> Callable[..., FakeRun]:
    """``fake_run(labels=5)`` makes a run to be changed and written."""

    def make(labels: int | list[str] = 2, **options: Any) -> FakeRun:
        return FakeRun(labels=LABELS[labels] if isinstance(labels, int) else labels, **options)

    return make


class Page(HTMLParser):
    """What a browser would make of a report: tables by class, text, attributes."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.tables: dict[str, list[list[list[str]]]] = {}
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self._table: list[list[str]] | None = None
        self._in_cell = False
        self._in_ends = False  # an interval below a figure: part of the text, not of the cell
        self.feed(source)

    @property
    def text(self) -> str:
        """All text, without the style sheet, in single spaces."""
        return " ".join("".join(self.texts).split())

    @property
    def sections(self) -> list[str]:
        """Anchors of the page's sections."""
        return [value for tag, name, value in self.attributes if (tag, name) == ("section", "id")]

    def table(self, name: str, which: int = 0) -> list[list[str]]:
        """The rows of a table, heading included, as the cells' texts."""
        return [[" ".join(cell.split()) for cell in row] for row in self.tables[name][which]]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag == "table":
            self._table = []
            self.tables.setdefault(dict(attrs)["class"] or "", []).append(self._table)
        elif tag == "tr" and self._table is not None:
            self._table.append([])
        elif tag in ("td", "th") and self._table is not None:
            self._table[-1].append("")
            self._in_cell = True
        elif tag == "small":
            self.handle_data(" ")
            self._in_ends = dict(attrs).get("class") == "ends"

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False
        elif tag == "small":
            self._in_ends = False

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is None:
            self.texts.append(data)
        if self._in_cell and self._table is not None and not self._in_ends:
            self._table[-1][-1] += data


@pytest.fixture
def page() -> Callable[[FakeRun, Path], Page]:
    """Writes a run and its report, and reads the page."""
    from hfdl.report import write_report

    def read(run: FakeRun, folder: Path) -> Page:
        found = Page(write_report(run.write(folder)).read_text(encoding="utf-8"))
        assert "This part is left out" not in found.text
        return found

    return read


@pytest.fixture
def without_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the drawing out: it takes most of a page's time."""
    from markupsafe import Markup

    from hfdl.report import svg

    monkeypatch.setattr(svg, "_inline", lambda *arguments: Markup("<svg></svg>"))
