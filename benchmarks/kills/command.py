"""``python -m benchmarks kills``: SIGKILL to real trainings at random times, each resumed.

    python -m benchmarks kills                   200 kills, over every configuration
    python -m benchmarks kills --count 26        fewer
    python -m benchmarks kills --only LoRA       configurations whose name has that

The data are made up, so nothing need be there. What a killed and resumed run left is compared with
what one left that was not killed: weights, optimizer, random numbers, predictions, metrics, and the
updates in the log, bit for bit. The result goes to ``benchmarks/results/kills.json``.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.harness.facts import environment
from benchmarks.harness.record import RESULTS
from benchmarks.harness.turns import SideFailed
from benchmarks.kills.configurations import (
    BASE,
    BASE_RUN,
    CONFIGURATIONS,
    Configuration,
    write_data,
)
from benchmarks.kills.trial import Straight, finish, killed, state_of, straight

KILLS_OF_A_RUN = (1, 1, 2, 3)


def main(words: Sequence[str]) -> int:
    """Parse the command line, kill, compare, print and write."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks kills", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--count", type=int, default=200, help="kills")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    parser.add_argument("--seed", type=int, default=0, help="of the times")
    parser.add_argument("--only", default="", help="a part of a configuration's name")
    parser.add_argument("--output", type=Path, default=RESULTS.parent / "kills.json")
    given = parser.parse_args(words)
    chosen = [one for one in CONFIGURATIONS if given.only in one.name]
    if not chosen:
        parser.error(f"no configuration's name has {given.only!r}")
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(chosen, given.count, given.jobs, given.seed, Path(folder))
    for line in table(rows):
        print(line)
    result = {"measured": date.today().isoformat(), "environment": environment(1),
              "seed": given.seed, "rows": rows}  # fmt: skip
    given.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"written: {given.output}")
    return 0 if all(not row["different"] and not row["failed"] for row in rows) else 1


def measure(
    chosen: Sequence[Configuration], count: int, jobs: int, seed: int, folder: Path
) -> list[dict[str, Any]]:
    """A row a configuration: its kills and what came of its runs."""
    write_data(folder)
    finish(BASE_RUN, folder, folder / BASE)
    each = -(-count // len(chosen))
    with ThreadPoolExecutor(jobs) as pool:
        rows = pool.map(lambda one: configuration_row(one, each, seed, folder), chosen)
        return list(rows)


def configuration_row(
    configuration: Configuration, count: int, seed: int, folder: Path
) -> dict[str, Any]:
    """At least so many kills of one configuration."""
    draw = random.Random(f"{seed} {configuration.name}")
    place = folder / configuration.name.replace(" ", "-")
    known = straight(configuration, folder, place / "straight")
    row: dict[str, Any] = {
        "name": configuration.name, "runs": 0, "kills": [], "different": [], "failed": []
    }  # fmt: skip
    while len(row["kills"]) < count:
        add_run(row, configuration, known, draw, folder, place / "run")
    made = len(row["kills"])
    bad = len(row["different"]) + len(row["failed"])
    print(f"  {configuration.name}: {made} kills, {row['runs']} runs, {bad} bad", flush=True)
    return row


def add_run(
    row: dict[str, Any], configuration: Configuration, known: Straight, draw: random.Random,
    folder: Path, run: Path,
) -> None:  # fmt: skip
    """Kill and resume one run, and write down what came of it."""
    for _ in range(draw.choice(KILLS_OF_A_RUN)):
        kill = killed(configuration, folder, run, known, draw)
        if kill is not None:
            row["kills"].append({**asdict(kill), "lost": kill.lost})
    row["runs"] += 1
    try:
        finish(configuration, folder, run)
    except SideFailed as error:
        row["failed"].append(str(error))
        print(error, file=sys.stderr)
    else:
        state = state_of(run)
        different = [name for name in known.state if state.get(name) != known.state[name]]
        if different or state.keys() != known.state.keys():
            row["different"].append(different)
    shutil.rmtree(run, ignore_errors=True)


def table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The lines of a table, with their sum."""
    head = ["training", "kills", "while something was written", "runs", "equal to the last bit",
            "failed", "updates lost beyond one interval"]  # fmt: skip
    lines = [head, ["---"] * len(head)]
    sums = [0] * 6
    for row in rows:
        kills = row["kills"]
        bad = len(row["different"]) + len(row["failed"])
        counts = [
            len(kills), sum(kill["writing"] for kill in kills), row["runs"], row["runs"] - bad,
            len(row["failed"]), sum(kill["lost"] for kill in kills),
        ]  # fmt: skip
        sums = [a + b for a, b in zip(sums, counts, strict=True)]
        lines.append([row["name"], *map(str, counts)])
    lines.append(["**all**", *map(str, sums)])
    return ["| " + " | ".join(line) + " |" for line in lines]
