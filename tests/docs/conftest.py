"""A folder in which the commands and the lines of Python that pages show can be run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from helpers.support import reviews, write_csv

import hfdl
from hfdl.config.load import recipe_text


@pytest.fixture(scope="package")
def desk(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path, tiny_gpt2: Path) -> Path:
    """A folder with the files and the runs that pages name."""
    folder = tmp_path_factory.mktemp("desk")
    rows = [{"review": row["text"], "stars": row["label"]} for row in reviews(60)]
    write_csv(folder / "reviews.csv", rows)
    write_csv(folder / "new.csv", [{"review": row["review"]} for row in rows[:4]])
    pd.DataFrame(rows[:4]).to_parquet(folder / "new.parquet")
    write_csv(folder / "mine.csv", [{"review": r["review"], "verdict": r["stars"]} for r in rows])
    pairs = [{"en": f"a {row['review']}", "de": f"ein {row['review']}"} for row in rows]
    write_csv(folder / "pairs.csv", pairs)
    for name, count in (("train.tsv", 40), ("dev.tsv", 20)):
        table = [
            {**pair, "text": row["review"], "label": row["stars"]}
            for pair, row in zip(pairs[:count], rows[:count], strict=True)
        ]
        pd.DataFrame(table).to_csv(folder / name, sep="\t", index=False)
    tickets = [
        {"text": row["review"], "label": ["a"] if i % 3 else ["a", "b"]}
        for i, row in enumerate(rows)
    ]
    pd.DataFrame(tickets).to_json(folder / "tickets.jsonl", orient="records", lines=True)
    labels = ("entailment", "neutral", "contradiction")
    write_csv(
        folder / "nli.csv", [{**r, "label": labels[i % 3]} for i, r in enumerate(reviews(60))]
    )
    (folder / "texts.txt").write_text("The shop opens at nine.\nA film to see twice.\n")
    (folder / "train.conll").write_text("ann B-PER\nsaw O\nrome B-LOC\n\n" * 20)
    (folder / "mine.yaml").write_text(recipe_text("sentiment"))
    _train_runs(folder, tiny_bert, tiny_gpt2)
    return folder


def _train_runs(folder: Path, bert: Path, gpt2: Path) -> None:
    file = str(folder / "reviews.csv")
    reviewed = {"data.train": file, "data.text": "review", "data.label": "stars"}
    prose = {"data.train": str(folder / "texts.txt"), "data.validation": str(folder / "texts.txt")}
    sizes = {
        "vocab_size": 300, "hidden_size": 16, "encoder_layers": 1, "decoder_layers": 1,
        "num_attention_heads": 2, "intermediate_size": 32,
    }  # fmt: skip
    runs: dict[str, tuple[str, Any, dict[str, Any]]] = {
        "sentiment": ("sentiment", bert, reviewed),
        "reviews": ("sentiment", bert, reviewed),
        "own": ("sentiment", bert, {**reviewed, "model.implementation": "hfdl"}),
        "mine": ("sentiment", bert, reviewed),
        "first": ("sentiment", bert, reviewed),
        "nli": ("sentiment", bert, {"data.train": str(folder / "nli.csv")}),
        "ner": ("ner", bert, {"data.train": str(folder / "train.conll")}),
        "mlm": ("mlm", bert, prose),
        "clm": ("clm", gpt2, {**prose, "model.config": None, "model.tokenizer": None}),
        "translation": (
            "translation",
            None,
            {
                "data.train": str(folder / "pairs.csv"), "data.text": "en", "data.label": "de",
                **{f"model.config.{key}": value for key, value in sizes.items()},
            },
        ),
    }  # fmt: skip
    for name, (recipe, model, options) in runs.items():
        named = {} if model is None else {"model.name": str(model)}
        hfdl.train(
            recipe,
            {
                **named, "train.steps": 2, "data.max_length": 32, "train.precision": "float32",
                **options,
            },
            output=folder / "runs" / name, listener=lambda event: None,
        )  # fmt: skip


@pytest.fixture
def at_the_desk(desk: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder, as the working directory; what a command wrote is gone afterwards."""
    monkeypatch.chdir(desk)
    before = set(desk.rglob("*"))
    yield desk
    for path in sorted(set(desk.rglob("*")) - before, reverse=True):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
