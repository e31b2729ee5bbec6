"""``hfdl train``: fine-tune a model as a recipe says."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import OVERRIDE, print_json

if TYPE_CHECKING:
    from hfdl.runs.run import Run


def train(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="A shipped name, a YAML file or a run's folder.")
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar=OVERRIDE, help="Keys of the recipe; key=null clears one."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The run's folder. Default: runs/NAME-DATE-TIME."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the run in --output from its checkpoint.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the run in --output.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Time a few updates, print the plan with its cost, write nothing."
        ),
    ] = False,
    processes: Annotated[
        int, typer.Option(metavar="N", min=1, help="Processes that train together on this machine.")
    ] = 1,
    seeds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Train N times, from train.seed on, and print mean, sd and a 95 % interval.",
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON; progress stays on stderr.")
    ] = False,
) -> None:
    """Fine-tune a model as a recipe says.

    \b
    Examples:
      hfdl train sentiment --output runs/sentiment
      hfdl train sentiment data.train=reviews.csv data.text=review train.epochs=1
      hfdl train sentiment train.batch_size=64 --dry-run
      hfdl train sentiment --seeds 3 --output runs/three
      hfdl train my-recipe.yaml --output runs/mine --processes 2
      hfdl train runs/mine --output runs/mine --resume
    """
    if resume and overwrite:
        raise typer.BadParameter("--resume and --overwrite exclude each other")
    if resume and output is None:
        raise typer.BadParameter("--resume needs --output, the folder of the run to continue")
    if seeds is not None:
        if dry_run:
            raise typer.BadParameter("--dry-run plans one run: leave --seeds out")
        _train_seeds(recipe, overrides or [], output, seeds, resume, overwrite, json, processes)
        return
    if processes > 1:
        flags = {
            "--resume": resume, "--overwrite": overwrite, "--dry-run": dry_run, "--json": json,
        }  # fmt: skip
        _launch(recipe, overrides or [], output, flags, processes)
    settings = _parse(overrides)
    if dry_run:
        _plan(recipe, settings, json)
    else:
        _train(recipe, settings, output, resume, overwrite, json)


def _parse(overrides: list[str] | None) -> dict[str, Any]:
    from hfdl.config.overrides import parse_overrides

    return parse_overrides(overrides or [])


def _train(
    recipe: str,
    settings: dict[str, Any],
    output: Path | None,
    resume: bool,
    overwrite: bool,
    json: bool,
) -> None:
    from hfdl.runs import run
    from hfdl.runs.console import console_listener

    # Of several processes the first one speaks.
    is_first = os.environ.get("RANK", "0") == "0"
    with console_listener(None if is_first else StringIO()) as listener:
        done = _together(
            lambda: run.train(
                recipe, settings, output=output, resume=resume, overwrite=overwrite,
                listener=listener,
            )
        )  # fmt: skip
    if not is_first:
        return
    if json:
        print_json({"directory": str(done.directory), "metrics": done.metrics})
        return
    from .summary import print_summary

    print_summary(done.directory, done.metrics)


def _train_seeds(
    recipe: str,
    overrides: list[str],
    output: Path | None,
    seeds: int,
    resume: bool,
    overwrite: bool,
    json: bool,
    processes: int,
) -> None:
    from hfdl.runs.console import console_listener
    from hfdl.runs.seeds import train_seeds

    from .seeds import print_seeds

    def launched(settings: dict[str, Any], path: Path, resume: bool, overwrite: bool) -> None:
        from hfdl.training.launch import launch

        flags = [f for f, is_set in (("--resume", resume), ("--overwrite", overwrite)) if is_set]
        seed = f"train.seed={settings['train.seed']}"
        words = ["train", recipe, *overrides, seed, "--output", str(path), *flags]
        if code := launch(words, processes):
            raise typer.Exit(code)

    with console_listener() as listener:
        done = train_seeds(
            recipe, _parse(overrides), seeds=seeds, output=output, resume=resume,
            overwrite=overwrite, listener=listener,
            train_one=launched if processes > 1 else None,
        )  # fmt: skip
    if json:
        print_json({"directory": str(done.directory), **done.as_dict()})
    else:
        print_seeds(done)


def _together(train: Callable[[], Run]) -> Run:
    """Train, and leave the processes that trained along at the same moment."""
    from hfdl.training.events import Interrupted
    from hfdl.training.launch import leave

    if os.environ.get("WORLD_SIZE", "1") == "1":
        return train()
    try:
        done = train()
    except Interrupted:  # all of them stop at the same update
        leave()
        raise
    leave()
    return done


def _plan(recipe: str, settings: dict[str, Any], json: bool) -> None:
    import sys

    from hfdl.runs import run
    from hfdl.runs.console import console_listener

    if json:
        print_json(run.plan(recipe, settings).as_record())
        return
    with console_listener(sys.stdout) as listener:
        run.plan(recipe, settings, listener=listener)


def _launch(
    recipe: str, overrides: list[str], output: Path | None, flags: dict[str, bool], processes: int
) -> None:
    """Check the recipe once, here, and let the processes run the command."""
    from hfdl.config.load import load_recipe
    from hfdl.runs.outputs import default_output
    from hfdl.training.launch import launch

    load_recipe(recipe, _parse(overrides))
    # Named here, for the default holds the time and the processes must agree on one folder.
    folder = output or default_output(recipe)
    arguments = ["train", recipe, *overrides, "--output", str(folder)]
    code = launch(arguments + [flag for flag, is_set in flags.items() if is_set], processes)
    raise typer.Exit(code)
