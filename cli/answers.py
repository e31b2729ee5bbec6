"""How ``hfdl predict`` writes what the model said."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from hfdl.errors import OutputError

from .output import print_text, shorten, to_json
from .texts import Input

Pairs = Iterable[tuple[Input, Any]]


class JsonLines:
    """A JSON object a line: the text, and the answer's own fields or a list of answers.

    Of words, the text is what the entities' places count the characters of.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, pairs: Pairs) -> None:
        """Write some answers and push them out at once."""
        for text, answer in pairs:
            fields = answer if isinstance(answer, dict) else {"predictions": answer}
            line = to_json({**_asked(text), **fields}, encoding=self._stream.encoding)
            self._stream.write(f"{line}\n")
        self._stream.flush()


class Readable:
    """A line a text for a person: label, score, the start of the text; or text and translation.

    Entities stand in brackets in their text. Of a text that the model wrote each line is a line.
    """

    def __enter__(self) -> Readable:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def write(self, pairs: Pairs) -> None:
        """Print some answers."""
        from hfdl.runs.console import clean

        for text, answer in pairs:
            for line in _lines(text, answer):
                print_text(clean(line))


@contextmanager
def open_answers(output: Path | None) -> Iterator[JsonLines]:
    """JSON lines to stdout, or to a file that appears only when it is complete.

    Raises:
        OutputError: the file cannot be written.
    """
    if output is None:
        yield JsonLines(sys.stdout)
        return
    # A device or a pipe (/dev/stdout) cannot be replaced by a file.
    is_special = output.exists() and not output.is_file()
    target = output if is_special else output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        stream = target.open("w", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"cannot be written: {error.strerror}", where=str(output), remedy="name another file"
        ) from None
    try:
        with stream:
            yield JsonLines(stream)
        if not is_special:
            target.replace(output)
    finally:
        if not is_special:
            target.unlink(missing_ok=True)


def _asked(text: Input) -> dict[str, Any]:
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
    asked = shorten(" | ".join(text.values()) if isinstance(text, dict) else _joined(text))
    if isinstance(answer, dict) and "translation_text" in answer:
        return f"{asked or '(empty text)'} -> {answer['translation_text']}"
    answers = answer if isinstance(answer, list) else [answer]
    said = "  ".join(_fields(one) for one in answers) or "(no label)"
    return f"{said}  {asked}"


def _marked(text: str, entities: list[dict[str, Any]]) -> str:
    """The text on one line, each entity in brackets with its type."""
    if not entities:
        return f"(no entity)  {shorten(text)}"
    parts, place = [], 0
    for entity in entities:
        start, end = entity["start"], entity["end"]
        parts += [text[place:start], f"[{text[start:end]}: {entity['entity_group']}]"]
        place = end
    return " ".join("".join([*parts, text[place:]]).split())


def _fields(answer: Any) -> str:
    if isinstance(answer, list):  # of several masks each has its own
        return f"[{'  '.join(map(_fields, answer))}]"
    if isinstance(answer, dict) and "token_str" in answer:
        return f"{answer['token_str'].strip()} {answer['score']:.4f}"
    if not isinstance(answer, dict):
        return str(answer)
    return "  ".join(f"{v:.4f}" if isinstance(v, float) else str(v) for v in answer.values())
