"""A task's name stands in its spec and nowhere else in the code, which asks the registry."""

from __future__ import annotations

import ast
from pathlib import Path

from hfdl.tasks.registry import TASKS

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "hfdl").rglob("*.py"), *(ROOT / "cli").rglob("*.py")])
# The heads of a model are named in these folders; two of them are called like the task.
HEADS = (
    "hfdl/weights/", "hfdl/hf_models/", "hfdl/parity/", "hfdl/tasks/language_modeling/",
    "hfdl/custom_model/",
)  # fmt: skip
HEAD_NAMES = {"masked_lm", "causal_lm"}
# An extra of pip is called like the task.
EXTRAS = {("hfdl/metrics/translation.py", "translation")}


def names_in(file: Path) -> set[str]:
    """The names of tasks that stand in a file as texts."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    texts = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
    return {name for name in TASKS if name in texts}


def holders() -> set[tuple[str, str]]:
    """Each file that holds a task's name, with the name."""
    found = set()
    for file in FILES:
        path = file.relative_to(ROOT).as_posix()
        skipped = HEAD_NAMES if path.startswith(HEADS) and not path.endswith("/spec.py") else set()
        found |= {(path, name) for name in names_in(file) - skipped}
    return found - EXTRAS


def test_the_name_of_a_task_stands_in_its_spec_alone() -> None:
    found = holders()
    assert {name for _, name in found} == set(TASKS)
    assert len(TASKS) == 5
    assert [(path, name) for path, name in sorted(found) if not path.endswith("/spec.py")] == []
