"""The tables of README.md and docs/, made of the results and put between their marks.

<!-- benchmarks: claims -->
... written by python -m benchmarks --tables ...
<!-- end of benchmarks -->
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness import whole_runs
from benchmarks.harness.claim import Claim, Program
from benchmarks.harness.ratio import ratio_of
from benchmarks.harness.record import RESULTS, column, read

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "export.md",
         ROOT / "docs" / "reliability.md")  # fmt: skip
BLOCK = re.compile(r"(<!-- benchmarks: ([\w-]+) -->)\n?.*?(<!-- end of benchmarks -->)", re.DOTALL)
Found = Sequence[tuple[Program, dict[str, Any] | None]]


def rewritten(page: str, found: Found) -> str:
    """A page with its marked blocks made anew.

    Raises:
        KeyError: a block of an unknown name.
    """
    return BLOCK.sub(lambda block: f"{block[1]}\n\n{TABLES[block[2]](found)}\n\n{block[3]}", page)


def results(programs: Sequence[Program], folder: Path = RESULTS) -> Found:
    """Each program with its result, if it has one."""
    return [(program, read(program.name, folder)) for program in programs]


def short(found: Found) -> str:
    """The promises that were measured, every ratio the opponent's figure over hfdl's."""
    rows = [
        [claim.text, claim.opponent, shown(upright(claim, row))]
        for claim, row, _ in _measured(found)
        if claim.at_least is not None or claim.at_most is not None
    ]
    return _table(["work", "opponent", "opponent / hfdl (95 % interval)"], rows)


def upright(claim: Claim, row: dict[str, Any]) -> dict[str, Any]:
    """A ratio as the opponent's figure over hfdl's, also where the other one is promised."""
    if claim.at_most is None:
        return row
    low, high = (None if row[name] is None else 1 / row[name] for name in ("high", "low"))
    return {**row, "ratio": 1 / row["ratio"], "low": low, "high": high}


def whole(found: Found) -> str:
    """Every claim that was measured, with the machine's limit and the quality beside it."""
    rows = []
    for claim, row, result in _measured(found):
        shares = result["limit"].get("shares", {})
        rows.append([
            claim.text, claim.opponent, shown(row), claim.promise, row["verdict"],
            *(_share(shares.get(side)) for side in (claim.ours, claim.opponent)),
            *(quality(result, side) for side in (claim.ours, claim.opponent)),
            result["mode"],
        ])  # fmt: skip
    head = ["work", "opponent", "ratio (95 % interval)", "promise", "verdict",
            "hfdl: of the limit", "opponent", "hfdl: quality", "opponent", "run"]  # fmt: skip
    return _table(head, rows)


def missing(found: Found) -> str:
    """What is promised and not measured, and why."""
    rows = []
    for program, result in found:
        measured = {row["name"] for row in result["claims"]} if result else set()
        rows += [
            [claim.text, claim.opponent, claim.promise, claim.missing or "no result recorded"]
            for claim in program.claims
            if claim.name not in measured
        ]
    return _table(["work", "opponent", "promise", "not measured"], rows) if rows else "None."


def machines(found: Found) -> str:
    """The machines of the results, with versions: a line for each that differs."""
    names = ("torch", "transformers", "tokenizers", "onnxruntime", "ctranslate2", "gensim",
             "sentence-transformers")  # fmt: skip
    lines: dict[str, list[str]] = {}
    for program, result in found:
        if result is None:
            continue
        facts = result["environment"]
        versions = ", ".join(f"{name} {facts[name]}" for name in names if name in facts)
        machine = (
            f"{facts['cpu']} ({', '.join(facts['instructions'])}), {facts['cores']} cores, "
            f"threads of each side: {facts['threads']}; Python {facts['python']}, {versions}"
        )
        busy = result["disturbed_rounds"]
        note = f"`{program.name}` ({result['measured']}"
        note += f", {busy} rounds beside other work)" if busy else ")"
        lines.setdefault(machine, []).append(note)
    return "\n".join(f"- {machine}: {', '.join(notes)}." for machine, notes in lines.items())


def whole_run_table(found: Found) -> str:
    """Whole runs and their quality, recorded before."""
    head = ["work", "opponent", "whole process", "training", "hfdl", "opponent", "machine"]
    return _table(head, [whole_runs.cells(run) for run in whole_runs.RUNS])


ENTITY_SETS = (
    ("WNUT-17", RESULTS / "full" / "ner.json"),
    ("Wikigold", RESULTS.parent / "wikigold" / "full" / "ner.json"),
)


