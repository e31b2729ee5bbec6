"""A program's results: measured, summed up, written, read."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.harness.claim import Claim, Program
from benchmarks.harness.ratio import Ratio, ratio_of, verdict
from benchmarks.harness.worker import LIMIT

RESULTS = Path(__file__).resolve().parents[1] / "results" / "claims"
Rounds = Sequence[dict[str, Any]]
DISTURBED = 1.1
"""Wall seconds over processor seconds of a thread, above which something else was running."""
_CALLED = {"flops": "flops_per_second", "bytes": "bytes_per_second"}


def record(
    program: Program,
    mode: str,
    settings: dict[str, Any],
    environment: dict[str, Any],
    rounds: Rounds,
) -> dict[str, Any]:
    """Everything that is written of a program's run.

    Args:
        program: what ran.
        mode: ``quick``, ``full`` or ``tiny``.
        settings: of its sides, without the paths of this machine.
        environment: the machine and versions.
        rounds: what ``take_turns`` gave.
    """
    compared = with_differences(program, rounds)
    return {
        "program": program.name, "title": program.title, "mode": mode,
        "measured": date.today().isoformat(), "settings": settings, "environment": environment,
        "quality_words": dict(program.quality),
        **summary(program, compared, settings["threads"]), "rounds": compared,
    }  # fmt: skip


def summary(program: Program, rounds: Rounds, threads: int) -> dict[str, Any]:
    """The ratios, the shares of the limit, and the quality of each side."""
    sides = [side for side in program.sides if any(row["side"] == side for row in rounds)]
    busy = [r["seconds"] / r["processor_seconds"] for r in rounds if "processor_seconds" in r]
    return {
        "claims": [claim_result(claim, rounds) for claim in program.measured],
        "limit": limit_shares(program, rounds),
        "quality": {
            side: {name: _spread(column(rounds, side, name)) for name in program.quality}
            for side in sides
        },
        "differences": {
            side: max(found)
            for side in sides
            if (found := column([r for r in rounds if "difference" in r], side, "difference"))
        },
        "disturbed_rounds": sum(one > DISTURBED for one in busy) if threads == 1 else None,
    }  # fmt: skip


def claim_result(claim: Claim, rounds: Rounds) -> dict[str, Any]:
    """A claim's ratio, as it is promised: hfdl's over the opponent's where that is."""
    ratio = claim_ratio(claim, rounds)
    return {
        "name": claim.name, "ratio": ratio.value, "low": ratio.low, "high": ratio.high,
        "pairs": ratio.pairs, "verdict": verdict(ratio, claim.at_least, claim.at_most),
    }  # fmt: skip


def claim_ratio(claim: Claim, rounds: Rounds) -> Ratio:
    """The ratio of a claim, over its pairs of rounds."""
    ours, theirs = (column(rounds, side, claim.figure) for side in (claim.ours, claim.opponent))
    return ratio_of(ours, theirs) if claim.at_most is not None else ratio_of(theirs, ours)


def column(rounds: Rounds, side: str, figure: str) -> list[float]:
    """A figure of a side, round by round."""
    rows = sorted((row for row in rounds if row["side"] == side), key=lambda row: row["round"])
    return [row[figure] for row in rows]


def limit_shares(program: Program, rounds: Rounds) -> dict[str, Any]:
    """What the machine did at best, and the share of it that each side reached (medians)."""
    limits = [row for row in rounds if row["side"] == LIMIT]
    needed = next((name for name in _CALLED if limits and _CALLED[name] in limits[0]), None)
    if needed is None:
        return {}
    rates = {row["round"]: row[_CALLED[needed]] for row in limits}
    shares = {
        side: statistics.median(
            row[needed] / row["processor_seconds"] / rates[row["round"]]
            for row in rounds
            if row["side"] == side
        )
        for side in program.sides
    }
    return {_CALLED[needed]: statistics.median(rates.values()), "shares": shares}


def with_differences(program: Program, rounds: Rounds) -> list[dict[str, Any]]:
    """The rounds with the largest difference from hfdl's answers in the place of the answers."""
    ours = {row["round"]: row.get("answers") for row in rounds if row["side"] == "hfdl"}
    made = []
    for row in rounds:
        kept = {name: value for name, value in row.items() if name != "answers"}
        theirs, expected = row.get("answers"), ours.get(row["round"])
        if theirs is not None and expected is not None and row["side"] != "hfdl":
            pairs = zip(theirs, expected, strict=True)
            kept["difference"] = max(abs(a - b) for a, b in pairs)
        made.append(kept)
    return made


def _spread(values: list[float]) -> dict[str, float | None]:
    sd = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.fmean(values), "sd": sd}


def write(result: dict[str, Any], folder: Path) -> Path:
    """Write a result as ``MODE/PROGRAM.json``."""
    path = folder / result["mode"] / f"{result['program']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def read(name: str, folder: Path = RESULTS) -> dict[str, Any] | None:
    """A program's result: that of ``full`` where there is one, else that of ``quick``."""
    for mode in ("full", "quick"):
        path = folder / mode / f"{name}.json"
        if path.is_file():
            return json.loads(path.read_text(encoding="utf-8"))
    return None
