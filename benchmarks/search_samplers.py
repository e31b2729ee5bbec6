"""What grid, random, TPE and CMA-ES find in one small space, beside the recipe as it stands.

    OMP_NUM_THREADS=1 python benchmarks/search_samplers.py \\
        --output benchmarks/results/search_samplers.json

Each sampler has as many trials on the bag of words (hfdl://sentiment, 752 / 160 sentences).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import hfdl
from hfdl.environment import machine, versions

RECIPE = "eras/bag-of-words"
RANGES = {
    "search.train.learning_rate": {"low": 1e-3, "high": 0.3, "log": True},
    "search.train.weight_decay": {"low": 0.0, "high": 0.5},
}
LISTS = {
    "search.train.learning_rate": [0.003, 0.03, 0.1, 0.3],
    "search.train.weight_decay": [0.0, 0.1, 0.5],
}


def search(kind: str, trials: int, folder: Path) -> dict[str, Any]:
    """One search: its best trial."""
    overrides: dict[str, Any] = {
        **(LISTS if kind == "grid" else RANGES),
        "train.epochs": 6,
        "study": {
            "sampler": kind,
            "trials": trials,
            "pruner": "none",
            "startup_trials": 4,
            "fresh_seeds": 0,
            "reports": False,
        },
    }
    study = hfdl.tune(RECIPE, overrides, output=folder / kind, listener=lambda event: None)
    return {
        "best": study.best.value,
        "trial": study.best.number,
        "settings": study.best.settings,
        "values": [trial.value for trial in study.trials],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=12)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        run = hfdl.train(
            RECIPE, {"train.epochs": 6}, output=Path(name) / "default", report=False,
            listener=lambda event: None,
        )  # fmt: skip
        found: dict[str, Any] = {
            "recipe": RECIPE,
            "trials": options.trials,
            "default": run.metrics["validation"]["accuracy"],
            "machine": {**machine(), **versions()},
        }
        for kind in ("grid", "random", "tpe", "cma_es"):
            found[kind] = search(kind, options.trials, Path(name))
            print(kind, found[kind]["best"], found[kind]["settings"], flush=True)
            options.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print("the recipe as it stands:", found["default"])


if __name__ == "__main__":
    main()
