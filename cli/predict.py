"""``hfdl predict``: answers for texts, from a run's folder or any fine-tuned model."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from hfdl.errors import DataError, NotFiniteError

from .arguments.completion import complete_file
from .arguments.options import Encoding, Precision, RunOrModel, parsed
from .predicting.answering import Given, print_all, print_lines, write_file
from .predicting.model import open_pipeline
from .predicting.row_files import refuse_ending
from .printing.output_file import refuse_output
from .printing.progress import working

if TYPE_CHECKING:
    from hfdl.pipelines.protocol import Pipeline

    from .predicting.answering import Answer, Chunk
    from .predicting.texts import Input
CHUNK = 256
"""Texts that go to the model in one call; the pipeline cuts them into batches."""


def predict(
    run_or_model: RunOrModel,
    texts: Annotated[list[str] | None, typer.Argument(metavar="TEXT", help="Texts.")] = None,
    file: Annotated[
        str | None,
        typer.Option(
            metavar="F",
            help="A txt (a text a line), csv, tsv, json, jsonl, parquet or conll file; - is stdin.",
            autocompletion=complete_file,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="F",
            help="Write the rows with their answers here: F.csv, .tsv, .json, .jsonl or .parquet.",
        ),
    ] = None,
    line_numbers: Annotated[
        bool, typer.Option("--line-numbers", help="Begin each row with its line in the file.")
    ] = False,
    column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Column of the texts. Default: the run's own."),
    ] = None,
    encoding: Encoding = None,
    batch_size: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Texts in one forward pass.")
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="The N best labels, or tokens for a mask."),
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(metavar="T", help="Every label from this score on: 0.4, or '{rare: 0.3}'."),
    ] = None,
    stop: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="Ends what is written; again for more of them."),
    ] = None,
    scores: Annotated[
        bool, typer.Option("--scores", help="How probable what was written is, and each token.")
    ] = False,
    src_lang: Annotated[
        str | None, typer.Option(metavar="LANG", help="Language of TEXT, for translations.")
    ] = None,
    tgt_lang: Annotated[
        str | None, typer.Option(metavar="LANG", help="Language that is translated into.")
    ] = None,
    precision: Precision = "float32",
    json: Annotated[
        bool, typer.Option("--json", help="JSON lines on a terminal too, as in a pipe.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the --output file if it exists.")
    ] = False,
) -> None:
    """Print an answer for each text.

    A JSON line each; on a terminal a readable one, unless --json is given. With --output the rows
    of --file come back, all of their columns and the columns of the answers: prediction and score,
    predictions (several), or entities; in csv and tsv a list is JSON in its cell. A row without a
    text has no answer, and is counted. With no TEXT and no --file, texts are read from a pipe, a
    line each, and answered as they come: an answer a line, an empty one for a blank line.

    \b
    Examples:
      hfdl predict runs/sentiment "A warm and funny film." "A waste of time."
      hfdl predict runs/sentiment --file new.csv --column review --output a.csv
      tail -f messages.txt | hfdl predict runs/sentiment
      hfdl predict runs/sentiment --top-k 2 -- "-5 stars"
      hfdl predict runs/ner "Ann Smith moved to Paris." --json
      hfdl predict runs/ner --file words.conll --output answers.jsonl
      hfdl predict runs/clm "The harbour" --stop . --scores
      hfdl predict google-t5/t5-small "Good day." --src-lang en --tgt-lang de
    """
    _check_files(file, output, line_numbers=line_numbers, overwrite=overwrite)
    options: dict[str, Any] = {
        "batch_size": batch_size, "stop": stop or None, "return_scores": scores or None,
        "src_lang": src_lang, "tgt_lang": tgt_lang, "threshold": parsed(threshold),
        "precision": None if precision == "float32" else precision,
    }  # fmt: skip
    with working(f"opening {run_or_model}"):
        given = _given(run_or_model, texts, file, column, encoding)
        pipe = open_pipeline(run_or_model, options, top_k)
    call: dict[str, Any] = {} if top_k is None else {"top_k": top_k}
    if pipe.task == "token-classification":
        call["aggregation_strategy"] = "viterbi"  # what the run's own figures are of
    _write(given, pipe, _in_order(pipe, call), output, lines=line_numbers, json=json)


def _check_files(
    file: str | None, output: Path | None, *, line_numbers: bool, overwrite: bool
) -> None:
    """Refuse options on files that do not go together, and an output that must not be written."""
    if overwrite and output is None:
        raise typer.BadParameter("--overwrite is about the file of --output")
    if line_numbers and (output is None or file in (None, "-")):
        raise typer.BadParameter("--line-numbers are those of a --file, and go into an --output")
    if output is not None:
        refuse_ending(output)
        refuse_output(output, overwrite=overwrite, inputs=[file])


def _write(
    given: Given, pipe: Pipeline, answer: Answer, output: Path | None, *, lines: bool, json: bool
) -> None:
    """The answers where they are asked for: in a file, on a terminal, or in a pipe."""
    if output is not None:
        is_number = _is_regression(pipe)
        write_file(given, answer, output, is_number=is_number, with_lines=lines)
    elif sys.stdout.isatty():
        print_all(given, answer, readable=not json)
    else:
        print_lines(given, answer)
    from .errors import say

    if empty := given.empty_rows():
        say("note", empty)


def _in_order(pipe: Pipeline, call: dict[str, Any]) -> Answer:
    """From a chunk of texts, one after the other, to their answers."""
    done = 0

    def answer(chunk: Chunk) -> list[Any]:
        nonlocal done
        with _numbered_from(done, chunk):
            answers = _answers(pipe, chunk, call)
        done += len(chunk)
        return answers

    return answer


@contextmanager
def _numbered_from(done: int, chunk: Chunk) -> Iterator[None]:
    """While active, a text without an answer has its number among all, not in this chunk."""
    try:
        yield
    except NotFiniteError as error:
        if error.text:
            places = [place for place, text in enumerate(chunk) if text is not None]
            raise NotFiniteError(done + places[error.row], error.text) from None
        raise


def _is_regression(pipe: Pipeline) -> bool:
    config = getattr(getattr(pipe, "model", None), "config", None)
    return getattr(config, "problem_type", None) == "regression"


def _answers(pipe: Pipeline, chunk: Chunk, call: dict[str, Any]) -> list[Any]:
    """One answer a text, and None for none."""
    texts = [text for text in chunk if text is not None]
    answers = iter(_answered(pipe, texts, call) if texts else [])
    return [None if text is None else next(answers) for text in chunk]


def _answered(pipe: Pipeline, texts: list[Input], call: dict[str, Any]) -> list[Any]:
    """One answer a text; of a task whose answer is a list, under the list's name."""
    if isinstance(texts[0], list):
        _refuse_words(pipe)
        call = {**call, "is_split_into_words": True}
    if pipe.task == "fill-mask" and len(texts) == 1:
        return [pipe(texts[0], **call)]  # transformers' fill-mask takes a list of one for a text
    answers = pipe(texts, **call)
    if pipe.task == "token-classification":
        return [{"entities": entities} for entities in answers]
    if pipe.task == "text-generation":
        return [one[0] if len(one) == 1 else one for one in answers]
    return answers


