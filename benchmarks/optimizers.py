"""Updates and processor time until the shakespeare recipe reaches a loss, by optimizer.

    python benchmarks/optimizers.py tinyshakespeare/input.txt --output optimizers.json

The recipe is shipped with hfdl (``recipes/shakespeare.yaml``: a GPT-2 of 0.8 M weights that reads
characters) and is changed in nothing but optimizer and rate: AdamW, Muon (with AdamW for all that
is no matrix of a hidden layer), Adafactor, and SGD with momentum 0.9. Weight decay is the recipe's,
0.1 times the rate; for SGD, which adds it to the gradient, 1e-4.

First each optimizer's rate is searched for: trainings of ``--search-updates`` with a seed that is
not reported, each rate double or half of the best so far, until both of its neighbours are worse.
Then each trains with each of ``--seeds`` for the recipe's whole 2,000 updates, in turn, backwards
every second time. The whole validation split (a tenth of the text) is evaluated every 100 updates:
``updates`` is the first evaluation at or below ``--target``, nanoGPT's published 1.88.

Updates do not depend on what else the machine does. Processor seconds are those of updates alone,
evaluations and checkpoints left out: their number times the mean over the run.

What stands in ``--output`` already is not done again, so that a stopped run goes on, and
optimizers or seeds can be added.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

_NO_BETAS: dict[str, Any] = {"train.adam_betas": None}
# name -> where the search for its rate begins, and what the recipe says beside the rate
OPTIMIZERS: dict[str, tuple[float, dict[str, Any]]] = {
    "adamw": (2e-3, {}),
    "muon": (4e-3, {}),
    "adafactor": (4e-3, _NO_BETAS),
    "sgd": (
        0.2,
        {**_NO_BETAS, "train.optimizer_options": {"momentum": 0.9}, "train.weight_decay": 1e-4},
    ),
}
UPDATES, EVERY, SEARCH_SEED = 2000, 100, 100


def train(
    arguments: argparse.Namespace, name: str, rate: float, seed: int, updates: int
) -> dict[str, Any]:
    """One training of the recipe.

    Returns:
        the losses by update, and the processor seconds of one update.
    """
    import hfdl
    from hfdl.training.events import Evaluated, Event, Updated

    losses: dict[int, float] = {}
    seconds: list[float] = []
    last: float | None = None

    def listen(event: Event) -> None:
        nonlocal last
        if isinstance(event, Updated):
            now = time.process_time()
            if last is not None:
                seconds.append(now - last)
            last = now
        elif isinstance(event, Evaluated) and event.split == "validation":
            losses[event.step] = event.metrics["loss"]
            last = None  # what follows is no update alone

    overrides = {
        "data.train": arguments.text, "train.optimizer": name, "train.learning_rate": rate,
        "train.schedule_options": {"min_lr": rate / 10}, "train.samples": [], "train.seed": seed,
        "train.steps": updates, "train.evaluate_every": min(EVERY, updates),
        "train.precision": arguments.precision, **OPTIMIZERS[name][1],
    }  # fmt: skip
    if updates != UPDATES:
        overrides["train.evaluate_every"] = updates
    with tempfile.TemporaryDirectory() as folder:
        done = hfdl.train("shakespeare", overrides, output=f"{folder}/run", listener=listen)
    return {
        "optimizer": name, "learning_rate": rate, "seed": seed, "losses": losses,
        "update_seconds": statistics.mean(seconds), "environment": done.metrics["environment"],
    }  # fmt: skip


def search(arguments: argparse.Namespace, name: str, tried: dict[str, float]) -> float:
    """The best of the rates that are powers of two apart; ``tried`` has the loss of each."""

    def loss(rate: float) -> float:
        if str(rate) not in tried:
            updates = arguments.search_updates
            found = train(arguments, name, rate, SEARCH_SEED, updates)
            tried[str(rate)] = found["losses"][updates]
            print(f"search  {name:10} rate {rate:<8g} loss {tried[str(rate)]:.4f}", flush=True)
        return tried[str(rate)]

    best = OPTIMIZERS[name][0]
    while (better := min((best, 2 * best, best / 2), key=loss)) != best:
        best = better
    return best


def measure(arguments: argparse.Namespace, name: str, rate: float, seed: int) -> dict[str, Any]:
    """One whole training, and when it reached the target."""
    result = train(arguments, name, rate, seed, UPDATES)
    losses = result["losses"]
    reached = next((step for step in sorted(losses) if losses[step] <= arguments.target), None)
    result["updates"] = reached
    result["seconds"] = None if reached is None else reached * result["update_seconds"]
    result["loss"] = min(losses.values())
    print(
        f"seed {seed}  {name:10} rate {rate:<8g} target after {reached} updates, "
        f"{result['update_seconds'] * 1e3:.1f} ms each; loss {result['loss']:.4f}",
        flush=True,
    )
    return result


def summary(results: list[dict[str, Any]], name: str) -> str:
    """A line of means and spreads over the seeds."""
    own = [result for result in results if result["optimizer"] == name]
    parts = [f"{name:10} rate {own[0]['learning_rate']:g}"]
    for figure in ("updates", "seconds", "loss"):
        found = [result[figure] for result in own if result[figure] is not None]
        if len(found) < len(own):
            parts.append(f"{figure}: reached by {len(found)} of {len(own)}")
            continue
        spread = statistics.stdev(found) if len(found) > 1 else 0.0
        parts.append(f"{figure} {statistics.mean(found):.4g} +/- {spread:.2g}")
    return "  ".join(parts)


def main() -> None:
    """Search, train, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("text", help="a text file, such as tinyshakespeare's input.txt")
    parser.add_argument("--optimizers", nargs="+", choices=list(OPTIMIZERS), default=[*OPTIMIZERS])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--search-updates", type=int, default=300)
    parser.add_argument("--target", type=float, default=1.88, help="validation loss")
    parser.add_argument("--precision", default="auto", help="the recipe's train.precision")
    parser.add_argument("--output", help="JSON file for every figure")
    arguments = parser.parse_args()
    output = Path(arguments.output) if arguments.output else None
    found: dict[str, Any] = {"search": {}, "runs": []}
    if output is not None and output.exists():
        found = json.loads(output.read_text(encoding="utf-8"))

    def write() -> None:
        if output is not None:
            output.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")

    rates: dict[str, float] = {}
    for name in arguments.optimizers:
        rates[name] = search(arguments, name, found["search"].setdefault(name, {}))
        write()
    done = {(run["optimizer"], run["seed"]) for run in found["runs"]}
    for i, seed in enumerate(arguments.seeds):
        for name in arguments.optimizers if i % 2 == 0 else arguments.optimizers[::-1]:
            if (name, seed) not in done:
                found["runs"].append(measure(arguments, name, rates[name], seed))
                write()
    for name in arguments.optimizers:
        print(summary(found["runs"], name))


if __name__ == "__main__":
    main()
