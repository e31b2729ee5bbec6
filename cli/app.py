"""The commands, one file each. Their bodies import what they need, so that --help is quick."""

from __future__ import annotations

from typing import Annotated

import typer

from .attention import attention
from .calibrate import calibrate
from .compare import compare
from .data import data_app
from .demo import demo
from .diff import diff
from .embed import embed
from .evaluate import evaluate
from .export import export
from .info import info
from .predict import predict
from .printing.text import show_help
from .push import push
from .recipes import recipes_app
from .report import report
from .serve import serve
from .train import train
from .tune import tune
from .verify import verify

_SHARED = ("train", "compare")
"""The commands that several processes do together."""

app = typer.Typer(
    name="hfdl",
    # Plain help keeps the examples as they are written, and costs no import of rich.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        from hfdl.distribution import DISTRIBUTION

        _warn_of_namesake()
        print(f"hfdl {version(DISTRIBUTION)}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def hfdl(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Fine-tune transformers, and read them: every part from scratch, proven equal.

    \b
    Examples:
      hfdl train sentiment --output runs/sentiment
      hfdl predict runs/sentiment "A warm and funny film."
      hfdl evaluate runs/sentiment data.test=mine.csv
      hfdl train sentiment data.train=reviews.csv train.epochs=1
      hfdl report runs/sentiment runs/mine --output both.html
      hfdl embed runs/sentiment --file texts.txt --output vectors.npy
      hfdl serve runs/sentiment
      hfdl demo runs/sentiment
      hfdl recipes list
      hfdl tune sentiment 'search.train.learning_rate={low: 1e-5, high: 1e-4}'
      hfdl compare sentiment --output runs/eras
      hfdl verify sentence-transformers/all-MiniLM-L6-v2
      hfdl attention runs/sentiment "Not bad at all." --output heads.html
      hfdl push runs/sentiment my-sentiment --dry-run
    """
    _leave_to_the_first(context.invoked_subcommand)
    _warn_of_namesake()
    show_help(context)


def _warn_of_namesake() -> None:
    """Say that another project's package of this name lies in the same folder."""
    from hfdl.distribution import namesake_warning

    if warning := namesake_warning():
        from .errors import say

        say("warning", warning)


def _leave_to_the_first(command: str | None) -> None:
    """Of processes that torchrun or accelerate started, let one do what several cannot share.

    Raises:
        Exit: this is another one.
    """
    if command in (None, *_SHARED):
        return
    from hfdl.training.distributed.launched import is_first_process, launched_processes

    if launched_processes() == 1:
        return
    if not is_first_process():
        raise typer.Exit
    from .errors import say

    say("note", f"hfdl {command} runs in the first of {launched_processes()} processes alone")


app.command()(train)
app.command()(evaluate)
app.command()(calibrate)
app.command()(export)
app.command()(predict)
app.command()(embed)
app.command()(report)
app.command()(serve)
app.command()(demo)
app.command()(diff)
app.command()(tune)
app.command()(compare)
app.command()(verify)
app.command()(attention)
app.command()(push)
app.add_typer(recipes_app)
app.add_typer(data_app)
app.command()(info)
