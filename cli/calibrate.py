"""``hfdl calibrate``: make a classifier's scores as sure as they are right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .arguments.options import Json, Overrides, RunOrModel
from .printing.progress import working
from .printing.text import print_json, print_table, print_text

if TYPE_CHECKING:
    from hfdl.calibration.figures import Change
    from hfdl.calibration.result import Calibration

NOT_MADE = 1  # the exit code where the folder of --output was not made


def calibrate(
    run_or_model: RunOrModel,
    overrides: Overrides = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="A new folder for a calibrated copy; not made where nothing is gained (exit code "
            "1). Default: the run itself.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Measure, and write nothing.")] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Make a calibrated run what it was, bit for bit.")
    ] = False,
    json: Json = False,
) -> None:
    """Calibrate a classifier: divide its logits by one temperature.

    It is fitted on the validation split and folded into the last layer, so that pipelines,
    transformers and servers that open the folder answer calibrated. The answers stay; their
    scores change. Where they would become worse nothing is written.

    Exit code: 0 calibrated, or a run left as good as it was; 1 the folder of --output was not
    made, since the scores would become worse; 2 it cannot be calibrated.

    \b
    Examples:
      hfdl calibrate runs/sentiment
      hfdl calibrate runs/sentiment --dry-run
      hfdl calibrate runs/sentiment data.validation=mine.csv
      hfdl calibrate runs/sentiment --output runs/calibrated
      hfdl calibrate runs/sentiment --undo
    """
    if undo:
        _undo(run_or_model, alone=not (overrides or output or dry_run), json=json)
        return
    from hfdl.config.overrides import parse_overrides

    settings = parse_overrides(overrides or [])
    with working(f"opening {run_or_model}") as listener:
        from hfdl.calibration.calibrate import calibrate as calibrating

        found = calibrating(
            run_or_model, settings, output=output, save=not dry_run, listener=listener
        )
    if json:
        directory = None if found.directory is None else str(found.directory)
        print_json({"directory": directory, **found.to_dict()})
    else:
        _print(found, output, dry_run=dry_run)
    if output is not None and found.directory is None and not dry_run:
        raise typer.Exit(NOT_MADE)


def _undo(run: str, *, alone: bool, json: bool) -> None:
    if not alone:
        raise typer.BadParameter("--undo takes the run alone")
    with working(f"opening {run}"):
        from hfdl.calibration.calibrate import uncalibrate

        folder = uncalibrate(run)
    if json:
        print_json({"directory": str(folder), "temperature": 1.0})
    else:
        print_text(f"{folder} is what it was before hfdl calibrate")


def _print(found: Calibration, output: Path | None, *, dry_run: bool) -> None:
    from hfdl.calibration.figures import BINS_TEXT, FOLDS, NAMES
    from hfdl.errors import shell_path

    print_text(f"temperature {found.temperature:.4f}, fitted on the validation split")
    print()
    rows = [
        [split if number == 0 else "", NAMES[name], *_cells(change)]
        for split, one in found.splits.items()
        for number, (name, change) in enumerate(one.figures.items())
    ]
    print_table(["", "less is better", "before", "after", "change, 95 % interval"], rows)
    print()
    print_text(f"validation: cross-fitted in {FOLDS} folds; {BINS_TEXT}")
    for split, one in found.splits.items():
        chance = f"a perfectly calibrated model would show an error of {one.ece_by_chance:.4f}"
        print_text(f"{split}: {one.items:,} answers; {chance} by chance")
    print_text(found.said())
    for split, number in found.changed.items():
        if number:
            print_text(f"{split}: {number:,} answers to long texts changed")
    if found.directory is None:
        print_text(_nothing_written(output, dry_run))
    else:
        print_text(f"saved in {found.directory}")
        print_text(f"take it back: hfdl calibrate {shell_path(found.directory)} --undo")


def _nothing_written(output: Path | None, dry_run: bool) -> str:
    if dry_run:
        return "nothing was written (--dry-run)"
    if output is None:
        return "nothing was written: the run stays as it is"
    return f"nothing was written: {output} was not made (exit code {NOT_MADE})"


def _cells(change: Change) -> list[str]:
    ends = "-" if change.low is None else f"{change.low:+.4f} to {change.high:+.4f}"
    step = change.after - change.before
    return [f"{change.before:.4f}", f"{change.after:.4f}", f"{step:+.4f} ({ends})"]
