"""The page as a document: safe, self-contained, the same each time, fit for odd runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from hfdl.report import write_model_card, write_report
from hfdl.report.plots import thin

SINGLE = "single_label_classification"
MULTI = "multi_label_classification"
REGRESSION = "regression"
KINDS = [(2, SINGLE), (30, SINGLE), (5, MULTI), (["score"], REGRESSION)]
HOSTILE = (
    '<script src="http://evil.example/x.js"></script><img src=x onerror=alert(1)> {{ 7*7 }} {% x %}'
)


@pytest.mark.parametrize(("labels", "kind"), KINDS)
def test_the_page_loads_nothing_and_its_anchors_exist(fake_run, page, tmp_path, labels, kind):
    run = fake_run(labels, problem_type=kind)
    run.rows[0]["text"] = HOSTILE
    found = page(run, tmp_path)
    for tag, name, value in found.attributes:
        if name in ("src", "href", "xlink:href", "data", "action", "srcset", "poster"):
            assert value.startswith("#"), (tag, name, value)
        assert not name.startswith("on"), (tag, name)
        assert "http" not in value
    assert "@import" not in found.source
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)", found.source))
    assert not {tag for tag, _, _ in found.attributes} & {"script", "link", "iframe", "img"}
    ids = [value for _, name, value in found.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    targets = {v[1:] for _, name, v in found.attributes if name in ("href", "xlink:href")}
    targets |= set(re.findall(r"url\(#([^)]*)\)", found.source))
    assert targets <= set(ids)


@pytest.mark.usefixtures("without_charts")
def test_every_text_of_the_user_is_escaped(fake_run, page, tmp_path):
    labels = ["<b>bold</b>", "{{ label }}", "a & b"]
    run = fake_run(labels, notes=[HOSTILE], data={"train": "<i>data</i>.csv"})
    wrong = next(row for row in run.on("test") if row["label"] != row["prediction"])
    wrong |= {"text": HOSTILE, "where": "<u>place</u>", "score": 0.9999}
    found = page(run, tmp_path)
    for text in (HOSTILE, "<u>place</u>", "<i>data</i>.csv", *labels):
        assert text in found.text
        assert text not in found.source or not set(text) & set("<&")
    assert found.table("confusion")[0][1:-1] == labels


@pytest.mark.parametrize(("labels", "kind"), KINDS)
def test_two_writes_are_the_same_bytes(fake_run, tmp_path, labels, kind):
    pages, cards = set(), set()
    for name in ("a", "b", "b"):
        folder = fake_run(labels, problem_type=kind).write(tmp_path / name / "run")
        pages.add(write_report(folder).read_bytes())
        cards.add(write_model_card(folder).read_bytes())
    assert len(pages) == len(cards) == 1


@pytest.mark.usefixtures("without_charts")
def test_texts_of_every_kind_are_shown(fake_run, page, tmp_path):
    run = fake_run(2)
    wrong = [row for row in run.on("test") if row["label"] != row["prediction"]]
    texts = ["", " \n ", "long " * 300, "👩‍👩‍👧 naïve 日本語 فيلم جميل", "bell \x07 here"]
    for row, text in zip(wrong, texts, strict=False):
        row |= {"text": text, "score": 1.0}
    wrong[0]["text_pair"] = "the second of a pair"
    found = page(run, tmp_path)
    for shown in (
        "(empty text)",
        "(only white space)",
        "1,500 characters",
        texts[3],
        "bell ␇ here",
    ):
        assert shown in found.text
    assert "First text" in found.text
    assert "the second of a pair" in found.text
    assert texts[2].strip() in found.text


@pytest.mark.usefixtures("without_charts")
def test_a_lone_surrogate_does_not_stop_the_report(fake_run, tmp_path):
    folder = fake_run(2).write(tmp_path)
    row = {"split": "test", "index": 900, "where": "x", "text": "half \ud83d", "label": "negative",
           "prediction": "positive", "score": 1.0}  # fmt: skip
    with (folder / "predictions.jsonl").open("a") as stream:
        stream.write(json.dumps(row) + "\n")
    assert "half \\ud83d" in write_report(folder).read_text(encoding="utf-8")


@pytest.mark.usefixtures("without_charts")
def test_the_worst_examples_come_first(fake_run, page, tmp_path):
    run = fake_run(5)
    found = page(run, tmp_path)
    wrong = [row for row in run.on("test") if row["label"] != row["prediction"]]
    wrong.sort(key=lambda row: -row["score"])
    places = re.findall(r"test\.csv, line \d+", found.text)
    assert places[: len(wrong[:20])] == [row["where"] for row in wrong[:20]]
    least = sorted(run.on("test"), key=lambda row: row["score"])[:10]
    assert places[len(wrong[:20]) :][:10] == [row["where"] for row in least]


@pytest.mark.usefixtures("without_charts")
def test_false_labels_are_named(fake_run, page, tmp_path):
    run = fake_run(["a", "b", "c"], problem_type=MULTI)
    run.on("test")[0].update(
        label=["a", "b"], prediction=["a", "c"], scores={"a": 0.9, "b": 0.001, "c": 0.98}
    )
    text = page(run, tmp_path).text
    assert "missed: b (0.1%); wrongly given: c (98.0%)" in text


@pytest.mark.usefixtures("without_charts")
def test_no_test_split_is_said(fake_run, page, tmp_path):
    found = page(fake_run(2, sizes={"validation": 50}), tmp_path)
    assert "There is no test split." in found.text
    assert "The same on" not in found.text
    assert len(found.tables["labels"]) == 1


@pytest.mark.parametrize("best", [None, {"metric": "accuracy", "value": 1, "step": 99, "epoch": 1}])
def test_one_update_and_one_evaluation(fake_run, page, tmp_path, best):
    run = fake_run(2, updates=1, evaluations=1, sizes={"validation": 1})
    run.write(tmp_path)
    metrics = {**run.metrics(), "best": best}
    run.metrics = lambda: metrics
    assert "training" in page(run, tmp_path).sections


def test_a_run_without_log_or_predictions(fake_run, tmp_path):
    folder = fake_run(2).write(tmp_path)
    (folder / "log.jsonl").unlink()
    (folder / "predictions.jsonl").unlink()
    source = write_report(folder).read_text(encoding="utf-8")
    assert re.findall(r'<section id="(\w+)"', source) == ["figures", "limits", "facts"]


def test_a_task_without_sections_of_its_own(fake_run, page, tmp_path):
    run = fake_run(2)
    run.rows = [{"split": "test", "index": 0, "tokens": ["a"], "label": ["O"]}]
    metrics = {"task": "causal_lm", "validation": {"loss": 2.1, "perplexity": 8.2}}
    run.metrics = lambda: metrics
    found = page(run, tmp_path)
    assert found.sections == ["figures", "limits", "training", "facts"]
    assert found.table("figures")[1:] == [["Loss", "2.100"], ["Perplexity", "8.200"]]


def test_a_long_log_is_thinned(fake_run, page, tmp_path):
    found = page(fake_run(2, updates=100_000), tmp_path)
    assert len(found.source) < 250_000


def test_thinning_keeps_the_outline():
    values = np.sin(np.arange(50_000) / 7.0)
    values[33_333] = 9.0
    kept = thin(values)
    assert len(kept) <= 602
    assert {0, 33_333, 49_999} <= set(kept.tolist())
    assert np.all(np.diff(kept) > 0)
    assert thin(values[:600]).tolist() == list(range(600))


def test_the_best_evaluation_is_marked(fake_run, page, tmp_path):
    run = fake_run(2)
    value = run.metrics()["best"]["value"]
    assert f"best: {100 * value:.1f}%" in page(run, tmp_path).text


def test_importing_and_writing_loads_no_framework(fake_run, tmp_path):
    folder = fake_run(2).write(tmp_path)
    program = f"""
import sys, pathlib, hfdl.report as report
early = {{"jinja2", "matplotlib", "huggingface_hub"}} & set(sys.modules)
folder = pathlib.Path({str(folder)!r})
report.write_report(folder), report.write_model_card(folder)
late = {{"torch", "transformers", "matplotlib.pyplot"}} & set(sys.modules)
sys.exit(f"{{early}} {{late}}" if early or late else 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_card_has_the_mark_of_the_guess(fake_run, tmp_path):
    folder = fake_run(2).write(tmp_path)
    html = write_report(folder).read_text(encoding="utf-8")
    assert html.count('class="card headline"') == html.count('<i class="baseline"') == 2


def test_a_text_that_begins_with_blanks_is_not_indented(fake_run, page, tmp_path):
    run = fake_run(2)
    for row in run.rows:
        row["text"] = "  begins late"
    html = write_report(run.write(tmp_path)).read_text(encoding="utf-8")
    assert ">begins late<" in html
