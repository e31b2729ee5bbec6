"""``hfdl train``: fine-tune a model as a recipe says."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .arguments.completion import complete_recipe
from .arguments.options import Json, Overrides
from .continuing import command_line, continue_run, continued_by
from .printing.progress import working
from .printing.text import print_json

if TYPE_CHECKING:
    from hfdl.runs.run import Run
    from hfdl.training.events import Event


def train(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE",
            help="A shipped name, a YAML file or a run's folder.",
            autocompletion=complete_recipe,
        ),
    ],
    overrides: Overrides = None,
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
    json: Json = False,
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
    if seeds is not None and dry_run:
        raise typer.BadParameter("--dry-run plans one run: leave --seeds out")
    command = _Command(
        recipe, overrides or [], output, processes,
        {"--resume": resume, "--overwrite": overwrite, "--dry-run": dry_run, "--json": json},
    )  # fmt: skip
    if seeds is not None:
        _train_seeds(command, seeds)
    elif processes > 1:
        _launch(command)
    elif dry_run:
        _plan(command)
    else:
        _train(command)


@dataclass(frozen=True)
class _Command:
    """What was typed, apart from ``--seeds``."""

    recipe: str
    overrides: list[str]
    output: Path | None
    processes: int
    flags: dict[str, bool]

    @property
    def together(self) -> list[str]:
        """The option of several processes, where there are several."""
        return ["--processes", str(self.processes)] if self.processes > 1 else []

    @property
    def settings(self) -> dict[str, Any]:
        """The overrides, parsed."""
        from hfdl.config.overrides import parse_overrides

        return parse_overrides(self.overrides)

    @property
    def run_options(self) -> dict[str, Any]:
        """What ``hfdl.train`` is told of the run's folder."""
        resume, overwrite = self.flags["--resume"], self.flags["--overwrite"]
        return {"output": self.output, "resume": resume, "overwrite": overwrite}


def _train(command: _Command) -> None:
    from hfdl.training.distributed.launched import is_first_process

    # Of several processes the first one speaks.
    is_first = is_first_process()
    with working(f"reading {command.recipe}", None if is_first else StringIO()) as listener:
        from hfdl.runs import run

        done = _together(
            lambda: run.train(
                command.recipe, command.settings, **command.run_options, listener=listener
            )
        )
    if not is_first:
        return
    if command.flags["--json"]:
        print_json({"directory": str(done.directory), "metrics": done.metrics})
        return
    from .printing.summary import print_summary

    print_summary(done.directory, done.metrics)


def _train_seeds(command: _Command, seeds: int) -> None:
    from .printing.summary import print_seeds

    words = ["hfdl", "train", command.recipe, *command.overrides, "--seeds", str(seeds)]
    flags = ["--resume", *command.together]

    def launched(settings: dict[str, Any], path: Path, resume: bool, overwrite: bool) -> None:
        seed = f"train.seed={settings['train.seed']}"
        own_flags = {"--resume": resume, "--overwrite": overwrite}
        again = command_line(words, path.parent, *flags)
        if code := _run_processes(command, [seed], path, own_flags, again, path.parent):
            raise typer.Exit(code)

    with (
        working(f"reading {command.recipe}") as listener,
        continued_by(words, *flags, above=1),
    ):
        from hfdl.runs.seeds import train_seeds

        done = train_seeds(
            command.recipe, command.settings, seeds=seeds, **command.run_options,
            listener=listener, train_one=launched if command.processes > 1 else None,
        )  # fmt: skip
    if command.flags["--json"]:
        print_json({"directory": str(done.directory), **done.as_dict()})
    else:
        print_seeds(done)


def _together(train: Callable[[], Run]) -> Run:
    """Train, and leave the processes that trained along at the same moment."""
    from hfdl.training.distributed.launched import launched_processes, leave
    from hfdl.training.events import Interrupted

    if launched_processes() == 1:
        return train()
    try:
        done = train()
    except Interrupted:  # all of them stop at the same update
        leave()
        raise
    leave()
    return done


def _plan(command: _Command) -> None:
    from hfdl.runs.console import console_listener

    said: list[Event] = []
    with working(f"reading {command.recipe}") as console:
        from hfdl.runs import run

        planned = run.plan(command.recipe, command.settings, listener=said.append)
        if command.flags["--json"]:
            for event in said:
                console(event)
    if command.flags["--json"]:
        print_json(planned.as_record())
        return
    with console_listener(sys.stdout) as listener:
        for event in said:
            listener(event)


def _launch(command: _Command) -> None:
    """Check the recipe once, here, and let the processes run the command."""
    from hfdl.config.load import load_recipe
    from hfdl.runs.ingredients import refuse_graph
    from hfdl.runs.outputs import RECIPE, RunFolder, output_folder

    refuse_graph(command.recipe)
    load_recipe(command.recipe, command.settings)
    # Named here, for the default holds the time and the processes must agree on one folder.
    with output_folder(command.output, command.recipe) as folder:
        resume, overwrite = command.flags["--resume"], command.flags["--overwrite"]
        with RunFolder(folder).claimed(resume=resume, overwrite=overwrite):
            pass  # the first process holds it; a mistake is told here, before any is started
        again = continue_run(folder, *command.together)
        code = _run_processes(command, [], folder, command.flags, again, folder / RECIPE)
    raise typer.Exit(code)


def _run_processes(
    command: _Command,
    more: list[str],
    folder: Path,
    flags: dict[str, bool],
    again: str,
    proof: Path,
) -> int:
    """The command in several processes, with more overrides and other flags; its exit code.

    Args:
        again: the command that continues it, once ``proof`` is there.
    """
    from hfdl.training.distributed.launch import launch

    words = ["train", command.recipe, *command.overrides, *more, "--output", str(folder)]
    words += [flag for flag, is_set in flags.items() if is_set]
    return launch(words, command.processes, continue_with=again, run=proof)
