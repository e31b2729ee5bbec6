"""A masked language model on the command line: its summary, its card, and answers for files."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from helpers.support import reviews

import hfdl
from hfdl.cli import errors
from hfdl.cli.printing.summary import print_summary
from hfdl.report import write_model_card

TEXTS = ["a [MASK] film", "the [MASK] was [MASK].", "[MASK]", "a very long [MASK], they say"]


@pytest.fixture(scope="module")
def run(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a few updates on a text column that is called otherwise."""
    folder = tmp_path_factory.mktemp("masked")
    rows = [json.dumps({"said": row["text"]}) for row in reviews(60)]
    (folder / "texts.jsonl").write_text("\n".join(rows), encoding="utf-8")
    hfdl.train(
        "mlm",
        {
            "model.name": str(tiny_bert), "data.train": str(folder / "texts.jsonl"),
            "data.text": "said", "data.max_length": 32, "train.epochs": 1,
            "train.batch_size": 16, "train.precision": "float32",
        },
        output=folder / "run", listener=lambda event: None,
    )  # fmt: skip
    return folder / "run"


def answers(run: Path, file: Path, output: Path, *options: str) -> list[dict[str, Any]]:
    target = ["--output", str(output), "--overwrite"]
    code = errors.run(["predict", str(run), "--file", str(file), *target, *options])
    assert code == 0
    return [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]


def test_a_file_with_masks_is_answered_as_the_pipeline_answers_it(
    run: Path, tmp_path: Path
) -> None:
    pipe = hfdl.pipeline(model=run)
    text = tmp_path / "texts.txt"
    text.write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    table = tmp_path / "table.csv"
    with table.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["id", "said"], *enumerate(TEXTS)])
    one = tmp_path / "one.txt"
    one.write_text(f"{TEXTS[1]}\n", encoding="utf-8")
    answered = 0
    for options, asked in (((), {}), (("--top-k", "2"), {"top_k": 2})):
        for file, texts in ((text, TEXTS), (table, TEXTS), (one, TEXTS[1:2])):
            found = answers(run, file, tmp_path / "answers.jsonl", *options)
            assert [(row.get("text", row.get("said")), row["predictions"]) for row in found] == [
                *zip(texts, pipe(texts, **asked), strict=True)
            ]
            answered += len(found)
    assert answered == 2 * (4 + 4 + 1)
    single, double = (pipe(text) for text in TEXTS[:2])
    assert isinstance(single[0], dict)
    assert [len(mask) for mask in double] == [5, 5]


def test_a_text_without_a_mask_is_refused_with_its_place(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "texts.txt"
    file.write_text("a [MASK] film\nno mask\n", encoding="utf-8")
    output = tmp_path / "answers.jsonl"
    code = errors.run(["predict", str(run), "--file", str(file), "--output", str(output)])
    assert code != 0
    said = capsys.readouterr().err
    assert "input 2: it has no mask" in said
    assert "Put [MASK] into the text" in said
    assert not output.exists()


def test_the_summary_shows_a_call_that_is_answered(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    print_summary(run, metrics)
    said = capsys.readouterr().out
    assert "masked" in said
    assert said.endswith(f'use it:   hfdl predict {run} "... [MASK] ..."\n')
    assert errors.run(["predict", str(run), "... [MASK] ..."]) == 0


def test_the_card_calls_the_model_with_its_own_mask(run: Path) -> None:
    metrics = run / "metrics.json"
    found = json.loads(metrics.read_text(encoding="utf-8"))
    assert found["mask_token"] == "[MASK]"
    card = (run / "README.md").read_text(encoding="utf-8")
    assert 'hfdl predict path/to/this/folder "a text with a [MASK] of yours"' in card
    found["mask_token"] = "<m>"
    metrics.write_text(json.dumps(found), encoding="utf-8")
    try:
        text = write_model_card(run).read_text(encoding="utf-8")
        assert 'hfdl predict path/to/this/folder "a text with a <m> of yours"' in text
    finally:
        metrics.write_text(json.dumps({**found, "mask_token": "[MASK]"}), encoding="utf-8")
