"""From what was typed to the HTML of an answer, whatever happens on the way."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Iterator
from typing import Any

from hfdl.demo.attention import attention_html
from hfdl.demo.html import render, whole
from hfdl.demo.models import DemoModel
from hfdl.demo.panel import Panel
from hfdl.errors import HfdlError

APART = 0.05
"""Seconds between two looks at an answer that grows: a page that changes more often flickers."""


def answers(panel: Panel, model: DemoModel, *values: Any) -> Iterator[tuple[str, str]]:
    """The HTML of an answer and of its attention view, again and again until both are whole.

    Args:
        panel: the page.
        model: the one that answers.
        values: of the panel's controls; a text that nobody has touched may be None.

    Yields:
        two texts. An error is a message in the first of them, and the traceback of one that is no
        fault of the user's goes to stderr.
    """
    texts = [whole(value or "") for value in values[: panel.texts]]
    values = (*texts, *values[panel.texts :])
    if refusal := panel.refuse(values):
        yield render("note", text=refusal), ""
        return
    try:
        answer = None
        for answer in _now_and_then(model.step_by_step(panel.steps(model, *values))):
            yield panel.show(model, values, answer), render("waiting")
        if answer is None:
            yield render("note", text="The model ends here: it wrote nothing."), ""
            return
        shown = panel.show(model, values, answer)
    except Exception as error:  # a model of any origin: the page stays, and says what happened
        yield render("error", text=_words(error, helps=True)), ""
        return
    try:
        yield shown, attention_html(model, panel.read(model, values, answer), panel.limit(model))
    except Exception as error:
        yield shown, render("note", text=f"No attention view: {_words(error)}")


def _words(error: Exception, *, helps: bool = False) -> str:
    """An error for the page; of one that is no fault of the user's the traceback is on stderr."""
    if isinstance(error, HfdlError):
        return _sentences(error, error.remedy if helps else None)
    traceback.print_exception(error, file=sys.stderr)
    return f"{type(error).__name__}: {error}"


def _sentences(error: HfdlError, remedy: str | None) -> str:
    """What is wrong, why, and what helps, for who reads a page.

    Where it is stays out: that is an argument's name, or a file, and the page has one text.
    """
    said = f"{error.problem}; {error.rule}" if error.rule else error.problem
    parts = [said, f"{remedy[0].upper()}{remedy[1:]}" if remedy else ""]
    return " ".join(f"{' '.join(part.rstrip('.').split())}." for part in parts if part)


def _now_and_then(steps: Iterator[Any]) -> Iterator[Any]:
    """Some of the steps, a moment apart, and the last one."""
    said, last, is_waiting = 0.0, None, False
    for step in steps:
        last, is_waiting = step, True
        if time.monotonic() - said >= APART:
            said, is_waiting = time.monotonic(), False
            yield step
    if is_waiting:
        yield last
