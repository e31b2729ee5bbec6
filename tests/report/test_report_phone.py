"""Every kind of page on a phone: nothing is cut; what is wider scrolls in its box and says so."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from helpers import phone

from hfdl.interpret.views.page import attention_page
from hfdl.interpret.views.panel import Panel
from hfdl.report import write_report, write_side_by_side
from hfdl.report.comparison import write_comparison

from .conftest import LABELS, MULTI, REGRESSION, FakeRun

LONG = "Donaudampfschifffahrtsgesellschaftskapitänswitwenrente" * 2
HINT = "Scroll sideways for more"
ROOT = Path(__file__).parents[2] / "hfdl"


def classification(labels: list[str], **more: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        run = FakeRun(labels=labels, model={"name": f"example-org/{LONG}"}, **more)
        run.rows[0]["text"] = run.rows[-1]["text"] = f"{LONG} {LONG}"
        return write_report(run.write(folder))

    return write


def of_task(task: str, scores: dict, rows: list[dict], **more: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        model = {"name": f"example-org/{LONG}"}
        data = {"train": f"{LONG}.txt", "max_length": 64}
        recipe = {"task": task, "model": model, "data": data, "train": {"seed": 0}}
        metrics = {"task": task, "train": {"loss": 2.0}, "validation": scores, "test": scores}
        folder.mkdir()
        (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
        (folder / "metrics.json").write_text(json.dumps(metrics | more), encoding="utf-8")
        lines = [json.dumps(row) + "\n" for row in rows]
        (folder / "predictions.jsonl").write_text("".join(lines), encoding="utf-8")
        return write_report(folder)

    return write


def place(index: int) -> dict[str, Any]:
    return {"split": "test", "index": index, "where": f"{LONG}.txt, line {index + 1}"}


TYPES = ["LOC", "PER", "WORK_OF_ART_AND_CULTURE", LONG]
TAGS = ["O", *(f"{begin}-{name}" for name in TYPES for begin in "BI")]
TAGGED = [
    place(i)
    | {"text": f"{LONG} sees Paris", "tokens": [LONG, "sees", "Paris"],
       "label": [f"B-{TYPES[i % 4]}", "O", "B-LOC"],
       "prediction": [f"B-{TYPES[i % 3]}", "O", "O"]}
    for i in range(12)
]  # fmt: skip
WRITTEN = [place(i) | {"text": f"{LONG} {i}", "loss": i / 10, "accuracy": 0.5, "tokens": 8}
           for i in range(30)]  # fmt: skip
COSTLY = [row | {"costly": [{"after": LONG, "target": LONG, "prediction": "x", "loss": 9.0}]}
          for row in WRITTEN]  # fmt: skip
MASKED = [row | {"words": [{"target": LONG, "prediction": LONG[:9]}]} for row in WRITTEN]
TRANSLATED = [row | {"label": f"to {LONG}", "prediction": f"{LONG} too"} for row in WRITTEN]
ENTITY_SCORES = {"precision": 0.5, "recall": 0.4, "f1": 0.44, "accuracy": 0.9, "loss": 0.3}
LANGUAGE = {"perplexity": 4.2, "accuracy": 0.5, "loss": 1.4}


def comparison(folder: Path) -> Path:
    row = {"metric": "accuracy", "parameters": 22_713_218, "trained": 770, "seconds": 71.0,
           "samples_per_second": 310.0, "sd": {"test": 0.004}}  # fmt: skip
    rows = [
        row | {"era": f"era-{i}", "title": f"Era {i}, {LONG}", "model": f"example-org/{LONG}",
               "mean": {"test": 0.6 + i / 100}, "runs": [f"era-{i}/seed-{k}" for k in range(3)]}
        for i in range(5)
    ]  # fmt: skip
    machine = {"threads": 2, "cpu": "AMD EPYC", "device": "cpu", "precision": "float32",
               "torch": "2.13.0"}  # fmt: skip
    guess = {"metric": "accuracy", "value": 0.5, "answer": LONG}
    table = {"comparison": "sentiment", "seeds": [0, 1, 2], "examples": {"train": 752},
             "machine": machine, "guesses": {"test": guess}, "rows": rows}  # fmt: skip
    folder.mkdir()
    return write_comparison(folder / "compare.html", table)


def side_by_side(folder: Path) -> Path:
    runs = [
        FakeRun(labels=LABELS[2], seed=i, model={"name": f"example-org/{LONG}"}).write(
            folder / name
        )
        for i, name in enumerate((f"first-{LONG}", "second", f"third {LONG}"))
    ]
    return write_side_by_side(runs, folder / "report.html")


def attention(models: tuple[str, ...]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        words = (LONG, *(f"word{i}" for i in range(40)))
        random = np.random.default_rng(0)
        maps = [
            tuple(random.dirichlet(np.ones(41), (12, 41)).astype(np.float32) for _ in range(6))
            for _ in models
        ]
        panel = Panel("encoder", words, words, maps[0], maps[1] if len(models) > 1 else None)
        page = attention_page([panel], models, " ".join(words), start=(0, 0, 3))
        folder.mkdir()
        (folder / "attention.html").write_text(page, encoding="utf-8")
        return folder / "attention.html"

    return write


# A kind of page, and how many of its boxes are wider than a phone at least.
PAGES: dict[str, tuple[Callable[[Path], Path], int]] = {
    "two labels": (classification(LABELS[2]), 1),
    "thirty labels": (classification([*LABELS[30][:29], LONG]), 2),
    "several labels": (classification(LABELS[5], problem_type=MULTI), 1),
    "numbers": (classification(LABELS[2], problem_type=REGRESSION), 0),
    "entities": (of_task("token_classification", ENTITY_SCORES, TAGGED, labels=TAGS), 1),
    "causal_lm": (of_task("causal_lm", LANGUAGE, COSTLY, vocabulary=50257), 1),
    "masked_lm": (of_task("masked_lm", LANGUAGE, MASKED), 1),
    "side by side": (side_by_side, 3),
    "translation": (
        of_task(
            "translation",
            {"bleu": 33.8, "chrf": 50.1, **LANGUAGE},
            TRANSLATED,
            signatures={"bleu": "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"},
        ),
        0,
    ),
    "compare": (comparison, 1),
    "attention": (attention(("a/model",)), 1),
    "two models' attention": (attention((f"a/{LONG}", "b/model")), 1),
}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], phone.Seen]:
    folder = tmp_path_factory.mktemp("phone")

    def look(name: str) -> phone.Seen:
        page = PAGES[name][0](folder / re.sub(r"\W+", "-", name))
        return phone.look(page, folder)

    return look


@pytest.mark.skipif(not phone.BROWSER, reason="no Chromium")
@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_cut_on_a_phone(name: str, seen: Callable[[str], phone.Seen]) -> None:
    shown = seen(name)
    assert shown.page <= shown.width <= phone.WIDTH, "the page as a whole moves sideways"
    assert shown.cut == shown.loose == ()
    assert all(box["inside"] for box in shown.boxes)
    for box in shown.boxes:
        assert box["hint"] > 10 if box["wide"] else box["hint"] == 0, box
        assert HINT in box["says"], box
    assert sum(box["wide"] for box in shown.boxes) >= PAGES[name][1], shown.boxes
    assert shown.tables <= len(shown.boxes) + 1  # the attention view has one that never widens


@pytest.mark.skipif(not phone.BROWSER, reason="no Chromium")
def test_what_is_cut_is_seen(tmp_path: Path) -> None:
    """A negative control: a table in no box, and a box without a hint."""
    cells = "<td>" + "</td><td>".join(["word" * 9] * 5) + "</td>"
    table = f"<table><tr>{cells}</tr></table>"
    page = tmp_path / "bad.html"
    page.write_text(f'{table}<div class="scroll" style="overflow: auto">{table}</div>')
    shown = phone.look(page, tmp_path)
    assert shown.page > shown.width
    assert "table" in shown.cut
    assert shown.loose == ("table",)
    assert [(box["wide"], box["says"]) for box in shown.boxes] == [(True, "none")]


def templates() -> Iterator[tuple[str, str]]:
    for folder in (ROOT / "report", ROOT / "interpret" / "views"):
        for path in sorted(folder.glob("*.html")):
            yield path.name, path.read_text(encoding="utf-8")


def test_every_table_of_a_template_is_in_a_box_that_can_be_reached_with_the_keys() -> None:
    boxed = re.compile(
        r'<div class="scroll" tabindex="0" role="region" aria-label="[^"]+">\s*<table\b'
    )
    counts = {name: (len(re.findall(r"<table\b", text)), len(boxed.findall(text)))
              for name, text in templates()}  # fmt: skip
    assert {name: pair for name, pair in counts.items() if pair[0] != pair[1]} == {}
    assert sum(tables for tables, _ in counts.values()) == 19


@pytest.mark.parametrize("sheet", ["report/report.css", "interpret/views/page.css"])
def test_the_style_sheets_have_the_hint(sheet: str) -> None:
    """For machines without a browser: the rules that the tests above look at."""
    text = (ROOT / sheet).read_text(encoding="utf-8")
    assert re.search(r"\.scroll \{[^}]*overflow-x: auto", text)
    assert re.search(rf'\.scroll::before \{{[^}}]*content: "{HINT}', text)
    assert "animation-timeline: scroll(self inline)" in text
    assert "@supports not (animation-timeline: scroll(self inline))" in text
