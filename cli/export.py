"""``hfdl export``: a trained model as a graph in ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .arguments.options import Json, Overrides, RunOrModel
from .printing.progress import working
from .printing.text import file_size, print_json, print_text

if TYPE_CHECKING:
    from hfdl.exporting.result import Exported


def export(
    run_or_model: RunOrModel,
    overrides: Overrides = None,
    format: Annotated[
        str, typer.Option("--format", metavar="NAME", help="onnx, and no other yet.")
    ] = "onnx",
    task: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="feature-extraction: vectors, without the head."),
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="Products with weights in 8-bit integers.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A new folder. Default: RUN-onnx, or RUN-onnx-int8."),
    ] = None,
    json: Json = False,
) -> None:
    """Write a model as a graph that onnxruntime runs.

    The graph is checked first: it and the model answer the validation split, and where a score
    differs by more than 1e-4 nothing is written. The folder holds tokenizer, config and recipe,
    too, so that hfdl predict and pipelines open it as they open a run.

    \b
    Examples:
      hfdl export runs/sentiment
      hfdl export runs/sentiment --int8 --output runs/small
      hfdl predict runs/sentiment-onnx "A warm and funny film."
    """
    from hfdl.config.overrides import parse_overrides

    settings = parse_overrides(overrides or [])
    with working(f"opening {run_or_model}") as listener:
        from hfdl.exporting.export import export as exporting

        found = exporting(
            run_or_model,
            settings,
            format=format,
            task=task,
            int8=int8,
            output=output,
            listener=listener,
        )
    if json:
        print_json({"directory": str(found.directory), **found.to_dict()})
    else:
        _print(found)


def _print(found: Exported) -> None:
    for line in found.lines():
        print_text(line)
    print_text(f"saved in {found.directory}: {file_size(found.size)}")