def _given(
    run_or_model: str,
    texts: list[str] | None,
    file: str | None,
    column: str | None,
    encoding: str | None,
) -> Given:
    from .predicting.texts import PipedLines, file_rows

    if texts and file:
        raise typer.BadParameter("give TEXT or --file, not both")
    if column and (file is None or file == "-"):
        raise typer.BadParameter("--column is the column of a --file")
    if texts:
        read = [_in_utf8(text, number) for number, text in enumerate(texts, start=1)]
        return Given(_chunks(read), len(read))
    if file is not None and file != "-":
        source = file_rows(Path(file), column, run_or_model, encoding)
        return Given(_chunks(source.inputs), len(source.inputs), source)
    if file is None and sys.stdin.isatty():
        raise typer.BadParameter("give a TEXT or --file, or pipe texts in")
    stream = cast(BufferedReader, sys.stdin.buffer)
    lines = PipedLines(stream)
    return Given((chunk for some in lines for chunk in _chunks(some)), lines=lines)


def _in_utf8(text: str, number: int) -> str:
    """An argument's bytes as UTF-8, whatever the locale has made of them."""
    if text.isascii():
        return text
    try:
        return os.fsencode(text).decode("utf-8")
    except UnicodeError as error:
        raise DataError(
            f"text {number} is not UTF-8 ({error})",
            rule="a text is UTF-8",
            remedy="give the text in a file that is UTF-8",
        ) from None


def _chunks(texts: Sequence[Input | None]) -> Iterator[Chunk]:
    return (list(texts[start : start + CHUNK]) for start in range(0, len(texts), CHUNK))


def _refuse_words(pipe: Pipeline) -> None:
    if pipe.task != "token-classification":
        raise DataError(
            f"{pipe.task} reads texts, and this column holds lists of words",
            where="--file",
            rule="words are read by a model that tags them",
            remedy="name a column of texts: --column NAME",
        )
