"""The tutorials of docs/tutorials as a test sees them: prose and cells, in order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "docs" / "tutorials"
_CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OPTION = re.compile(r"\A(:[^\n]*\n)+")
_EVAL = re.compile(r"\{eval\}`([^`]+)`")
# What may hold figures that nobody computed: front matter, other code, formulas, links, years.
_NOT_PROSE = re.compile(
    r"\A---\n.*?^---$|^```.*?^```$|\$\$.*?\$\$|\$[^$\n]+\$|``[^`]+``|`[^`]+`"
    r"|\]\([^)]*\)|<https?://[^>]*>|https?://\S+|\b(?:19|20)\d\d\b|^#+ .*?$|^:.*?$",
    re.MULTILINE | re.DOTALL,
)
_FIGURE = re.compile(r"\d+[.,]\d+|\d+ ?%|\b\d{3,}\b")


@dataclass(frozen=True)
class Cell:
    """Code that a page runs, and the line of the page on which it begins."""

    code: str
    line: int


@dataclass(frozen=True)
class Prose:
    """The text between two cells: what it asks for in braces, and figures that it just states."""

    asked: tuple[str, ...]
    stated: tuple[str, ...]
    line: int


def pages() -> list[str]:
    """The names of all tutorials, in the order in which the index lists them."""
    index = (FOLDER / "index.md").read_text(encoding="utf-8")
    inside = re.search(r"```\{toctree\}\n(.*?)```", index, re.DOTALL)
    assert inside is not None, "docs/tutorials/index.md has no toctree"
    return [line.strip() for line in inside[1].splitlines() if line and not line.startswith(":")]


def parts(name: str) -> Iterator[Cell | Prose]:
    """A page, from top to bottom."""
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    end = 0
    for found in _CELL.finditer(text):
        yield _prose(text, end, found.start())
        code = _OPTION.sub(lambda options: "\n" * options[0].count("\n"), found[1])
        yield Cell(code, text.count("\n", 0, found.start(1)) + 1)
        end = found.end()
    yield _prose(text, end, len(text))


def _prose(text: str, begin: int, end: int) -> Prose:
    inside = text[begin:end]
    plain = _NOT_PROSE.sub(" ", _EVAL.sub(" ", inside))
    line = text.count("\n", 0, begin) + 1
    return Prose(tuple(_EVAL.findall(inside)), tuple(_FIGURE.findall(plain)), line)


def run(name: str) -> dict[str, Any]:
    """Run a page as Sphinx does: each cell, and between cells what the sentences ask for.

    Returns:
        what it leaves: its names; under ``__figures__`` how many plots it drew, and under
        ``__asked__`` how often a sentence asked for a figure.
    """
    import matplotlib.pyplot as plt

    names: dict[str, Any] = {"__name__": "__main__"}
    figures = asked = 0
    for part in parts(name):
        where = str(FOLDER / f"{name}.md")
        if isinstance(part, Cell):
            # Lines of errors are then those of the page.
            exec(compile("\n" * (part.line - 1) + part.code, where, "exec"), names)
            figures += len(plt.get_fignums())
            plt.close("all")
            continue
        for expression in part.asked:
            place = f"{where}, below line {part.line}"
            value = eval(compile(expression, place, "eval"), names)  # noqa: S307  # our own pages
            assert isinstance(value, (str, int)), f"{expression} is {value!r}: say how to write it"
            asked += 1
    return {**names, "__figures__": figures, "__asked__": asked}
