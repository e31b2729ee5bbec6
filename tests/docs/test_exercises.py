"""Every exercise of the tutorials has an answer that folds out, and computes what it claims."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from helpers.tutorial_pages import FOLDER, pages

PER_PAGE, COUNT = 4, 56
OPENS, CLOSES = '<details class="answer">\n<summary>Answer</summary>\n', "</details>"
_EXERCISE = re.compile(r"^(\d+)\. ", re.MULTILINE)
_CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(?:.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"^```(?!\{code-cell\})[^\n]+\n(?:.*?)^```$", re.MULTILINE | re.DOTALL)
_TABLE = re.compile(r"^\|.*\n?", re.MULTILINE)


@dataclass(frozen=True)
class Exercise:
    """A question, and what is folded under it."""

    page: str
    number: int
    text: str

    @property
    def question(self) -> str:
        return self.text.partition(OPENS)[0].strip()

    @property
    def answer(self) -> str:
        inside = self.text.partition(OPENS)[2]
        return inside.partition(f"\n{CLOSES}\n")[0].strip()

    @property
    def prose(self) -> list[str]:
        """The lines of the answer that are sentences."""
        plain = _TABLE.sub("", _CODE.sub("", _CELL.sub("", self.answer)))
        return [line for line in plain.splitlines() if line.strip()]


def exercises(page: str) -> list[Exercise]:
    """The exercises of a page, in order."""
    text = (FOLDER / f"{page}.md").read_text(encoding="utf-8")
    _, _, section = text.partition("\n## Try it\n")
    section = re.split(r"^(?:\[Next: |Back to )", section, flags=re.MULTILINE)[0]
    marks = list(_EXERCISE.finditer(_without_answers(section)))
    ends = [mark.start() for mark in marks[1:]] + [len(section)]
    return [
        Exercise(page, int(mark[1]), section[mark.start() : end])
        for mark, end in zip(marks, ends, strict=False)
    ]


def _without_answers(section: str) -> str:
    """The section with its answers blanked, of the same length: a list in one is no exercise."""
    folded = re.compile(rf"^{re.escape(OPENS)}.*?^{CLOSES}$", re.MULTILINE | re.DOTALL)
    return folded.sub(lambda found: " " * len(found[0]), section)


ALL = [exercise for page in pages() for exercise in exercises(page)]


def test_every_page_has_as_many_exercises_as_it_says() -> None:
    assert len(ALL) == COUNT
    for page in pages():
        assert [e.number for e in exercises(page)] == list(range(1, PER_PAGE + 1)), page


@pytest.mark.parametrize("exercise", ALL, ids=lambda e: f"{e.page}-{e.number}")
def test_an_exercise_has_one_answer_with_code_that_runs(exercise: Exercise) -> None:
    assert exercise.text.count("<details") == exercise.text.count(CLOSES) == 1
    assert exercise.text.rstrip().endswith(CLOSES), "something stands below the answer"
    assert exercise.question.endswith(("?", ".", ")")), exercise.question
    assert _CELL.search(exercise.answer), "no cell: what the answer claims is not computed"
    assert "assert" in exercise.answer, "no assertion holds what the answer claims"
    assert 2 <= len(exercise.prose) <= 8, exercise.prose
    # GitHub and MyST read Markdown inside of HTML only where blank lines set it apart.
    assert OPENS + "\n" in exercise.text
    assert f"\n\n{CLOSES}" in exercise.text


def test_code_of_answers_is_run_or_is_a_command() -> None:
    """A fence that is not a cell may show what is typed in a shell, and nothing else."""
    for exercise in ALL:
        for fence in _CODE.findall(exercise.answer):
            assert fence.startswith("```text\nhfdl "), f"{exercise.page} {exercise.number}: {fence}"


def test_an_exercise_without_answer_is_seen(monkeypatch, tmp_path) -> None:
    page = f"# A\n\n## Try it\n\n1. One?\n\n{OPENS}\n1. Not an exercise.\n\n{CLOSES}\n\n2. Two?\n"
    (tmp_path / "a.md").write_text(f"{page}\n[Next: B](b.md)\n", encoding="utf-8")
    monkeypatch.setitem(exercises.__globals__, "FOLDER", tmp_path)
    one, two = exercises("a")
    assert (one.question, one.answer) == ("1. One?", "1. Not an exercise.")
    assert (two.question, two.answer) == ("2. Two?", "")
