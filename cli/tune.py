"""``hfdl tune``: search a recipe's space, and tell luck from gain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .arguments.completion import complete_recipe
from .arguments.options import Json, Overrides
from .printing.progress import working
from .printing.text import print_json, print_saved, print_table, print_text, print_unfolded

if TYPE_CHECKING:
    from hfdl.search.plan import Plan
    from hfdl.search.study import Study


def tune(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE",
            help="A shipped name, a YAML file with a section search, or a study's folder.",
            autocompletion=complete_recipe,
        ),
    ],
    overrides: Overrides = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The study's folder. Default: runs/tune-NAME-DATE-TIME."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the study in --output.")
    ] = False,
    workers: Annotated[
        int, typer.Option(metavar="N", min=1, help="Processes that work on it at the same time.")
    ] = 1,
    join: Annotated[
        bool,
        typer.Option("--join", help="Help with the study whose folder RECIPE is, until it ends."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be searched; train nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Search for better settings, and tell luck from gain.

    The space stands in the recipe (search) or behind it; how it is searched, too (study). The
    winner and the recipe as it stands are then trained again on the same fresh seeds and compared:
    the best of many trials always looks too good. hfdl recipes keys lists search and study.

    \b
    Examples:
      hfdl tune sentiment 'search.train.learning_rate={low: 1e-5, high: 1e-3}'
      hfdl tune mine.yaml study.sampler=cma_es study.trials=40 --output runs/tuned
      hfdl tune mine.yaml study.folds=5 study.fresh_seeds=0
      hfdl tune mine.yaml --dry-run
      hfdl tune mine.yaml --output runs/tuned --resume --workers 2
      hfdl tune runs/tuned --join
    """
    if resume and output is None:
        raise typer.BadParameter("--resume needs --output, the folder of the study to continue")
    if join and (output or resume or overrides or dry_run or workers > 1):
        raise typer.BadParameter("--join takes the study's folder and nothing else")
    from hfdl.config.overrides import parse_overrides

    settings = parse_overrides(overrides or [])
    with working(f"reading {recipe}") as listener:
        from hfdl.search import tune as tuning

        if join:
            tuning.join(recipe, listener=listener)
            return
        if dry_run:
            found = tuning.plan_study(recipe, settings)
        else:
            found = tuning.tune(
                recipe, settings, output=output, resume=resume, workers=workers, listener=listener
            )
    if json:
        print_json(found.as_dict())
    elif isinstance(found, tuning.Plan):
        _print_plan(found)
    else:
        _print(found)


def _print_plan(plan: Plan) -> None:
    print_table(["key", "values"], [[domain.key, domain.text()] for domain in plan.space])
    print()
    print_table(None, [[name, str(value)] for name, value in plan.rows()])
    for fact in plan.facts:
        print_text(f"note: {fact}")


def _print(done: Study) -> None:
    from hfdl.errors import shell_path
    from hfdl.search.lines import figure, setting

    best = done.best
    print()
    print_text(f"best: trial {best.number}  {done.metric} {figure(best.value)}")
    print_table(None, [[f"  {key}", setting(value)] for key, value in best.settings.items()])
    if done.importance:
        shares = "  ".join(f"{key} {100 * one:.0f} %" for key, one in done.importance.items())
        print_text(f"importance (PED-ANOVA): {shares}")
    for line in done.verdict_lines():
        print_text(line)
    print()
    print_saved(done.directory, "report.html, study.json, trials/")
    print_unfolded(f"train it: hfdl train {shell_path(done.best_recipe)}")
    print_unfolded(f'use it:   hfdl predict {shell_path(done.best_run)} "..."')
