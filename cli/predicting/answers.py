"""Answers of ``hfdl predict`` on stdout: JSON lines for a program, lines for a person."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from hfdl.errors import OutputError

from ..printing.output_file import written_aside
from ..printing.text import print_text, print_unfolded, shorten, terminal_width, to_json
from .texts import Input

Pairs = Iterable[tuple[Input | None, Any]]
"""Texts with their answers. Both are None where a row has no text."""

Write = Callable[[Pairs], None]

NULLS: Mapping[str, None] = {"label": None, "score": None}
"""The answer to no text, where no other shows what an answer holds."""


@contextmanager
def open_answers(output: Path | None, *, readable: bool) -> Iterator[Write]:
    """A function that writes some answers: JSON lines, or lines for a person on stdout.

    Args:
        output: a file, which appears only when it is complete; None: stdout.
        readable: for a person; of stdout alone.

    Raises:
        OutputError: the file cannot be written.
    """
    if output is None:
        yield print_answers if readable else partial(write_json_lines, sys.stdout)
        return
    with written_aside(output) as target:
        try:
            stream = target.open("w", encoding="utf-8")
        except OSError as error:
            raise OutputError(
                f"cannot be written: {error.strerror}",
                where=str(output),
                remedy="name another file",
            ) from None
        with stream:
            yield partial(write_json_lines, stream)


def write_json_lines(stream: TextIO, pairs: Pairs) -> None:
    """Write a JSON object a line, pushed out at once: the text, and the answer's own fields.

    An answer that is a list stands under ``predictions``. For a list of words the text is what the
    entities' offsets refer to.
    """
    pairs = [*pairs]
    known = next((_fields_of(answer) for _, answer in pairs if answer is not None), NULLS)
    for text, answer in pairs:
        fields = dict.fromkeys(known) if answer is None else _fields_of(answer)
        line = to_json({**input_fields(text), **fields}, encoding=stream.encoding)
        stream.write(f"{line}\n")
    stream.flush()


def print_answers(pairs: Pairs) -> None:
    """Print a line a text: label, score, the start of the text; or text and translation.

    Entities stand in brackets in their text; a generated text or a translation keeps its lines,
    the others are folded at the terminal's edge.
    """
    from hfdl.runs.texts import clean

    for text, answer in pairs:
        show = print_unfolded if _is_written(answer) else print_text
        for line in ["(no text)"] if text is None else _lines(text, answer):
            show(clean(line))


def _is_written(answer: Any) -> bool:
    """Whether an answer is a text of the model's own, which is copied whole."""
    written = answer if isinstance(answer, list) else [answer]
    names = ("generated_text", "translation_text")
    return any(isinstance(one, dict) and name in one for one in written for name in names)


def _fields_of(answer: Any) -> dict[str, Any]:
    return answer if isinstance(answer, dict) else {"predictions": answer}


def input_fields(text: Input | None) -> dict[str, Any]:
    """What the model read, by name."""
    if text is None or isinstance(text, dict):
        return {"text": None} if text is None else dict(text)
    return {"text": text} if isinstance(text, str) else {"text": _joined(text), "tokens": text}


def _joined(text: str | list[str]) -> str:
    """A text; words with a blank between them, as the pipeline joins them."""
    return text if isinstance(text, str) else " ".join(text)


def _lines(text: Input, answer: Any) -> list[str]:
    written = answer if isinstance(answer, list) else [answer]
    if written and all(isinstance(one, dict) and "generated_text" in one for one in written):
        return [line for one in written for line in str(one["generated_text"]).split("\n")]
    return [_line(text, answer)]


def _line(text: Input, answer: Any) -> str:
    if isinstance(answer, dict) and "entities" in answer and not isinstance(text, dict):
        return _marked(_joined(text), answer["entities"])
    given = " | ".join(text.values()) if isinstance(text, dict) else _joined(text)
    if isinstance(answer, dict) and "translation_text" in answer:
        return f"{shorten(given) or '(empty text)'} -> {answer['translation_text']}"
    answers = answer if isinstance(answer, list) else [answer]
    labels = "  ".join(_fields(one) for one in answers) or "(no label)"
    return f"{labels}  {shorten(given, _room(labels))}"


def _room(before: str) -> int | None:
    """Columns that a terminal leaves for a text; None: no terminal, the usual width."""
    from hfdl.runs.texts import cells

    width = terminal_width()
    return None if width is None else max(20, width - cells(before) - 2)


def _marked(text: str, entities: list[dict[str, Any]]) -> str:
    """The text on one line, each entity in brackets with its type."""
    if not entities:
        return f"(no entity)  {shorten(text, _room('(no entity)'))}"
    parts, last = [], 0
    for entity in entities:
        start, end = entity["start"], entity["end"]
        parts += [text[last:start], f"[{text[start:end]}: {entity['entity_group']}]"]
        last = end
    return " ".join("".join([*parts, text[last:]]).split())


def _fields(answer: Any) -> str:
    if isinstance(answer, list):  # of several masks each has its own
        return f"[{'  '.join(map(_fields, answer))}]"
    if isinstance(answer, dict) and "token_str" in answer:
        return f"{answer['token_str'].strip()} {answer['score']:.4f}"
    if not isinstance(answer, dict):
        return str(answer)
    return "  ".join(f"{v:.4f}" if isinstance(v, float) else str(v) for v in answer.values())
