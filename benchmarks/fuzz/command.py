"""``python -m benchmarks fuzz``: bytes that nobody thought of, for everything that hfdl reads.

    python -m benchmarks fuzz --seconds 3600        an hour, shared by all targets
    python -m benchmarks fuzz --only csv conll      some of them
    python -m benchmarks fuzz --list                what they are

Needs atheris, which follows the branches of hfdl's own code and keeps inputs that reach new ones:

    pip install atheris

What is not refused with an error of hfdl's is a finding, and so is what is read and does not read
the same again when it is written out. Inputs of findings go to ``--findings``; the result goes to
``benchmarks/results/fuzz.json``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.fuzz.target import Target
from benchmarks.fuzz.targets import BY_NAME, TARGETS
from benchmarks.harness.facts import environment
from benchmarks.harness.record import RESULTS
from benchmarks.harness.turns import ROOT, surroundings

RESULT = RESULTS.parent / "fuzz.json"
LEAST = 5
"""Seconds of a target, below which what is left after a crash is not worth a start."""
_EXECUTED = re.compile(r"^stat::number_of_executed_units: (\d+)", re.MULTILINE)
_COVERED = re.compile(r"cov: (\d+) ft: \d+ corp: (\d+)")


def main(words: Sequence[str]) -> int:
    """Parse the command line, fuzz, print and write."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks fuzz", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--seconds", type=int, default=600, help="of all targets together")
    parser.add_argument("--seed", type=int, default=1, help="of the mutations")
    parser.add_argument("--only", nargs="+", choices=sorted(BY_NAME), metavar="TARGET")
    parser.add_argument("--list", action="store_true", help="the targets")
    parser.add_argument("--output", type=Path, default=RESULT)
    parser.add_argument("--findings", type=Path, help="folder for their inputs; default: none")
    given = parser.parse_args(words)
    if given.list:
        for target in TARGETS:
            print(f"{target.name}: {target.text}")
        return 0
    if importlib.util.find_spec("atheris") is None:
        parser.error("it needs atheris, which is not installed: pip install atheris")
    chosen = [target for target in TARGETS if target.name in (given.only or BY_NAME)]
    rows = [row_of(each, given.seconds // len(chosen), given.seed, given.findings)
            for each in chosen]  # fmt: skip
    for line in table(rows):
        print(line)
    result = {"measured": date.today().isoformat(), "environment": environment(1),
              "seed": given.seed, "seconds": given.seconds, "rows": rows}  # fmt: skip
    given.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"written: {given.output}")
    return 1 if any(row["findings"] for row in rows) else 0


def row_of(target: Target, seconds: int, seed: int, keep: Path | None) -> dict[str, Any]:
    """Fuzz a target, again where its process dies, until its time is over."""
    row: dict[str, Any] = {
        "name": target.name, "text": target.text, "seconds": 0.0, "executions": 0, "branches": 0,
        "inputs_kept": 0, "findings": [],
    }  # fmt: skip
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        while (left := seconds - (time.monotonic() - began)) >= min(LEAST, seconds):
            said, code = _fuzzed(target, int(left), seed + len(row["findings"]), folder)
            _count(row, said)
            if code:
                row["findings"].append(_death(folder, said, code))
            elif int(left) == seconds or code == 0:
                break
        for path in sorted((folder / "findings").glob("*.txt")):
            kind, _, message = path.read_text(encoding="utf-8").partition("\n")
            row["findings"].append({"kind": kind, "message": message.strip()})
        if keep is not None and row["findings"]:
            _keep(folder, keep / target.name)
    row["seconds"] = round(time.monotonic() - began, 1)
    print(f"  {target.name}: {row['executions']:,} inputs in {row['seconds']:.0f} s, "
          f"{len(row['findings'])} findings", flush=True)  # fmt: skip
    return row


def _fuzzed(target: Target, seconds: int, seed: int, folder: Path) -> tuple[str, int]:
    words = [sys.executable, "-m", "benchmarks.fuzz.worker", target.name, str(seconds), str(seed),
             str(folder)]  # fmt: skip
    done = subprocess.run(
        words, cwd=ROOT, env=surroundings(1), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, errors="replace", check=False,
    )  # fmt: skip
    return done.stderr, done.returncode


def _count(row: dict[str, Any], said: str) -> None:
    """What libFuzzer printed of a process, added."""
    row["executions"] += sum(map(int, _EXECUTED.findall(said)))
    for branches, kept in _COVERED.findall(said):
        row["branches"] = max(row["branches"], int(branches))
        row["inputs_kept"] = max(row["inputs_kept"], int(kept))


def _death(folder: Path, said: str, code: int) -> dict[str, Any]:
    """Of a process that ended: libFuzzer's word, or what it printed last."""
    words = re.findall(r"^SUMMARY: (.*)$", said, re.MULTILINE)
    artifacts = [path.name for path in folder.glob("*-*") if path.is_file()]
    return {"kind": words[-1] if words else f"exit {code}",
            "message": said[-300:], "artifacts": artifacts}  # fmt: skip


def _keep(folder: Path, place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for path in [*folder.glob("findings/*"), *(p for p in folder.glob("*-*") if p.is_file())]:
        (place / path.name).write_bytes(path.read_bytes())


def table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The lines of a table, with their sum."""
    head = ["what is read", "seconds", "inputs", "branches reached", "findings"]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        lines.append([
            row["text"], f"{row['seconds']:,.0f}", f"{row['executions']:,}",
            f"{row['branches']:,}", str(len(row["findings"])),
        ])  # fmt: skip
    seconds, executions = (sum(row[name] for row in rows) for name in ("seconds", "executions"))
    found = sum(len(row["findings"]) for row in rows)
    lines.append(["**all**", f"{seconds:,.0f}", f"{executions:,}", "", str(found)])
    return ["| " + " | ".join(line) + " |" for line in lines]
