"""Every place of hfdl that gives an error a remedy, read from the source."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CODE = re.compile(
    r"""[a-z_\]]=[^=\s]          # key=value, keyword=value
    | --[a-z]                    # an option
    | \bhfdl[ .][a-z]            # a command, a name of the package
    | \w\([^ )]*\)               # a call
    | \b(data|train|tune|model|study|search)\.[a-z_]+  # a key
    """,
    re.VERBOSE,
)

MAKERS = {
    "_offline_remedy", "_remedy", "_suggest", "as_override", "did_you_mean", "left_out",
    "list_remedy", "merge_adapters", "pickle_to_safetensors", "python_command", "shell_path",
    "to_resume",
}  # fmt: skip
"""Functions whose texts are to be typed."""
_IN_WORDS = re.compile("'[^']*'|\"[^\"]*\"")


@dataclass(frozen=True)
class Site:
    """A call with ``remedy=``.

    Args:
        name: ``room/file.py:Class.function``, with ``#2`` for the second of that function.
        file: where it stands.
        lines: of the call, first and last.
        text: the source of what is given as the remedy.
        literals: the texts in it; ``makers``: the functions that it calls.
    """

    name: str
    file: str
    lines: tuple[int, int]
    text: str
    literals: str
    makers: frozenset[str]

    @property
    def has_code(self) -> bool:
        """Whether there is something to type in it, as far as the source tells."""
        return bool(CODE.search(self.literals) or self.makers & MAKERS)

    @property
    def is_plain(self) -> bool:
        """Whether it is one text, with nothing put in."""
        return _IN_WORDS.fullmatch(self.text) is not None


@cache
def sites() -> tuple[Site, ...]:
    """All of them, by file and line."""
    found = []
    for path in sorted([*(ROOT / "hfdl").rglob("*.py"), *(ROOT / "cli").rglob("*.py")]):
        room = path.relative_to(ROOT).as_posix().removeprefix("hfdl/")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = _constants(tree)
        times: Counter[str] = Counter()
        for function, call, value in _calls(tree, ""):
            times[function] += 1
            number = f"#{times[function]}" if times[function] > 1 else ""
            text = texts.get(ast.unparse(value)) or " ".join(ast.unparse(value).split())
            lines = (call.lineno, call.end_lineno or call.lineno)
            literals, makers = _literals(value), _makers(value)
            name = f"{room}:{function}{number}"
            found.append(Site(name, str(path), lines, text, literals, makers))
    return tuple(found)


def _literals(value: ast.expr) -> str:
    parts = [node.value for node in ast.walk(value) if isinstance(node, ast.Constant)]
    return " ".join(part for part in parts if isinstance(part, str))


def _makers(value: ast.expr) -> frozenset[str]:
    calls = [node.func for node in ast.walk(value) if isinstance(node, ast.Call)]
    return frozenset(func.id for func in calls if isinstance(func, ast.Name))


def _constants(tree: ast.Module) -> dict[str, str]:
    """The texts that a module gives names to, in the form of source."""
    return {
        ast.unparse(target): ast.unparse(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for target in node.targets
    }


def _calls(node: ast.AST, inside: str) -> list[tuple[str, ast.Call, ast.expr]]:
    """Calls with a remedy in the order of their lines, and the function that each stands in."""
    found = []
    for child in ast.iter_child_nodes(node):
        name = inside
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            name = f"{inside}.{child.name}".removeprefix(".")
        if isinstance(child, ast.Call):
            found += [(inside, child, k.value) for k in child.keywords if k.arg == "remedy"]
        found += _calls(child, name)
    return sorted(found, key=lambda item: item[1].lineno) if not inside else found
