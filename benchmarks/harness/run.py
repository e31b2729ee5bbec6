"""A program from its settings to its file of results."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness.claim import Program
from benchmarks.harness.facts import environment, native_bf16
from benchmarks.harness.record import record, write
from benchmarks.harness.turns import Budget, take_turns

BUDGETS = {
    "quick": Budget(seconds=45, least=3, most=10),
    "full": Budget(seconds=3600, least=5, most=7),
    "tiny": Budget(seconds=0, least=1, most=1),
}


@dataclass(frozen=True)
class Options:
    """How programs are run.

    Args:
        mode: ``quick``, ``full`` or ``tiny``.
        threads: of each side.
        data: the folder with the data sets.
        output: the folder for results.
        changes: settings that are given on the command line.
        rounds: so many rounds, whatever they take; None: as the mode says.
    """

    mode: str
    threads: int
    data: Path
    output: Path
    changes: Mapping[str, Any]
    rounds: int | None = None


def why_not(program: Program, data: Path) -> str:
    """Why a program cannot run here; empty where it can."""
    if not program.measured:
        return "; ".join(sorted({claim.missing for claim in program.claims}))
    if absent := not_installed(program.packages):
        return f"not installed: {', '.join(absent)}"
    if program.bf16 and not native_bf16():
        return "the processor does not multiply bf16 natively"
    absent = [name for name in program.files if not (data / name).is_file()]
    return f"not in {data}: {', '.join(absent)}" if absent else ""


def not_installed(packages: Iterable[str]) -> list[str]:
    """Those of some packages that cannot be imported here."""
    return [name for name in packages if importlib.util.find_spec(name) is None]


def here(program: Program) -> tuple[Program, list[str]]:
    """What of a program can be measured with the packages that are here, and what is left out."""
    absent = {side: not_installed(packages) for side, packages in program.optional.items()}
    absent = {side: packages for side, packages in absent.items() if packages}
    said = [f"{side} is left out: not installed: {', '.join(p)}" for side, p in absent.items()]
    return program.without(absent), said


def run(
    program: Program, options: Options, told: Callable[[str], None] = print
) -> dict[str, Any] | None:
    """Run a program and write what it found.

    Args:
        program: what to run.
        options: how.
        told: takes lines.

    Returns:
        the result; None where it cannot run here, and a line says why.

    Raises:
        SideFailed: a side's process ended.
    """
    told(f"{program.name}: {program.title}")
    if reason := why_not(program, options.data):
        told(f"  not measured: {reason}")
        return None
    program, said = here(program)
    for line in said:
        told(f"  {line}")
    began = time.monotonic()
    settings = {**program.settings_of(options.mode), "threads": options.threads,
                "limit_seconds": 0.05 if options.mode == "tiny" else 0.4}  # fmt: skip
    settings.update({key: value for key, value in options.changes.items() if key in settings})
    facts = environment(options.threads)
    budget = BUDGETS[options.mode]
    if options.rounds is not None:
        budget = Budget(0, options.rounds, options.rounds)
    rounds = take_turns(program, {**settings, "data": str(options.data)}, budget, told)
    result = record(program, options.mode, settings, facts, rounds)
    path = write(result, options.output)
    for line in lines(program, result):
        told(f"  {line}")
    told(f"  {time.monotonic() - began:.0f} s; written: {path}")
    return result


def lines(program: Program, result: dict[str, Any]) -> list[str]:
    """The claims of a result, the shares of the limit and the differences, for a person."""
    by_name = {row["name"]: row for row in result["claims"]}
    found = []
    for claim in program.measured:
        row = by_name[claim.name]
        interval = "" if row["low"] is None else f" ({row['low']:.3f} to {row['high']:.3f})"
        found.append(
            f"{claim.name}: {row['ratio']:.3f}{interval} of {claim.opponent}, {row['pairs']} "
            f"pairs; promised: {claim.promise}; {row['verdict']}"
        )
    for side, share in result["limit"].get("shares", {}).items():
        found.append(f"{side}: {share:.0%} of the machine's limit")
    for side, difference in result["differences"].items():
        found.append(f"{side}: answers differ from hfdl's by at most {difference:.1e}")
    return found
