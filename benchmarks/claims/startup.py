"""How long a command takes that should feel immediate, beside the import of transformers.

``benchmarks/startup.py`` times more commands, for a person.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace

from benchmarks.harness.claim import Claim, Figures, Program, Side


def side(arguments: Sequence[str]) -> Side:
    """A process of Python with such arguments."""

    def prepare(settings: SimpleNamespace) -> Callable[[int], Figures]:
        def work(number: int) -> Figures:
            took = [_seconds(arguments) for _ in range(settings.times)]
            processor, wall = zip(*took, strict=True)
            return {"processor_seconds": sum(processor), "seconds": sum(wall)}

        _seconds(arguments)
        return work

    return prepare


def _seconds(arguments: Sequence[str]) -> tuple[float, float]:
    """Processor and wall seconds of a process."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, wall


PROGRAM = Program(
    name="startup",
    title="the process of hfdl --help",
    sides={
        "hfdl": side(["-m", "hfdl.cli", "--help"]),
        "import transformers": side(["-c", "import transformers"]),
    },
    claims=(
        Claim(
            "startup", "hfdl --help, the whole process, wall clock", "import transformers",
            figure="seconds", at_most=0.1,
        ),
    ),
    settings={"times": 5}, quick={"times": 1}, tiny={"times": 1},
)  # fmt: skip
