"""``hfdl report``: the page of a run, or of several side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hfdl.progress import tell

from .completion import complete_run
from .options import Json
from .output import print_json, print_saved
from .output_file import refuse_output, written_aside
from .progress import working


def report(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN",
            help="A run's folder, or that of an evaluation.",
            autocompletion=complete_run,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The page. Default: report.html in RUN."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace FILE if it exists.")
    ] = False,
    json: Json = False,
) -> None:
    """Write the report of a run anew, from the files in its folder.

    The page is one file, without scripts, that needs no network.

    \b
    Examples:
      hfdl report runs/sentiment
      hfdl report runs/sentiment --output sentiment.html
      hfdl report runs/evaluate-sentiment-20260102-030405
    """
    if output is not None:
        refuse_output(output, overwrite=overwrite)
    with working(f"reading {run}"):
        from hfdl.report import write_report

        page = output or run / "report.html"
        tell(f"writing {page}")
        with written_aside(page) as aside:
            write_report(run, aside)
    if json:
        print_json({"page": str(page)})
    else:
        print_saved(page)
