"""``report.html``: one file that needs no network and no script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hfdl.report import wording
from hfdl.report.record import RunRecord, read_run
from hfdl.report.section import Builder, render
from hfdl.report.sections import curves, facts, headline
from hfdl.tasks.registry import attribute

FIRST: tuple[Builder, ...] = (headline.build, facts.build_limits, curves.build)
"""The parts that every page begins with; those of the task (``TaskSpec.sections``) follow."""

# Control characters have no place in HTML; U+2400 and on are their pictures.
_CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"} | {127: 0x2421}


def write_report(folder: Path) -> Path:
    """Write ``report.html`` into a run's folder and say where it is.

    Raises:
        OutputError: the folder is not that of a finished run.
    """
    return write_text(folder / "report.html", report_html(read_run(folder)))


def report_html(record: RunRecord) -> str:
    """The page of a run."""
    of_task = [attribute(place) for place in record.spec.sections]
    builders = [*FIRST, *of_task, facts.build]
    sections = [section for build in builders if (section := build(record)) is not None]
    return render("report.html", sections=sections, **_heading(record))


def write_text(path: Path, text: str) -> Path:
    """Write a text as UTF-8, with what UTF-8 or HTML cannot hold made visible."""
    visible = text.translate(_CONTROLS).encode("utf-8", "backslashreplace")
    path.write_bytes(visible)
    return path


def _heading(record: RunRecord) -> dict[str, Any]:
    model = str(record.section("model").get("name") or "")
    details = [
        model,
        record.section("data").get("train"),
        (record.metrics.get("environment") or {}).get("device"),
    ]
    return {
        "task": wording.task_name(record.task),
        "model": model.rstrip("/").rsplit("/", maxsplit=1)[-1],
        "details": [str(detail) for detail in details if detail],
    }
