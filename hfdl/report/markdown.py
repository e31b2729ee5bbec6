"""Markdown made from texts that may hold anything."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2

_SPECIAL = re.compile(r"([\\`*_\[\]~|$])")
_AT_START = re.compile(r"^(#{1,6}|[+-]|\d+[.)]|-[-\s]*)(?=\s|$)")


class Markdown(str):
    """Text that is Markdown already and must not be escaped."""

    __slots__ = ()


def escape(value: Any) -> str:
    """A value as one line of Markdown that shows just its characters."""
    if isinstance(value, Markdown):
        return value
    line = " ".join(str(value).split()).replace("&", "&amp;").replace("<", "&lt;")
    line = _SPECIAL.sub(r"\\\1", line.replace(">", "&gt;"))
    # What opens a heading, a list or a rule does so at the start only.
    return _AT_START.sub(lambda found: f"{found[1][:-1]}\\{found[1][-1]}", line)


@functools.cache
def environment() -> jinja2.Environment:
    """Templates from this folder whose values are escaped for Markdown."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        finalize=escape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
