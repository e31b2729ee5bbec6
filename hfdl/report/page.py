"""``report.html``: one file that needs no network and no script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hfdl.report import wording
from hfdl.report.record import RunRecord, read_run
from hfdl.report.section import Builder, Section, render
from hfdl.report.sections import curves, facts, headline
from hfdl.tasks.registry import attribute

FIRST: tuple[Builder, ...] = (headline.build, facts.build_limits, curves.build)
"""The parts that every page begins with; those of the task (``TaskSpec.sections``) follow."""

REPORT = "report.html"

# Control characters have no place in HTML; U+2400 and on are their pictures.
_CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"} | {127: 0x2421}


def write_report(folder: str | Path, output: str | Path | None = None) -> Path:
    """Write the report of a run, from the files in its folder, and say where it is.

    Args:
        folder: of a finished run, or of an evaluation (``hfdl evaluate --output``).
        output: the page. Default: ``report.html`` in the folder.

    Raises:
        OutputError: the folder is not that of a finished run, or a file in it is damaged.
    """
    page = report_html(read_run(Path(folder)))
    return write_text(Path(output or Path(folder) / REPORT), page)


def report_html(record: RunRecord) -> str:
    """The page of a run."""
    of_task = [attribute(place) for place in record.spec.sections]
    builders = [*FIRST, *of_task, facts.build]
    built = [_built(build, record) for build in builders]
    sections = [section for section in built if section is not None]
    return render("report.html", sections=sections, **_heading(record))


def _built(build: Builder, record: RunRecord) -> Section | None:
    """A part of the page; a line in its place where the files do not hold what it needs."""
    try:
        return build(record)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        name = build.__module__.rpartition(".")[2]
        # Two parts of one module may both be left out, and each has an anchor of its own.
        anchor = f"left-out-{name}-{build.__name__}".replace("_", "-")
        return Section(anchor, wording.sentence(name), render("left_out.html", error=repr(error)))


def write_text(path: Path, text: str) -> Path:
    """Write a text as UTF-8, with what UTF-8 or HTML cannot hold made visible."""
    visible = text.translate(_CONTROLS).encode("utf-8", "backslashreplace")
    path.write_bytes(visible)
    return path


def _heading(record: RunRecord) -> dict[str, Any]:
    model = str(record.section("model").get("name") or "")
    run = record.folder.resolve().name if record.folder else ""
    details = [
        run,
        model,
        record.section("data").get("train"),
        (record.metrics.get("environment") or {}).get("device"),
    ]
    return {
        "task": wording.task_name(record.task),
        "run": run,
        "model": model.rstrip("/").rsplit("/", maxsplit=1)[-1],
        "details": [str(detail) for detail in details if detail],
    }
