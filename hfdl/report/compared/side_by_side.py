"""Several runs on one page: figures with intervals, curves, the settings that differ."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hfdl.report import wording
from hfdl.report.compared import overlay
from hfdl.report.compared.differing import differing
from hfdl.report.compared.members import Member, read_members
from hfdl.report.compared.standings import Standing, Table, metric_of, tables
from hfdl.report.guess import guess_of
from hfdl.report.page import REPORT, write_text
from hfdl.report.section import render


def write_side_by_side(folders: Sequence[str | Path], output: str | Path) -> Path:
    """Write a page that compares runs, and say where it is.

    Args:
        folders: of finished runs, of evaluations, or of runs with several seeds (one such group
            alone is taken apart: its seeds are compared).
        output: the page. Links to the runs' own reports are relative to it.

    Raises:
        OutputError: a folder is not that of a finished run, is named twice, or a file in it is
            damaged; or the runs are of different tasks.
    """
    members = read_members([Path(folder) for folder in folders])
    return write_text(Path(output), side_by_side_html(members, Path(output).parent))


def side_by_side_html(members: Sequence[Member], beside: Path) -> str:
    """The page of a comparison.

    Args:
        members: the runs, as ``read_members`` reads them.
        beside: the folder that the page will be in.
    """
    metric = metric_of(members)
    standings = tables(members)
    charts = [("Training loss, smoothed", overlay.loss_chart(members))]
    if metric not in (None, "loss"):
        title = f"{wording.metric_name(metric)} on validation"
        charts.append((title, overlay.metric_chart(members, metric)))
    return render(
        "side_by_side.html",
        task=wording.task_name(members[0].first.task),
        names=[one.name for one in members],
        tables=[_table(one, beside) for one in standings],
        charts=[(title, picture) for title, picture in charts if picture is not None],
        drawn=min(len(members), overlay.MOST),
        seeds=any(len(one.records) > 1 for one in members),
        settings=differing(members),
        costs=[_cost(one) for one in members],
    )


def _table(table: Table, beside: Path) -> dict[str, Any]:
    """A table as it is written."""
    metrics = [table.metric, *_others(table)]
    guesses = [guess_of(record, table.split) for one in table.rows for record in one.member.records]
    guess = next((one for one in guesses if one and one.metric == table.metric), None)
    return {
        "split": table.split,
        "metric": wording.metric_name(table.metric),
        "in_points": wording.in_points(table.metric),
        "others": [wording.metric_name(name) for name in metrics[1:]],
        "rows": [_row(one, table, metrics, beside) for one in table.rows],
        "winner": table.has_winner,
        "why": table.why,
        "same": table.same,
        "examples": [one.member.first.examples(table.split) for one in table.rows],
        "picture": overlay.standings_chart(table),
        "guess": guess,
        "guessed": guess and wording.figure(guess.metric, guess.value),
    }


def _others(table: Table) -> list[str]:
    """The other metrics that every run has, as the first run orders them."""
    named = [{*record.metrics[table.split]} for one in table.rows for record in one.member.records]
    shared = set.intersection(*named)
    ordered = table.rows[0].member.first.metrics[table.split]
    return [name for name in ordered if name in shared - {table.metric} and "/" not in name]


def _row(one: Standing, table: Table, metrics: Sequence[str], beside: Path) -> dict[str, Any]:
    member = one.member
    return {
        "name": member.name,
        "links": _links(member, beside),
        "seeds": len(member.records),
        "best": table.has_winner and one is table.rows[0],
        "value": _value(member, table.split, table.metric),
        "interval": _ends(table.metric, one.interval),
        "behind": None if one.behind is None else wording.gain(table.metric, -one.behind),
        "behind_interval": _behind_ends(table.metric, one),
        "told_apart": one.told_apart,
        "others": [_value(member, table.split, name) for name in metrics[1:]],
    }


def _value(member: Member, split: str, metric: str) -> str:
    value, sd = member.mean(split, metric), member.sd(split, metric)
    spread = "" if sd is None else f" ± {wording.figure(metric, sd)}"
    return wording.figure(metric, value) + spread


def _ends(metric: str, interval: tuple[float, float] | None) -> str | None:
    if interval is None:
        return None
    return " to ".join(wording.figure(metric, one) for one in interval)


def _behind_ends(metric: str, one: Standing) -> str | None:
    if one.behind_interval is None:
        return None
    low, high = one.behind_interval
    return f"{wording.gain(metric, -high)} to {wording.gain(metric, -low)}"


def _links(member: Member, beside: Path) -> list[str]:
    """The reports of a member's runs, as the page finds them; those that are there."""
    found = [folder / REPORT for folder in member.runs]
    return [quote(os.path.relpath(page, beside).replace(os.sep, "/")) for page in found
            if page.is_file()]  # fmt: skip


def _cost(member: Member) -> dict[str, Any]:
    """What a run took, of a group its first seed."""
    record = member.first
    runtime = record.metrics.get("runtime") or {}
    return {
        "name": member.name,
        "model": str(record.section("model").get("name") or ""),
        "parameters": wording.short_count(record.plan.get("parameters")),
        "seconds": wording.duration(runtime.get("seconds")),
        "speed": wording.short_count(runtime.get("tokens_per_second")),
        "memory": wording.size(runtime.get("peak_memory_bytes")),
        "machine": str((record.metrics.get("environment") or {}).get("cpu") or wording.MISSING),
    }
