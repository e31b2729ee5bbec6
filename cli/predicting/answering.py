"""``hfdl predict`` at work: texts in chunks; their answers as a file, JSON or lines to read."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfdl.progress import track

from ..printing.progress import working
from ..printing.text import print_text
from .row_files import is_special

if TYPE_CHECKING:
    from .texts import FileRows, Input, PipedLines

    Chunk = list[Input | None]
    Answer = Callable[[Chunk], list[Any]]


@dataclass(frozen=True)
class Given:
    """The texts to answer.

    Args:
        chunks: of at most ``CHUNK`` texts; None in the place of one that a row lacks.
        total: how many texts there are; None of a pipe.
        source: the rows of a file; None of texts that are no file's.
        lines: those of a pipe.
    """

    chunks: Iterator[Chunk]
    total: int | None = None
    source: FileRows | None = None
    lines: PipedLines | None = None

    def empty_rows(self) -> str | None:
        """Once all are read: how many had no text; None where all have one, or were arguments."""
        given = self.source or self.lines
        return None if given is None else given.empty_rows()


def _counted(given: Given) -> Iterator[Chunk]:
    return track(given.chunks, "predicting", total=given.total, unit="texts", size=len)


def write_file(
    given: Given,
    answer: Answer,
    output: Path,
    *,
    is_number: bool,
    with_lines: bool,
) -> None:
    """The rows with their answers as a file, and a line that says so."""
    from ..errors import say
    from .answer_rows import AnswerRows
    from .row_files import row_file

    began, count = time.perf_counter(), 0
    table = AnswerRows(given.source, is_number=is_number, with_lines=with_lines)
    with working("predicting"), row_file(output) as file:
        for chunk in _counted(given):
            file.write(table.rows(chunk, answer(chunk)))
            count += len(chunk)
        file.write(table.rest())
    for name, other in table.renamed.items():
        say("note", f"the file has a column {name!r} of its own; the answers are in {other!r}")
    tell_written("row", count, output, began)


def tell_written(what: str, count: int, output: Path, began: float) -> None:
    """Say how many of something a file has now; on stderr where the file is a device.

    Args:
        what: one of them, such as ``row``.
        count: of them.
        output: the file.
        began: by ``time.perf_counter``.
    """
    from hfdl.runs.texts import clean, format_seconds

    many = f"1 {what}" if count == 1 else f"{count:,} {what}s"
    line = f"wrote {many} to {output} in {format_seconds(time.perf_counter() - began)}"
    print(clean(line), file=sys.stderr) if is_special(output) else print_text(clean(line))


def print_all(given: Given, answer: Answer, *, readable: bool) -> None:
    """Answers on the terminal: the bar goes before they come, for both have the same lines."""
    from .answers import print_answers, write_json_lines

    for chunk in given.chunks:
        with working("predicting"):
            pairs = [*zip(chunk, answer(chunk), strict=True)]
        if readable:
            print_answers(pairs)
        else:
            write_json_lines(sys.stdout, pairs)


def print_lines(given: Given, answer: Answer) -> None:
    """A JSON line a text, on a stdout that is no terminal."""
    from .answers import write_json_lines

    with working("predicting"):
        for chunk in _counted(given):
            write_json_lines(sys.stdout, zip(chunk, answer(chunk), strict=True))
