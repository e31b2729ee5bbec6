"""``python -m benchmarks scale NAME``: the same work at several sizes, each in a new process.

    python -m benchmarks scale examples     10,000 to 1,000,000 examples: cost of a token
    python -m benchmarks scale streaming    0.1 to 2 GB of text: memory
    python -m benchmarks scale lengths      128 to 2,048 tokens: memory of an update
    python -m benchmarks scale prediction   2,000 to 200,000 lines, answered: memory

The data are made up, so nothing need be there. Results go to ``benchmarks/results/scale``.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.harness.facts import environment
from benchmarks.harness.record import RESULTS
from benchmarks.harness.turns import ROOT, SideFailed, surroundings

NAMES = ("examples", "streaming", "lengths", "prediction")


def main(words: Sequence[str]) -> int:
    """Parse the command line, measure, print and write."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks scale", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--sizes", type=float, nargs="+", help="instead of the program's own")
    parser.add_argument("--repeats", type=int, default=3, help="processes of each size")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, default=RESULTS.parent / "scale")
    parser.add_argument("--one", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(words)
    module = importlib.import_module(f"benchmarks.scale.{given.name}")
    if given.one is not None:
        figures = module.measure(given.one, given.folder)
        (given.folder / "figures.json").write_text(json.dumps(figures), encoding="utf-8")
        return 0
    sizes = given.sizes or list(module.SIZES)
    facts = environment(given.threads)
    rows = measure(given.name, sizes, given.repeats, given.threads)
    for line in table(rows, module.FLAT):
        print(line)
    given.output.mkdir(parents=True, exist_ok=True)
    result = {"name": given.name, "measured": date.today().isoformat(), "environment": facts,
              "flat": module.FLAT, "rows": rows}  # fmt: skip
    path = given.output / f"{given.name}.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"written: {path}")
    return 0


def measure(name: str, sizes: Sequence[float], repeats: int, threads: int) -> list[dict[str, Any]]:
    """The figures of each size, in turn: up, down, up, so that a slower machine favours none."""
    rows = []
    for number in range(repeats):
        for size in sizes if number % 2 == 0 else list(reversed(sizes)):
            with tempfile.TemporaryDirectory() as folder:
                command = [sys.executable, "-m", "benchmarks", "scale", name, "--one", str(size),
                           "--folder", folder]  # fmt: skip
                done = subprocess.run(
                    command, cwd=ROOT, env=surroundings(threads), capture_output=True, text=True,
                    check=False,
                )  # fmt: skip
                if done.returncode:
                    raise SideFailed(f"{name} {size:g}:\n{done.stderr[-3000:]}")
                figures = json.loads((Path(folder) / "figures.json").read_text(encoding="utf-8"))
            rows.append({"size": size, "repeat": number, **figures})
            print("  ", {key: round(value, 6) for key, value in rows[-1].items()}, flush=True)
    return rows


def table(rows: Sequence[dict[str, Any]], flat: Sequence[str]) -> list[str]:
    """What ought to be flat, at each size: the median, and how often it is that of the first."""
    from statistics import median

    sizes = sorted({row["size"] for row in rows})
    found = {
        (size, name): median(row[name] for row in rows if row["size"] == size)
        for size in sizes
        for name in flat
    }
    lines = [f"| size | {' | '.join(flat)} |", "|---|" + "---|" * len(flat)]
    for size in sizes:
        cells = [
            f"{found[size, name]:.4g} ({found[size, name] / found[sizes[0], name]:.2f}x)"
            for name in flat
        ]
        lines.append(f"| {size:,g} | {' | '.join(cells)} |")
    return lines
