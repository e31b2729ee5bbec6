"""Answers as HTML: every text of a user or a model goes through a template that escapes it."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

FOLDER = Path(__file__).parent


def render(macro: str, **values: Any) -> str:
    """The HTML that a macro of ``answers.html`` makes of some values."""
    return whole(str(getattr(_macros(), macro)(**values)).strip())


def whole(text: str) -> str:
    """A text that can be encoded: half of a surrogate pair, as browsers may send, is U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def style() -> str:
    """The style sheet of the page."""
    return (FOLDER / "demo.css").read_text(encoding="utf-8")


def breakable(name: str) -> Markup:
    """A text in which a long name of a class may end a line between its words.

    It would end it anywhere else, or before the mark that follows.
    """
    from markupsafe import Markup, escape

    parts = re.split(r"(?<=[a-z])(?=[A-Z])", name)
    return Markup("<wbr>").join(escape(part) for part in parts)


@functools.cache
def _macros() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = breakable
    template: jinja2.Template = environment.get_template("answers.html")
    return template.module
