"""``hfdl report``: the page of a run, or of several side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hfdl.progress import tell

from .arguments.completion import complete_run
from .arguments.options import Json
from .printing.output_file import refuse_output, written_aside
from .printing.progress import working
from .printing.text import print_json, print_saved


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Folders of runs, of evaluations, or of runs with several seeds.",
            autocompletion=complete_run,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The page. Default: report.html in RUN; of several, report.html here.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace FILE if it exists.")
    ] = False,
    json: Json = False,
) -> None:
    """Write a run's report anew, or one page that compares several.

    One page, without scripts, that needs no network. Of several runs it shows the figures with
    intervals, the curves, and the settings that differ.

    \b
    Examples:
      hfdl report runs/sentiment
      hfdl report runs/sentiment --output sentiment.html
      hfdl report runs/sentiment runs/mine --output both.html
      hfdl report runs/three-seeds
    """
    page = output or _default(runs)
    if output is not None or len(runs) > 1:
        refuse_output(page, overwrite=overwrite)
    with working(f"reading {', '.join(map(str, runs))}"):
        from hfdl.report import write_report, write_side_by_side
        from hfdl.report.compared.members import is_group

        tell(f"writing {page}")
        alone = len(runs) == 1 and not is_group(runs[0])
        with written_aside(page) as aside:
            if alone:
                write_report(runs[0], aside)
            else:
                write_side_by_side(runs, aside)
    if json:
        print_json({"page": str(page)})
    else:
        print_saved(page)


def _default(runs: list[Path]) -> Path:
    """A run's own page; of several a file of the current folder."""
    return runs[0] / "report.html" if len(runs) == 1 else Path("report.html")
