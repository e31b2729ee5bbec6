"""JSON as RFC 8259 has it, wherever hfdl writes some: NaN and Infinity are none."""

from __future__ import annotations

import ast
import json
import math
from pathlib import Path

import pytest

from hfdl.cli.printing.text import to_json
from hfdl.training.files import finite_or_null, json_text, write_json

ROOT = Path(__file__).resolve().parents[2]
# Values in a message to a person, who may well have typed .nan, and in a command to paste.
IN_MESSAGES = {
    "hfdl/config/error_messages.py",
    "hfdl/config/overrides.py",
    "hfdl/training/optimizers.py",
    "hfdl/tokenizers/load.py",
}


def dumps() -> dict[str, bool]:
    """Every call of ``json.dump`` and ``json.dumps`` by its place, and whether NaN is refused."""
    found = {}
    for folder in ("hfdl", "cli"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                    "json.dumps",
                    "json.dump",
                ):
                    strict = any(
                        key.arg == "allow_nan" and ast.unparse(key.value) == "False"
                        for key in node.keywords
                    )
                    found[f"{path.relative_to(ROOT).as_posix()}:{node.lineno}"] = strict
    return found


def test_every_json_refuses_what_is_no_json() -> None:
    found = dumps()
    assert len(found) >= 11
    loose = {place.partition(":")[0] for place, strict in found.items() if not strict}
    assert loose == IN_MESSAGES


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_becomes_null(value: float, tmp_path: Path) -> None:
    nested = {"a": [1.5, value, (value, 2)], "b": {"c": value}, "d": "NaN"}
    expected = {"a": [1.5, None, [None, 2]], "b": {"c": None}, "d": "NaN"}
    assert json.loads(json_text(nested)) == expected
    assert json.loads(to_json(nested)) == expected
    assert finite_or_null({"x": (1.0, value)}) == {"x": [1.0, None]}
    write_json(tmp_path / "a.json", nested)
    assert json.loads((tmp_path / "a.json").read_text()) == expected


def test_numbers_stay_what_they_are() -> None:
    value = {"a": [0.1, 1e300, -0.0, 3, True, None], "b": "x"}
    assert json_text(value) == json.dumps(value)
