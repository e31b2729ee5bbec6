"""Show the cells of tutorials without their tests: no ``assert``, nothing that only those used.

The cells run as they are written; only what a reader sees is shorter.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from left_over import ASKED, CELL, is_left_over, left_over

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx

_MARK = re.compile(r" *# (?:fmt|noqa|type): ?\S.*$", re.MULTILINE)


def without_tests(code: str, unused: Collection[str] = ()) -> str:
    """Code without its assertions, and without blocks and comments that were only theirs.

    Args:
        code: a cell.
        unused: names that nothing but assertions uses; what binds them is left out too.
    """
    lines = code.splitlines()
    body = ast.parse(code).body
    bindings = [one for one in body if is_left_over(one, set(unused))]
    spans = [*_spans(body), *((one.lineno, one.end_lineno or one.lineno) for one in bindings)]
    for first, last in sorted(spans, reverse=True):
        while first > 1 and lines[first - 2].lstrip().startswith("#"):
            first -= 1  # the comment above it
        del lines[first - 1 : last]
        # One blank line between what stood above and below is enough.
        while 1 <= first - 1 < len(lines) and not lines[first - 2] and not lines[first - 1]:
            del lines[first - 1]
    return _MARK.sub("", "\n".join(lines)).strip("\n")


def _spans(body: list[ast.stmt]) -> Iterator[tuple[int, int]]:
    """First and last line of each statement that only tests."""
    for statement in body:
        if _only_tests(statement):
            yield statement.lineno, statement.end_lineno or statement.lineno
            continue
        for field in ("body", "orelse", "finalbody"):
            inner = getattr(statement, field, None) or []
            if not all(map(_only_tests, inner)):  # a block needs a statement
                yield from _spans(inner)


def _only_tests(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.For | ast.With | ast.If):
        return all(map(_only_tests, [*statement.body, *getattr(statement, "orelse", [])]))
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        return ast.unparse(statement.value.func).rpartition(".")[2].startswith("assert_")
    if isinstance(statement, ast.Raise) and isinstance(statement.exc, ast.Call):
        return ast.unparse(statement.exc.func) == "AssertionError"
    return isinstance(statement, ast.Assert)


def only_for_tests(page: str) -> set[str]:
    """Names that nothing but the assertions of a page uses."""
    cells = [without_tests(code) for code in CELL.findall(page)]
    return left_over(cells, ASKED.findall(page))


def simplify(app: Sphinx, doctree: nodes.document) -> None:
    """Rewrite the inputs of a page's cells."""
    from docutils import nodes

    source = Path(app.env.doc2path(app.env.docname)).read_text(encoding="utf-8")
    unused = only_for_tests(source) if CELL.search(source) else set()
    for block in list(doctree.findall(nodes.literal_block)):
        inputs = block.parent
        if "cell_input" not in getattr(inputs, "get", lambda *_: ())("classes", ()):
            continue
        code = without_tests(block.astext(), unused)
        if not code:
            inputs.parent.remove(inputs)
            continue
        block.rawsource = code
        block.children = []
        block += nodes.Text(code)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.connect("doctree-read", simplify)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
