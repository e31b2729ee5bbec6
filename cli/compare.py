"""``hfdl compare``: the same task in every era, in one table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .arguments.completion import complete_compared
from .arguments.options import Json, Overrides
from .continuing import continued_by
from .printing.progress import working
from .printing.text import print_json, print_saved, print_table, print_text

if TYPE_CHECKING:
    from hfdl.runs.comparison import Comparison, Row


def compare(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="sentiment or ner.",
            autocompletion=complete_compared,
        ),
    ],
    overrides: Overrides = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The folder of all runs; those that stand there are used. "
            "Default: runs/compare-NAME-DATE-TIME.",
        ),
    ] = None,
    eras: Annotated[
        str | None, typer.Option(metavar="A,B", help="Only these eras. Default: all.")
    ] = None,
    seeds: Annotated[
        int, typer.Option(metavar="N", min=1, help="Train each N times, from train.seed on.")
    ] = 1,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Print what each run prints, not a line an era.")
    ] = False,
    json: Json = False,
) -> None:
    """Train a model of every era on the same task; print one table.

    From counts of words to a pretrained transformer, on the same data and the same loop. The table
    and its charts are saved as table.json and compare.html. Called again with the same --output it
    goes on where it was. To compare two runs that you have, see hfdl diff.

    \b
    Examples:
      hfdl compare sentiment --output runs/eras
      hfdl compare sentiment data.train=a.tsv data.validation=b.tsv --seeds 3
      hfdl compare sentiment --eras bag-of-words,lstm,fine-tuned
      hfdl compare sentiment model.vectors=vectors.txt --eras word-average,lstm
      hfdl compare ner
    """
    from hfdl.config.overrides import parse_overrides

    settings = parse_overrides(overrides or [])
    chosen = None if eras is None else [era.strip() for era in eras.split(",") if era.strip()]
    words = ["hfdl", "compare", name, *(overrides or []), "--seeds", str(seeds)]
    words += [] if eras is None else ["--eras", eras]
    # A run is at DIR/ERA/seed-N.
    with working("reading the recipes") as listener, continued_by(words, above=2):
        from hfdl.runs import compare as comparing

        done = comparing.compare(
            name, settings, eras=chosen, seeds=seeds, output=output, listener=listener,
            verbose=verbose,
        )  # fmt: skip
    if json:
        print_json({"directory": str(done.directory), **done.as_dict()})
    else:
        _print(done)


def _print(done: Comparison) -> None:
    splits = list(done.rows[0].scores)
    headers = ["era", *(f"{split} {done.rows[0].metric}" for split in splits)]
    headers += ["parameters", "seconds", "examples/s"]
    rows = [_cells(row, splits) for row in done.rows]
    guess = [f"{done.guesses[s].value:.4f}" if s in done.guesses else "-" for s in splits]
    if done.guesses:
        rows.append(["guessing", *guess, "-", "-", "-"])
    print()
    print_table(headers, rows)
    print()
    for row in done.rows:
        for split, one in done.guesses.items():
            beaten = replace(one, reached=row.mean(split), only=None)
            if warning := beaten.warning():
                print_text(f"warning: {row.era}: {warning}")
    print_saved(done.directory, "table.json, compare.html")


def _cells(row: Row, splits: list[str]) -> list[str]:
    scores = []
    for split in splits:
        sd = row.sd(split)
        scores.append(f"{row.mean(split):.4f}" + ("" if sd is None else f" ± {sd:.4f}"))
    figures = [f"{row.parameters:,}", f"{row.seconds:.1f}", f"{row.samples_per_second:.1f}"]
    return [row.era, *scores, *figures]