def entity_table(found: Found) -> str:
    """F1 of named entities, trained to the end, and how much faster hfdl is."""
    head = ["development set", "hfdl: F1", "Trainer at its best", "its time over hfdl's"]
    rows = []
    for name, path in ENTITY_SETS:
        if not path.is_file():
            continue
        result = json.loads(path.read_text(encoding="utf-8"))
        sides = [result["quality"][side]["f1"] for side in ("hfdl", "Trainer at its best")]
        scores = [f"{one['mean']:.3f} +/- {one['sd']:.3f}" for one in sides]
        rows.append([name, *scores, shown(result["claims"][0])])
    return _table(head, rows)


def scale_tables(found: Found) -> str:
    """How cost grows: of each program that has a result what ought to be flat, at each size."""
    from benchmarks.scale.command import table

    made = []
    for path in sorted((RESULTS.parent / "scale").glob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        facts, repeats = result["environment"], 1 + max(row["repeat"] for row in result["rows"])
        times = "once" if repeats == 1 else f"{repeats} times"
        title = f"`{result['name']}` ({result['measured']}, {facts['cpu']}, each size {times}):"
        made.append("\n".join([title, "", *table(result["rows"], result["flat"])]))
    return "\n\n".join(made) or "Nothing is recorded yet."


def kill_table(found: Found) -> str:
    """Trainings that were killed and resumed, by configuration."""
    from benchmarks.kills.command import table

    path = RESULTS.parent / "kills.json"
    if not path.is_file():
        return "Nothing is recorded yet."
    result = json.loads(path.read_text(encoding="utf-8"))
    measured = f"Measured {result['measured']} on {result['environment']['cpu']}:"
    return "\n".join([measured, "", *table(result["rows"])])


def fuzz_table(found: Found) -> str:
    """What was fuzzed, for how long, and what came of it."""
    from benchmarks.fuzz.command import RESULT, table

    if not RESULT.is_file():
        return "Nothing is recorded yet."
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    title = f"{result['measured']}, {result['environment']['cpu']}, one process at a time:"
    return "\n".join([title, "", *table(result["rows"])])


_INT8_WAYS = {"hfdl": '`precision="int8"`', "hfdl float32": '`precision="float32"`'}


def int8_table(found: Found) -> str:
    """Each side of ``int8``: its time, how many times as fast as float32 it is, what it costs."""
    result = next((result for program, result in found if program.name == "int8"), None)
    rounds = result["rounds"] if result else []
    times = {row["side"]: column(rounds, row["side"], "processor_seconds") for row in rounds}
    rows = []
    for side, taken in times.items():
        faster = ratio_of(times["hfdl float32"], taken)
        row = next(row for row in rounds if row["side"] == side)
        rows.append([
            _INT8_WAYS.get(side, side),
            f"{statistics.median(taken):.2f}", str(faster), f"{row['accuracy']:.3f}",
            f"{row['agreement']:.1%}", f"{row['score_error']:.4f}",
        ])  # fmt: skip
    head = ["way", "seconds", "times as fast as float32 (95 % interval)", "accuracy",
            "labels as float32's", "scores off by, mean"]  # fmt: skip
    return _table(head, rows)


TABLES: dict[str, Callable[[Found], str]] = {
    "whole-runs": whole_run_table, "entities": entity_table, "int8": int8_table,
    "scale": scale_tables, "claims": short, "claims-in-full": whole, "not-measured": missing,
    "machines": machines, "kills": kill_table, "fuzz": fuzz_table,
}  # fmt: skip


def shown(row: dict[str, Any]) -> str:
    """A ratio with its interval."""
    if row["low"] is None:
        return f"{row['ratio']:.2f} (one pair)"
    return f"{row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f})"


def quality(result: dict[str, Any], side: str) -> str:
    """The quality figures of a side, or how far its answers are from hfdl's."""
    words = result["quality_words"]
    parts = []
    for name, found in result["quality"].get(side, {}).items():
        spread = "" if found["sd"] is None else f" +/- {found['sd']:.2g}"
        parts.append(f"{words[name]} {found['mean']:.4g}{spread}")
    if side in result["differences"]:
        parts.append(f"answers within {result['differences'][side]:.0e} of hfdl's")
    return ", ".join(parts) or "-"


def _measured(found: Found) -> list[tuple[Claim, dict[str, Any], dict[str, Any]]]:
    rows = []
    for program, result in found:
        by_name = {row["name"]: row for row in result["claims"]} if result else {}
        rows += [(c, by_name[c.name], result) for c in program.claims if c.name in by_name]
    return rows


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _table(head: list[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "Nothing is recorded yet."
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
