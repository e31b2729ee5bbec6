"""What a page is put together from."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

SplitRenderer = Callable[[RunRecord, str, list[Record]], "Markup | None"]


@functools.cache
def environment() -> jinja2.Environment:
    """Templates from this folder. Whatever is not HTML already is escaped."""
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        clip=wording.clip,
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


def by_split(record: RunRecord, renderer: SplitRenderer) -> Markup | None:
    """The same part for each split: the one that tells most in view, the others folded away."""
    parts = []
    for split in record.splits:
        rows = record.on(split)
        html = renderer(record, split, rows) if rows else None
        if html is not None:
            parts.append({"split": split, "count": len(rows), "html": html})
    return render("splits.html", parts=parts) if parts else None
