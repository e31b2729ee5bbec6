"""``hfdl evaluate``: measure a saved model on held-out data."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from .arguments.completion import complete_file_or_key
from .arguments.options import Json, Precision, RunOrModel
from .printing.progress import working
from .printing.text import print_json, print_metrics, print_text

_HELD_OUT = ("data.test", "data.validation")


def evaluate(
    run_or_model: RunOrModel,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE] [KEY=VALUE]...",
            help="Labelled data, as data.test=FILE; and keys of the recipe.",
            autocompletion=complete_file_or_key,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="A new folder for figures, predictions, mistakes and report. "
            "Default, of data of your own: runs/evaluate-NAME-DATE-TIME.",
        ),
    ] = None,
    precision: Precision = "float32",
    json: Json = False,
) -> None:
    """Measure a saved model on held-out data.

    On data of your own it leaves a folder, with metrics.json, predictions.jsonl, mistakes.jsonl
    (the worst first) and report.html; the run's own files stay what they are. With --precision
    int8 it also answers in float32, and says what int8 costs on these examples.

    \b
    Examples:
      hfdl evaluate runs/sentiment
      hfdl evaluate runs/sentiment mine.csv data.label=verdict
      hfdl evaluate runs/sentiment data.test=mine.csv --output runs/mine
      hfdl evaluate runs/sentiment --precision int8
      hfdl evaluate runs/sentiment --json
    """
    settings = _settings(arguments or [])
    with working(f"opening {run_or_model}") as listener:
        from hfdl.runs import run

        folder = output or _folder(run_or_model, settings)
        options: dict[str, Any] = {} if folder is None else {"output": folder}
        scores = run.evaluate(
            run_or_model, settings, precision=precision, listener=listener, **options
        )
    if json:
        print_json(scores)
        return
    print_metrics(scores)
    from .printing.summary import print_guesses, print_intervals, print_mistakes

    for cost in getattr(scores, "costs", []):
        print_text(cost.line())
    print_intervals(getattr(scores, "intervals", []))
    print_guesses(getattr(scores, "guesses", []))
    print_mistakes(getattr(scores, "mistakes", []))
    if folder is not None:
        print()
        files = "report.html, metrics.json, predictions.jsonl, mistakes.jsonl"
        print_text(f"saved in {folder}: {files}")


def _settings(arguments: list[str]) -> dict[str, Any]:
    """The overrides; a first argument that is none is the file."""
    from hfdl.config.overrides import parse_overrides

    is_file = bool(arguments) and ("=" not in arguments[0] or Path(arguments[0]).exists())
    settings = parse_overrides(arguments[1:] if is_file else arguments)
    if not is_file:
        return settings
    if "data.test" in settings:
        raise typer.BadParameter("give FILE or data.test=FILE, not both")
    return {"data.test": arguments[0], **settings}


def _folder(run_or_model: str, settings: dict[str, Any]) -> Path | None:
    """A folder that is not there yet, for data that are not the run's own."""
    if not any(key in settings for key in _HELD_OUT):
        return None
    name = Path(run_or_model).name or "model"
    stem = Path("runs") / f"evaluate-{name}-{datetime.now():%Y%m%d-%H%M%S}"
    others = (stem.with_name(f"{stem.name}-{number}") for number in range(2, 1000))
    return next(path for path in (stem, *others) if not path.exists())
