"""A section of the page, and what several of them share: templates, splits, lists of examples."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hfdl.report import wording
from hfdl.report.record import Record, RunRecord

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup


@dataclass(frozen=True)
class Section:
    """A part of the page: its anchor, its heading and its HTML."""

    anchor: str
    title: str
    html: Markup


Builder = Callable[[RunRecord], Section | None]
"""Looks at a run and answers with its part of the page, or with None: nothing to say."""

T = TypeVar("T")
SplitRenderer = Callable[[RunRecord, str, list[Record]], "Markup | None"]


def templates(**options: Any) -> jinja2.Environment:
    """The templates of this folder; a variable that is not given is an error."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **options,
    )


@functools.cache
def environment() -> jinja2.Environment:
    """The templates of pages. Whatever is not HTML already is escaped."""
    made = templates(autoescape=True)
    made.filters.update(
        clip=wording.clip,
        exp=math.exp,
        measured=wording.measured,
        number=wording.number,
        percent=wording.percent,
        plural=wording.plural,
    )
    made.globals.update(CAP=wording.CAP, CLIP=wording.CLIP)
    return made


def render(template: str, **context: Any) -> Markup:
    """A template of this folder, filled in."""
    from markupsafe import Markup

    # Safe to trust: the environment escapes every value that goes in.
    return Markup(environment().get_template(template).render(**context))


def by_split(
    record: RunRecord,
    anchor: str,
    title: str,
    renderer: SplitRenderer,
    rows_of: Callable[[str], list[Record]] | None = None,
) -> Section | None:
    """A section with the same for each split: the first in view, the others folded away.

    Args:
        record: the run.
        anchor, title: of the section.
        renderer: makes HTML of the rows of a split, or None.
        rows_of: the rows of a split. Default: its labelled predictions.
    """
    parts = []
    for split in record.splits:
        rows = (rows_of or record.on)(split)
        html = renderer(record, split, rows) if rows else None
        if html is not None:
            parts.append({"split": split, "count": len(rows), "html": html})
    return Section(anchor, title, render("splits.html", parts=parts)) if parts else None


# ---- Lists of examples ---------------------------------------------------------------------------


def group(title: str, examples: list[Any], total: int, noun: str, which: str = "") -> Record:
    """Examples under a title, and how many there are: ``total`` of ``noun``s ``which``."""
    of = f"{wording.plural(total, noun)}{which}"
    return {"title": title, "of": of, "total": total, "examples": examples}


def highest(rows: list[Record], score: Callable[[Record], float], most: int) -> list[Record]:
    """The rows of the highest score; equal ones in the order of the file."""
    return sorted(rows, key=lambda row: (-score(row), row.get("index", 0)))[:most]


def evenly(rows: Sequence[T], most: int) -> list[T]:
    """At most so many rows, evenly spread."""
    return list(rows[:: math.ceil(len(rows) / most)])


def where(row: Record) -> str:
    """Where an example stands: its file and line, else its split and number."""
    return str(row.get("where") or f"{row.get('split')} example {row.get('index')}")
