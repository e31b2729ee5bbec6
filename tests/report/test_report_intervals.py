"""The interval of the main figure: one and the same on the page, on the terminal and in Python."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from seqeval.metrics import f1_score

import hfdl
from hfdl.cli.errors import run as run_command
from hfdl.report import read_run
from hfdl.report.intervals import Interval, interval_lines, intervals

PEOPLE, PLACES = ["ann", "bob", "carl"], ["rome", "oslo", "lima"]


@pytest.fixture
def sentences(tmp_path: Path) -> Path:
    """40 sentences in BIO, of which a few are hard to learn."""
    blocks = [
        f"{PEOPLE[i % 3]} B-PER\nsees O\n{PLACES[i % 2]} {'B-LOC' if i % 5 else 'O'}\n"
        for i in range(40)
    ]
    path = tmp_path / "ner.conll"
    path.write_text("\n".join(blocks), encoding="utf-8")
    return path


def trained(recipe: str, settings: dict, folder: Path) -> Path:
    hfdl.train(recipe, settings, output=folder, listener=lambda event: None)
    return folder


def of_entities(tiny_bert: Path, sentences: Path, folder: Path) -> Path:
    return trained(
        "ner",
        {"model.name": str(tiny_bert), "data.train": str(sentences), "train.steps": 40,
         "data.validation": str(sentences), "data.test": str(sentences), "data.max_length": 16,
         "train.batch_size": 8, "train.learning_rate": 5e-3},
        folder,
    )  # fmt: skip


def test_f1_of_entities_has_its_interval_on_page_and_terminal(
    tiny_bert: Path, sentences: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = of_entities(tiny_bert, sentences, tmp_path / "run")
    record = read_run(run)
    found = {one.split: one for one in intervals(record)}
    assert sorted(found) == ["test", "validation"]
    rows = record.on("test")
    score = f1_score([row["label"] for row in rows], [row["prediction"] for row in rows])
    one = found["test"]
    assert one.metric == "f1"
    assert one.value == pytest.approx(score, abs=1e-6)
    assert 0 < one.low < one.value < one.high < 1
    # The ends are those of a bootstrap of our own, with other draws.
    random, scores = np.random.default_rng(1), []
    for _ in range(400):
        drawn = [rows[i] for i in random.integers(0, len(rows), len(rows))]
        scores.append(f1_score([r["label"] for r in drawn], [r["prediction"] for r in drawn]))
    low, high = np.percentile(scores, [2.5, 97.5])
    assert (one.low, one.high) == pytest.approx((low, high), abs=0.04)

    page = (run / "report.html").read_text(encoding="utf-8")
    headline = re.search(r'<div class="card headline">.*?</div>\s*</div>|class="[^"]*headline".*?'
                         r"examples", page, re.DOTALL)  # fmt: skip
    assert headline is not None
    for end in (one.low, one.high):
        assert f"{100 * end:.1f}%" in headline[0]

    ends = [f"{split} {one.low:.4f} to {one.high:.4f}" for split, one in found.items()]
    line = f"95 % interval of f1: {', '.join(ends)}"
    assert line.startswith("95 % interval of f1: test ")
    capsys.readouterr()
    assert run_command(["evaluate", str(run)]) == 0
    assert line in capsys.readouterr().out.splitlines()
    scores = hfdl.evaluate(run, listener=lambda e: None)
    assert scores.intervals == list(found.values())
    shown = [row.split(maxsplit=1)[1] for row in repr(scores).splitlines() if "chance" in row]
    assert shown == [f"95 % interval of f1: {one}" for one in ends]
    assert run_command(["evaluate", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == scores


def test_training_prints_the_interval_of_accuracy_and_of_f1(
    tiny_bert: Path, sentences: Path, csv_file, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews = str(csv_file("reviews.csv", 40))
    short = "data.max_length=16"
    commands = {
        "f1": ["ner", f"model.name={tiny_bert}", f"data.train={sentences}",
               f"data.validation={sentences}", short],
        "accuracy": ["eras/bag-of-words", f"data.train={reviews}", f"data.validation={reviews}"],
    }  # fmt: skip
    for metric, words in commands.items():
        folder = tmp_path / metric
        settings = ["train.steps=8", "train.batch_size=8", "--output", str(folder)]
        status = run_command(["train", *words, *settings])
        out, err = capsys.readouterr()
        assert status == 0, err
        (one,) = intervals(read_run(folder))
        assert (one.split, one.metric) == ("validation", metric)
        line = f"95 % interval of {metric}: validation {one.low:.4f} to {one.high:.4f}"
        assert line in out.splitlines()


def test_both_splits_share_a_line_of_80_columns_and_no_longer_one() -> None:
    both = [Interval("test", "f1", 0.5, 0.4, 0.6), Interval("validation", "f1", 0.5, 0.25, 1.0)]
    one = "95 % interval of f1: test 0.4000 to 0.6000, validation 0.2500 to 1.0000"
    assert interval_lines(both) == interval_lines(both, len(one)) == [one]
    assert len(one) <= 80
    assert interval_lines(both, len(one) - 1) == [
        "95 % interval of f1: test 0.4000 to 0.6000",
        "95 % interval of f1: validation 0.2500 to 1.0000",
    ]
    longest = [replace(interval, metric="accuracy") for interval in both]
    assert [len(line) for line in interval_lines(longest)] == [77]
    assert interval_lines([]) == []


def test_a_language_model_has_none(tmp_path: Path) -> None:
    text = tmp_path / "poems.txt"
    text.write_text("a small line\n" * 200, encoding="utf-8")
    sizes = {"vocab_size": 300, "hidden_size": 16, "num_hidden_layers": 1}
    settings = {
        "data.train": str(text), "train.steps": 2, "train.batch_size": 2, "data.max_length": 16,
        "model.name": "hfdl://gpt2", "model.config.num_attention_heads": 2,
        **{f"model.config.{key}": size for key, size in sizes.items()},
    }  # fmt: skip
    assert intervals(read_run(trained("clm", settings, tmp_path / "run"))) == []
