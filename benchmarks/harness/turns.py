"""Sides in turn, each in a process of its own: A B, B A, A B, ..."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from benchmarks.harness.claim import Program
from benchmarks.harness.worker import LIMIT

ROOT = Path(__file__).resolve().parents[2]


class SideFailed(Exception):  # noqa: N818  # it reads as what happened
    """A side's process ended; the text holds the last lines that it wrote."""


@dataclass(frozen=True)
class Budget:
    """How many rounds there are.

    Args:
        seconds: no round is begun that would probably end later than this, counted from the start
            of the first process. The time alone decides, never the figures.
        least, most: rounds.
    """

    seconds: float
    least: int = 3
    most: int = 12


def order(sides: Sequence[str], number: int) -> list[str]:
    """The order of a round: forwards in even ones, backwards in odd ones.

    A machine that slows down over time then favours no side.
    """
    return list(sides) if number % 2 == 0 else list(reversed(sides))


def take_turns(
    program: Program,
    settings: dict[str, Any],
    budget: Budget,
    told: Callable[[str], None] = lambda line: None,
) -> list[dict[str, Any]]:
    """Run a program.

    Args:
        program: what to run.
        settings: of its sides, JSON values; ``threads`` among them.
        budget: how many rounds.
        told: takes a line for each round of a side.

    Returns:
        the figures of each round and side, in the order in which they were measured; those of the
        machine's limit under the side ``the limit``.

    Raises:
        SideFailed: a process ended.
    """
    began = time.monotonic()
    sides = list(program.sides)
    everyone = [*([LIMIT] if program.limit else []), *sides]
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        workers: dict[str, Worker] = {}
        try:
            for side in everyone:
                workers[side] = Worker(program.name, side, {**settings, "folder": folder})
            for worker in workers.values():
                worker.wait_until_ready()
            prepared = time.monotonic()
            for number in range(budget.most):
                now = time.monotonic()
                each = (now - prepared) / number if number else 0.0
                if number >= budget.least and now + each - began > budget.seconds:
                    break
                for side in order(everyone, number):
                    row = {"round": number, "side": side, **workers[side].work(number)}
                    found.append(row)
                    told(line(row))
        finally:
            for worker in workers.values():
                worker.close()
    return found


def line(row: dict[str, Any]) -> str:
    """A round of a side, for a person."""
    numbers = [
        f"{name} {value:,.4g}"
        for name, value in row.items()
        if isinstance(value, float) and name not in ("round", "side")
    ]
    return f"  round {row['round']}  {row['side']:24} {'  '.join(numbers)}"


class Worker:
    """The process of a side.

    Args:
        program, side: names.
        settings: JSON values.
    """

    def __init__(self, program: str, side: str, settings: dict[str, Any]) -> None:
        self.side = side
        asked = {"program": program, "side": side, "settings": settings}
        self._errors = tempfile.TemporaryFile(mode="w+", encoding="utf-8")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.harness.worker", json.dumps(asked)],
            cwd=ROOT, env=surroundings(settings["threads"]), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self._errors, text=True, encoding="utf-8",
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait_until_ready(self) -> None:
        """Until it has prepared; the sides prepare at the same time."""
        self._answer()

    def work(self, number: int) -> dict[str, Any]:
        """A round."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """Let it end; one that does not within seconds is ended."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        if text := self._process.stdout.readline():
            return json.loads(text)
        self._process.wait()
        self._errors.seek(0)
        raise SideFailed(f"{self.side}:\n" + self._errors.read()[-3000:])


def surroundings(threads: int) -> dict[str, str]:
    """The environment of a side: as many threads everywhere, no network."""
    named = dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"),
        str(threads),
    )
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ, **named, "PYTHONPATH": os.pathsep.join(paths), "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false", "PYTHONWARNINGS": "ignore",
    }  # fmt: skip
