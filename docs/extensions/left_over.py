"""What only the tests of a tutorial used: imports, expected values, helpers of its assertions.

Without the assertions (see plain_cells) such lines would stand there and be used by nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(?::[^\n]*\n)*(.*?)^```$", re.MULTILINE | re.DOTALL)
ASKED = re.compile(r"\{eval\}`([^`]+)`")
# Calls that change nothing, so that their result may be left out with them.
_FUNCTIONS = {"abs", "dict", "float", "int", "len", "list", "max", "min", "range", "round", "set",
              "sorted", "str", "sum", "tuple", "zip"}  # fmt: skip
_METHODS = {"all", "any", "astype", "copy", "detach", "items", "max", "mean", "min", "numpy", "sum",
            "values"}  # fmt: skip


def left_over(cells: Iterable[str], asked: Iterable[str]) -> set[str]:
    """Names that no cell and no sentence uses.

    Args:
        cells: the page's cells, their tests left out, hidden cells too.
        asked: the expressions that its sentences ask for.
    """
    statements = [statement for cell in cells for statement in ast.parse(cell).body]
    by_sentences = {name for expression in asked for name in _loads(ast.parse(expression))}
    gone: set[str] = set()
    while True:
        kept = [one for one in statements if not is_left_over(one, gone)]
        used = by_sentences.union(*map(_loads, kept))
        bound = {name for one in kept if _changes_nothing(one) for name in _binds(one)}
        if not bound - used - gone:
            return gone
        gone |= bound - used


def is_left_over(statement: ast.stmt, names: set[str]) -> bool:
    """Whether a statement does nothing but bind such names."""
    bound = _binds(statement)
    return bool(bound) and bound <= names and _changes_nothing(statement)


def _loads(node: ast.AST) -> set[str]:
    return {
        one.id
        for one in ast.walk(node)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)
    }


def _binds(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
    if isinstance(statement, ast.FunctionDef):
        return {statement.name}
    if isinstance(statement, ast.Assign):
        targets = [one for target in statement.targets for one in ast.walk(target)]
        plain = ast.Name | ast.Tuple | ast.expr_context
        if all(isinstance(one, plain) for one in targets):
            return {one.id for one in targets if isinstance(one, ast.Name)}
    return set()


def _changes_nothing(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Assign):
        return isinstance(statement, ast.Import | ast.ImportFrom | ast.FunctionDef)
    calls = [one.func for one in ast.walk(statement.value) if isinstance(one, ast.Call)]
    return all(map(_is_harmless, calls))


def _is_harmless(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id in _FUNCTIONS
    if isinstance(function, ast.Attribute):
        is_numpy = isinstance(function.value, ast.Name) and function.value.id in ("np", "math")
        return is_numpy or function.attr in _METHODS
    return False
