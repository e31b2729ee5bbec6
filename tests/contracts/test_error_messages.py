"""The snapshot of error messages has no entry that no test asks for."""

from __future__ import annotations

import ast
from pathlib import Path

from helpers.wording import read_snapshot

TESTS = Path(__file__).resolve().parents[1]


def asks(path: Path, function: str) -> bool:
    """Whether this test function calls ``assert_wording``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name == function:
            names = {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
            return "assert_wording" in names
    return False


def test_every_entry_is_of_a_test_that_asks_for_it() -> None:
    tests = {key.partition("[")[0].partition(" #")[0] for key in read_snapshot()}
    stale = []
    for test in sorted(tests):
        path, _, function = test.partition("::")
        file = TESTS.parent / path
        if not file.exists() or not asks(file, function):
            stale.append(test)
    assert stale == []
    assert len(tests) >= 60
