"""``hfdl embed``: vectors of texts, and the texts that are nearest to a query."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .arguments.completion import complete_file
from .arguments.options import Encoding, Precision, RunOrModel
from .errors import say
from .predicting.answering import tell_written
from .predicting.answers import open_answers
from .predicting.vectors import SUFFIXES, open_vectors, plain_texts, print_nearest
from .printing.output_file import refuse_output
from .printing.progress import working

if TYPE_CHECKING:
    from hfdl.pipelines.embeddings.similarity import SentenceSimilarityPipeline

_TOP_K = 5


def embed(
    run_or_model: RunOrModel,
    texts: Annotated[list[str] | None, typer.Argument(metavar="TEXT", help="Texts.")] = None,
    file: Annotated[
        str | None,
        typer.Option(
            metavar="F",
            help="A txt (a text a line), csv, tsv, json, jsonl or parquet; - is stdin.",
            autocompletion=complete_file,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="F", help="An npy, jsonl, csv or parquet file. Default: stdout."),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Column of the texts. Default: the run's own."),
    ] = None,
    query: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="Print the texts nearest to this one; may be repeated."),
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help=f"How many texts a query gets. Default: {_TOP_K}."),
    ] = None,
    prompt_name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="One of the model's prompts. Default: its default."),
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help="A text put in front of each.")
    ] = None,
    normalize: Annotated[
        bool, typer.Option("--normalize", help="Vectors of length 1, if the model's are not.")
    ] = False,
    truncate_dim: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Keep N numbers of each vector.")
    ] = None,
    pooling: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="mean, cls, max, lasttoken, ... Default: as the model says."
        ),
    ] = None,
    max_length: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Tokens of a text. Default: the model's limit."),
    ] = None,
    encoding: Encoding = None,
    batch_size: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Texts in one forward pass.")
    ] = None,
    precision: Precision = "float32",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the --output file if it exists.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="JSON lines on a terminal too, as in a pipe.")
    ] = False,
) -> None:
    """Turn texts into vectors, or find the texts nearest to a query.

    The model's own files say how (modules.json, as sentence-transformers writes it); without them
    a vector is the mean of a text's tokens.

    \b
    Examples:
      hfdl embed sentence-transformers/all-MiniLM-L6-v2 "A warm and funny film."
      hfdl embed runs/sentiment --file texts.txt --output vectors.npy
      hfdl embed runs/sentiment --file new.csv --column review --output v.parquet
      hfdl embed runs/sentiment --file texts.txt --query "Is it open?"
    """
    _check(output, query, top_k)
    if output is not None:
        refuse_output(output, overwrite=overwrite, inputs=[file])
    with working(f"opening {run_or_model}"):
        batches = plain_texts(run_or_model, texts, file, column, encoding)
        from hfdl.pipelines.embeddings.similarity import SentenceSimilarityPipeline

        pipe = SentenceSimilarityPipeline(
            run_or_model, pooling=pooling, max_length=max_length, batch_size=batch_size,
            precision=precision,
        )  # fmt: skip
    for note in pipe.notes:
        say("note", note)
    options: dict[str, Any] = {
        "prompt_name": prompt_name, "prompt": prompt, "normalize_embeddings": normalize,
        "truncate_dim": truncate_dim,
    }  # fmt: skip
    is_readable = output is None and not json and sys.stdout.isatty()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # said below, of all texts at once
        if query:
            _search(pipe, batches, query, top_k or _TOP_K, options, output, is_readable)
        else:
            _write_vectors(pipe, batches, options, output, is_readable)
    if line := pipe.cut_line():
        say("note", line)


def _write_vectors(
    pipe: SentenceSimilarityPipeline,
    batches: Iterator[list[str]],
    options: dict[str, Any],
    output: Path | None,
    is_readable: bool,
) -> None:
    """A vector for each text, as they come."""
    width = options["truncate_dim"] or pipe.dimension
    began, count = time.perf_counter(), 0
    with open_vectors(output, readable=is_readable, dimension=width) as write:
        for batch in batches:
            write(batch, pipe.encode(batch, **options))
            count += len(batch)
    if output is not None:
        tell_written("row", count, output, began)


def _search(
    pipe: SentenceSimilarityPipeline,
    batches: Iterator[list[str]],
    queries: list[str],
    top_k: int,
    options: dict[str, Any],
    output: Path | None,
    is_readable: bool,
) -> None:
    """A JSON line for each text that a query gets; or the query, and its texts below it."""
    texts = [text for batch in batches for text in batch]
    found = pipe.search(queries, texts, top_k=top_k, **options)
    answers = [
        (query, {"query": query, "score": hit["score"], "row": hit["corpus_id"]}, hit["corpus_id"])
        for query, hits in zip(queries, found, strict=True)
        for hit in hits
    ]
    if is_readable:
        print_nearest([(query, answer["score"], texts[row]) for query, answer, row in answers])
        return
    began = time.perf_counter()
    with open_answers(output, readable=False) as write:
        write((texts[row], answer) for _, answer, row in answers)
    if output is not None:
        tell_written("row", len(answers), output, began)


def _check(output: Path | None, query: list[str] | None, top_k: int | None) -> None:
    if top_k is not None and not query:
        raise typer.BadParameter("--top-k is how many texts a --query gets")
    suffix = "" if output is None else output.suffix.lower()
    if query and suffix in SUFFIXES and suffix != ".jsonl":
        raise typer.BadParameter("of a --query the --output is JSON lines: name it NAME.jsonl")
    is_device = output is not None and output.exists() and not output.is_file()
    if output is not None and suffix not in SUFFIXES and not is_device:
        raise typer.BadParameter(f"--output ends in one of {', '.join(SUFFIXES)}")
