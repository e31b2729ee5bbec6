"""How many wrong labels the report's list of suspicious ones finds, where they are known: planted.

    python benchmarks/mislabelled.py --output benchmarks/results/mislabelled.json
    python benchmarks/mislabelled.py hfdl://sentiment questions=TRAIN.tsv --models bag-of-words

Of each data set a tenth of the training labels is made another one, at random. Models are trained
on four fifths of it, flips included, and give their probabilities for the last fifth, five times:
out-of-fold probabilities, as k-fold cross-validation leaves them. All training examples are then
listed as the report does (``hfdl.report.suspects``), and in other orders. Printed is the share of
the planted flips among the first tenth of each list: all of them at best, a tenth by chance.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

FOLDS, FLIPPED, LISTED = 5, 0.1, 0.1
RECIPES = {
    "bag-of-words": ("eras/bag-of-words", {"train.epochs": 8}),
    "MiniLM": ("sentiment", {}),
}
"""Models by name: a recipe, and what is changed in it."""


def flipped(labels: Sequence[str], share: float, seed: int) -> tuple[list[str], set[int]]:
    """The labels with a share of them made another one, and where."""
    random = np.random.default_rng(seed)
    names = sorted(set(labels))
    chosen = random.choice(len(labels), size=round(share * len(labels)), replace=False)
    wrong = list(labels)
    for at in chosen.tolist():
        wrong[at] = str(random.choice([name for name in names if name != labels[at]]))
    return wrong, set(chosen.tolist())


def out_of_fold(
    texts: Sequence[str], labels: Sequence[str], model: str, seed: int
) -> list[dict[str, Any]]:
    """A prediction for each example, of a model that was not trained on it."""
    from sklearn.model_selection import StratifiedKFold

    import hfdl

    recipe, changes = RECIPES[model]
    answers: list[dict[str, Any]] = [{} for _ in texts]
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for kept, left in folds.split(np.zeros(len(texts)), list(labels)):
        data = {
            f"data.{split}": [{"text": texts[i], "label": labels[i]} for i in chosen]
            for split, chosen in (("train", kept.tolist()), ("test", left.tolist()))
        }
        with tempfile.TemporaryDirectory() as folder:
            run = hfdl.train(
                recipe, {**changes, **data, "train.seed": seed}, output=f"{folder}/run",
                listener=lambda event: None,
            )  # fmt: skip
            lines = (run.directory / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [row for line in lines if (row := json.loads(line))["split"] == "test"]
        for at, row in zip(left.tolist(), rows, strict=True):
            answers[at] = {**row, "split": "train", "index": at}
    return answers


def found(rows: Sequence[dict[str, Any]], planted: set[int]) -> dict[str, float]:
    """The share of the planted flips among the first tenth of each list."""
    from hfdl.report.suspects import ranked

    labels = sorted({row["label"] for row in rows})
    most = round(LISTED * len(rows))
    listed = ranked(rows, labels)
    lists = {
        "by self-confidence (the report)": listed,
        "by normalised margin": sorted(listed, key=lambda one: one.margin),
        "confident ones first": sorted(listed, key=lambda one: not one.confident),
    }
    firsts = {name: {one.row["index"] for one in ones[:most]} for name, ones in lists.items()}
    confident = {one.row["index"] for one in listed if one.confident}
    return {
        **{name: len(planted & first) / len(planted) for name, first in firsts.items()},
        "called suspicious": len(confident) / len(rows),
        "planted among those": len(planted & confident) / max(len(confident), 1),
        "accuracy": statistics.fmean(row["prediction"] == row["label"] for row in rows),
    }


def examples(source: str) -> tuple[list[str], list[str]]:
    """Texts and labels of a data set's training split."""
    from hfdl.config.schema import DataConfig
    from hfdl.data.readers.sources import load_splits

    columns = load_splits(DataConfig(train=source))["train"].columns
    return [str(text) for text in columns["text"]], [str(label) for label in columns["label"]]


def main() -> None:
    """Plant, train, list, count."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("sources", nargs="*", default=["hfdl://sentiment"], metavar="[NAME=]FILE")
    parser.add_argument("--models", nargs="+", default=[*RECIPES], choices=[*RECIPES])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    results = [
        measured(source, model, given.seeds) for source in given.sources for model in given.models
    ]
    if given.output:
        from hfdl.environment import machine, versions

        made = {"flipped": FLIPPED, "listed": LISTED, "folds": FOLDS, "results": results,
                "environment": {**versions(), **machine()}}  # fmt: skip
        given.output.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


def measured(source: str, model: str, seeds: Sequence[int]) -> dict[str, Any]:
    """One model on one data set with several seeds, each with flips of its own."""
    name, _, path = source.rpartition("=")
    texts, labels = examples(path)
    by_seed, began = [], time.perf_counter()
    for seed in seeds:
        wrong, planted = flipped(labels, FLIPPED, seed)
        by_seed.append(found(out_of_fold(texts, wrong, model, seed), planted))
    name = name or path
    print(f"{name}, {len(texts):,} examples, {len(set(labels))} labels, {model}:")
    figures = {}
    for figure in by_seed[0]:
        values = [one[figure] for one in by_seed]
        sd = statistics.stdev(values) if len(values) > 1 else None
        figures[figure] = {"mean": statistics.fmean(values), "sd": sd, "values": values}
        print(f"  {figure:32} {statistics.fmean(values):.3f} ± {sd or 0:.3f}", flush=True)
    return {"data": name, "examples": len(texts), "labels": len(set(labels)), "model": model,
            "seeds": list(seeds), "seconds": time.perf_counter() - began, **figures}  # fmt: skip


if __name__ == "__main__":
    main()
