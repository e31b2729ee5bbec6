"""``hfdl predict``: answers for texts, from a run's folder or any fine-tuned model."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from hfdl.errors import DataError, ModelError, NotFiniteError

from .options import RunOrModel
from .output_file import refuse_output

if TYPE_CHECKING:
    from hfdl.pipelines.protocol import Pipeline

    from .texts import Input

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
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="F", help="Write JSON lines here. Default: stdout.")
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Column of the texts. Default: the run's own."),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Texts in one forward pass.")
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="The N best labels, or tokens for a mask."),
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
    json: Annotated[
        bool, typer.Option("--json", help="JSON lines on a terminal too, as in a pipe.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the --output file if it exists.")
    ] = False,
) -> None:
    """Print an answer for each text.

    A JSON line each; on a terminal a readable one, unless --json or --output is given.
    With no TEXT and no --file, texts are read from a pipe, a line each, and answered as they come.

    \b
    Examples:
      hfdl predict runs/sentiment "A film to see twice." "A waste of an evening."
      hfdl predict runs/sentiment --file reviews.csv --column review --output answers.jsonl
      tail -f messages.txt | hfdl predict runs/sentiment
      hfdl predict runs/sentiment --top-k 2 -- "-5 stars"
      hfdl predict runs/ner "Ann Smith moved to Paris." --json
      hfdl predict runs/ner --file words.conll --output answers.jsonl
      hfdl predict runs/clm "The harbour" --stop . --scores
      hfdl predict google-t5/t5-small "Good day." --src-lang en --tgt-lang de
    """
    _refuse_table_output(output)
    if output is not None:
        refuse_output(output, overwrite=overwrite, inputs=[file])
    batches = _batches(run_or_model, texts, file, column)
    options: dict[str, Any] = {
        "batch_size": batch_size, "stop": stop or None, "return_scores": scores or None,
        "src_lang": src_lang, "tgt_lang": tgt_lang,
    }  # fmt: skip
    options = {name: value for name, value in options.items() if value is not None}
    pipe = _pipeline(run_or_model, options)
    _refuse_vectors(pipe, run_or_model)
    _refuse_top_k(top_k, pipe)
    from .answers import open_answers

    call: dict[str, Any] = {} if top_k is None else {"top_k": top_k}
    if pipe.task == "token-classification":
        call["aggregation_strategy"] = "viterbi"  # what the run's own figures are of
    is_readable = output is None and not json and sys.stdout.isatty()
    with open_answers(output, readable=is_readable) as write:
        done = 0
        for batch in batches:
            with _numbered_from(done):
                answers = _answers(pipe, batch, call)
            write(zip(batch, answers, strict=True))
            done += len(batch)


@contextmanager
def _numbered_from(done: int) -> Iterator[None]:
    """While active, a text without an answer has its number among all, not in this batch."""
    try:
        yield
    except NotFiniteError as error:
        if error.text:
            raise NotFiniteError(done + error.row, error.text) from None
        raise


_OF_WRITERS = ("stop", "return_scores")
_OF_TRANSLATORS = ("src_lang", "tgt_lang")


def _pipeline(run_or_model: str, options: dict[str, Any]) -> Pipeline:
    """The model's pipeline, after refusing options that are another task's."""
    from hfdl.pipelines import pipeline
    from hfdl.pipelines.open_model import locate
    from hfdl.tasks.registry import known_spec

    if not {*_OF_WRITERS, *_OF_TRANSLATORS} & options.keys():
        return pipeline(None, model=run_or_model, **options)
    located = locate(run_or_model)
    spec = known_spec(located.task)
    translates = spec.rows == "pairs"
    refused = () if translates else _OF_TRANSLATORS
    if not (translates or spec.hub_task == "text-generation"):
        refused = (*_OF_WRITERS, *_OF_TRANSLATORS)
    for name in refused:
        if name in options:
            flag = "--scores" if name == "return_scores" else "--" + name.replace("_", "-")
            what = "a model that translates" if name in _OF_TRANSLATORS else "one that writes texts"
            raise typer.BadParameter(f"{flag} is for {what}, and this one is for {spec.name}")
    return pipeline(located.task, model=located, **options)


def _answers(pipe: Pipeline, texts: list[Input], call: dict[str, Any]) -> list[Any]:
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


def _batches(
    run_or_model: str, texts: list[str] | None, file: str | None, column: str | None
) -> Iterator[list[Input]]:
    from .texts import file_texts, stdin_texts

    if texts and file:
        raise typer.BadParameter("give TEXT or --file, not both")
    if column and (file is None or file == "-"):
        raise typer.BadParameter("--column is the column of a --file")
    if texts:
        return _chunks(texts)
    if file is not None and file != "-":
        return _chunks(file_texts(Path(file), column, run_or_model))
    if file is None and sys.stdin.isatty():
        raise typer.BadParameter("give a TEXT or --file, or pipe texts in")
    stream = cast(BufferedReader, sys.stdin.buffer)
    return (chunk for lines in stdin_texts(stream) for chunk in _chunks(lines))


def _chunks(texts: Sequence[Input]) -> Iterator[list[Input]]:
    return (list(texts[start : start + CHUNK]) for start in range(0, len(texts), CHUNK))


def _refuse_words(pipe: Pipeline) -> None:
    if pipe.task != "token-classification":
        raise DataError(
            f"{pipe.task} reads texts, and this column holds lists of words",
            where="--file",
            rule="words are read by a model that tags them",
            remedy="name a column of texts: --column NAME",
        )


def _refuse_vectors(pipe: Pipeline, model: str) -> None:
    if pipe.task == "sentence-similarity":
        raise ModelError(
            "the model makes vectors of texts, and has no answers",
            where=model,
            rule="only a fine-tuned model can predict",
            remedy=f"for the vectors: hfdl embed {shlex.quote(model)} TEXT; to fine-tune it: "
            f"hfdl train RECIPE model.name={shlex.quote(model)}",
        )


def _refuse_top_k(top_k: int | None, pipe: Pipeline) -> None:
    from hfdl.tasks.registry import known_spec

    reason = known_spec(pipe.task).without_top_k
    if top_k is not None and reason is not None:
        raise typer.BadParameter(f"--top-k chooses among labels, and {reason}")


def _refuse_table_output(output: Path | None) -> None:
    if output and output.suffix.lower() in (".csv", ".tsv", ".parquet", ".xlsx"):
        raise typer.BadParameter(f"--output writes JSON lines: name it {output.stem}.jsonl")
