"""The output of ``hfdl predict``: JSON lines, or lines for a person."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from hfdl.errors import OutputError

from .output import print_text, shorten, to_json
from .output_file import written_aside
from .texts import Input

Pairs = Iterable[tuple[Input, Any]]
Write = Callable[[Pairs], None]


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
    for text, answer in pairs:
        fields = answer if isinstance(answer, dict) else {"predictions": answer}
        line = to_json({**_input_fields(text), **fields}, encoding=stream.encoding)
        stream.write(f"{line}\n")
    stream.flush()


def print_answers(pairs: Pairs) -> None:
    """Print a line a text: label, score, the start of the text; or text and translation.

    Entities stand in brackets in their text; a generated text keeps its lines.
    """
    from hfdl.runs.console import clean

    for text, answer in pairs:
        for line in _lines(text, answer):
            print_text(clean(line))


def _input_fields(text: Input) -> dict[str, Any]:
    if isinstance(text, dict):
        return dict(text)
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
    shown = shorten(" | ".join(text.values()) if isinstance(text, dict) else _joined(text))
    if isinstance(answer, dict) and "translation_text" in answer:
        return f"{shown or '(empty text)'} -> {answer['translation_text']}"
    answers = answer if isinstance(answer, list) else [answer]
    labels = "  ".join(_fields(one) for one in answers) or "(no label)"
    return f"{labels}  {shown}"


def _marked(text: str, entities: list[dict[str, Any]]) -> str:
    """The text on one line, each entity in brackets with its type."""
    if not entities:
        return f"(no entity)  {shorten(text)}"
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
