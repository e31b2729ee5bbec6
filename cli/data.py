"""``hfdl data``: look at data before any minute of training is spent on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hfdl.errors import DataError, ModelError

from .output import OVERRIDE, print_json, show_help

if TYPE_CHECKING:
    from hfdl.config.schema import Recipe

data_app = typer.Typer(name="data", rich_markup_mode=None)

# A file says nothing of task and model; this recipe's are taken for it.
_BASE_RECIPE = "sentiment"


@data_app.callback(invoke_without_command=True)
def data(context: typer.Context) -> None:
    """Check data before training.

    \b
    Examples:
      hfdl data check reviews.csv data.text=review data.label=stars
    """
    show_help(context)


@data_app.command()
def check(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE|RECIPE", help="A data file, folder, hfdl://NAME or Hub id; or a recipe."
        ),
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar=OVERRIDE, help="Keys of the recipe, such as data.text=COLUMN."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Report what is in the data and what is wrong.

    Rows, labels, duplicates, overlaps between splits, lengths and what would be cut off. The exit
    code is 2 if training on the data would fail.

    \b
    Examples:
      hfdl data check reviews.csv
      hfdl data check reviews.csv data.text=review data.label=stars data.max_length=64
      hfdl data check sentiment
      hfdl data check my-recipe.yaml --json
    """
    from hfdl.config.overrides import parse_overrides
    from hfdl.data.check import check_data
    from hfdl.data.sources import load_splits

    recipe = _recipe(source, parse_overrides(overrides or []))
    tables = load_splits(recipe.data)
    tokenizer, limit, note = _tokenizer(recipe)
    report = check_data(tables, recipe.data, tokenizer, limit)
    if json:
        print_json(report.as_dict())
    else:
        from .data_report import print_report

        print_report(report, note)
    if report.problems:
        raise DataError(report.problems[0])


def _recipe(source: str, settings: Mapping[str, Any]) -> Recipe:
    from hfdl.config.load import load_recipe, recipe_names

    path = Path(source).expanduser()
    is_recipe = path.suffix in (".yaml", ".yml") or (path / "recipe.yaml").is_file()
    if source in recipe_names() or is_recipe:
        return load_recipe(source, settings)
    return load_recipe(_BASE_RECIPE, {"data": None, "data.train": source, **settings})


def _tokenizer(recipe: Recipe) -> tuple[Any, int | None, str | None]:
    """The model's tokenizer, the longest input, and why there is no tokenizer if there is none."""
    from hfdl.weights.pretrained import length_limit, load_config, load_tokenizer
    from hfdl.weights.resolve import find_model

    try:
        folder = find_model(recipe.model.name, recipe.model.revision, weights=False)
        tokenizer = load_tokenizer(folder)
        limit = length_limit(tokenizer, load_config(folder))
    except ModelError as error:
        return None, None, f"no token lengths: {error}"
    return tokenizer, recipe.data.max_length or limit, None
