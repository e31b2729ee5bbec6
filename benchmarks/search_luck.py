"""How often ``hfdl tune`` calls luck a gain: searches in which only train.seed varies.

    OMP_NUM_THREADS=1 python benchmarks/search_luck.py --output benchmarks/results/search_luck.json

Whatever seed such a search picks, the recipe is the same: a verdict other than "no gain shown" is
an error, and the 95 % interval should make it in 5 % of all searches, half of the time as "gain".
Each search has seeds of its own. What has been done stands in the output, and is not done again.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import hfdl
from hfdl.environment import machine, versions

RECIPE = "eras/bag-of-words"
_BIG = 1_000


def search(number: int, trials: int, fresh: int) -> dict[str, Any]:
    """One search over seeds that no other search has."""
    overrides: dict[str, Any] = {
        "search.train.seed": list(range(_BIG * number, _BIG * number + trials)),
        "train.seed": _BIG * number,
        "train.epochs": 2,
        "study": {
            "sampler": "grid",
            "pruner": "none",
            "seed": number,
            "fresh_seeds": fresh,
            "reports": False,
        },
    }
    folder = Path(tempfile.mkdtemp(prefix="hfdl-luck-"))
    try:
        study = hfdl.tune(RECIPE, overrides, output=folder / "study", listener=lambda event: None)
    finally:
        shutil.rmtree(folder)
    verdict = study.verdict
    assert verdict is not None
    differences = {one.split: one.difference for one in verdict.judged}
    return {
        "number": number,
        "word": verdict.word,
        "split": verdict.judged[0].split,
        "overstated": verdict.overstated,
        "difference": {split: one.mean for split, one in differences.items()},
        "half_width": {split: one.half_width for split, one in differences.items()},
        "seeds_sd": {split: one.seeds_sd for split, one in differences.items()},
        "examples_sd": {split: one.examples_sd for split, one in differences.items()},
    }


def summary(searches: list[dict[str, Any]]) -> dict[str, Any]:
    """How often each word appeared, and what each split alone would have said."""
    count = len(searches)
    words = {w: sum(s["word"] == w for s in searches) for w in ("gain", "no gain shown", "worse")}
    by_split = {}
    for split in searches[0]["difference"]:
        lows = [s["difference"][split] - s["half_width"][split] for s in searches]
        highs = [s["difference"][split] + s["half_width"][split] for s in searches]
        by_split[split] = {
            "gain": sum(low > 0 for low in lows),
            "worse": sum(high < 0 for high in highs),
        }
    overstated = sum(s["overstated"] for s in searches) / count
    return {"searches": count, "words": words, "by_split": by_split, "overstated": overstated}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--searches", type=int, default=100)
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--fresh", type=int, default=5)
    options = parser.parse_args()
    done: list[dict[str, Any]] = []
    if options.output.is_file():
        done = json.loads(options.output.read_text(encoding="utf-8"))["each"]
    for number in range(len(done) + 1, options.searches + 1):
        done.append(search(number, options.trials, options.fresh))
        found = {
            "recipe": RECIPE,
            "trials": options.trials,
            "fresh_seeds": options.fresh,
            "summary": summary(done),
            "machine": {**machine(), **versions()},
            "each": done,
        }
        options.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(json.dumps({"search": number, **done[-1]}), flush=True)
    print(json.dumps(summary(done), indent=2))


if __name__ == "__main__":
    main()
