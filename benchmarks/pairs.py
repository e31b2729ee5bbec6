"""Two programs on the same work, in turn, each run in a process of its own.

The order is A B B A for pairs of seeds, so that a machine that slows down favours neither. A side
is a function ``(arguments, seed, folder) -> figures``; figures hold at least the score,
``train_seconds``, ``tokens_per_second`` and ``peak_memory_bytes``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Side = Callable[[argparse.Namespace, int, str], dict[str, Any]]


def run(parser: argparse.ArgumentParser, sides: dict[str, Side], score: str) -> None:
    """Parse the command line and compare, or run one side where the parent process asks for it.

    Args:
        parser: knows the program's own arguments.
        sides: two of them, by name; hfdl first.
        score: the figure that says how good the result is.
    """
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--output", help="JSON file for every figure")
    parser.add_argument("--side", choices=list(sides), help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.side:
        _compare(arguments, sides, score)
        return
    result = sides[arguments.side](arguments, arguments.seeds[0], arguments.folder)
    Path(arguments.output).write_text(json.dumps(result), encoding="utf-8")


def _compare(arguments: argparse.Namespace, sides: dict[str, Side], score: str) -> None:
    results: list[dict[str, Any]] = []
    for i, seed in enumerate(arguments.seeds):
        for side in list(sides) if i % 2 == 0 else list(reversed(sides)):
            results.append(_measure(side, arguments, seed))
            print(_line(results[-1], score), flush=True)
    ours, theirs = sides
    for figure, name in (("seconds", "whole process"), ("train_seconds", "training")):
        ratios = [_of(results, theirs, s)[figure] / _of(results, ours, s)[figure]
                  for s in arguments.seeds]  # fmt: skip
        print(
            f"{name}: {theirs} takes {statistics.median(ratios):.3f} times as long as {ours} "
            f"(median of {len(ratios)}; {min(ratios):.3f} to {max(ratios):.3f})"
        )
    for side in sides:
        found = [r[score] for r in results if r["side"] == side]
        spread = statistics.stdev(found) if len(found) > 1 else 0.0
        print(f"{side}: {score} {statistics.mean(found):.4f} +/- {spread:.4f}")
    if arguments.output:
        text = json.dumps(results, indent=2) + "\n"
        Path(arguments.output).write_text(text, encoding="utf-8")


def _measure(side: str, arguments: argparse.Namespace, seed: int) -> dict[str, Any]:
    """One side in a fresh process: its own figures, and the seconds of the whole process."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            sys.executable, *sys.argv, "--seeds", str(seed), "--side", side,
            "--output", str(report), "--folder", f"{folder}/run",
        ]  # fmt: skip
        began = time.perf_counter()
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        seconds = time.perf_counter() - began
        if done.returncode:
            raise SystemExit(f"{side} failed:\n{done.stderr}")
        figures = json.loads(report.read_text(encoding="utf-8"))
    return {"side": side, "seed": seed, "seconds": seconds, **figures}


def _of(results: list[dict[str, Any]], side: str, seed: int) -> dict[str, Any]:
    return next(r for r in results if (r["side"], r["seed"]) == (side, seed))


def _line(result: dict[str, Any], score: str) -> str:
    return (
        f"seed {result['seed']}  {result['side']:10}  whole {result['seconds']:7.1f} s  training "
        f"{result['train_seconds']:7.1f} s  {result['tokens_per_second']:7,.0f} tokens/s  "
        f"{score} {result[score]:.4f}  {result['peak_memory_bytes'] / 2**30:.2f} GiB"
    )
