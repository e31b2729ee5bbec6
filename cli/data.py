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
    from hfdl.data.table import Table

data_app = typer.Typer(name="data", rich_markup_mode=None)

# A file says nothing of a model; this recipe's is taken for it, by the task that is asked for.
_BASE_RECIPES = {"text_classification": "sentiment", "translation": "translation"}


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
    code is 2 if training on the data would fail. Of a translation there are no labels: its targets
    are looked at as texts.

    \b
    Examples:
      hfdl data check reviews.csv
      hfdl data check reviews.csv data.text=review data.label=stars data.max_length=64
      hfdl data check sentiment
      hfdl data check my-recipe.yaml --json
      hfdl data check pairs.tsv task=translation data.text=en data.label=de
    """
    from hfdl.config.overrides import parse_overrides
    from hfdl.data.check import check_data
    from hfdl.data.pair_check import check_pairs
    from hfdl.data.sources import load_splits
    from hfdl.tasks.registry import canonical_name

    recipe = _recipe(source, parse_overrides(overrides or []))
    tables = load_splits(recipe.data)
    tokenizer, limit, note = _tokenizer(recipe, tables)
    is_translation = canonical_name(recipe.task) == "translation"
    examine = check_pairs if is_translation else check_data
    report = examine(tables, recipe.data, tokenizer, limit)
    if json:
        print_json(report.as_dict())
    else:
        from .data_report import print_report

        print_report(report, note)
    if report.problems:
        raise DataError(report.problems[0])


def _recipe(source: str, settings: Mapping[str, Any]) -> Recipe:
    from hfdl.config.load import load_recipe, recipe_names
    from hfdl.tasks.registry import canonical_name

    path = Path(source).expanduser()
    is_recipe = path.suffix in (".yaml", ".yml") or (path / "recipe.yaml").is_file()
    if source in recipe_names() or is_recipe:
        return load_recipe(source, settings)
    base = _BASE_RECIPES[canonical_name(settings.get("task", "sentiment"))]
    return load_recipe(base, {"data": None, "data.train": source, **settings})


def _tokenizer(recipe: Recipe, tables: Mapping[str, Table]) -> tuple[Any, int | None, str | None]:
    """The model's tokenizer, the longest input, and what a reader should know of the tokenizer."""
    from hfdl.tasks.translation_model import is_scratch

    if is_scratch(recipe.model):
        tokenizer, note = _learned(recipe, tables)
        return tokenizer, recipe.data.max_length, note
    from hfdl.weights.pretrained import length_limit, load_config, load_tokenizer
    from hfdl.weights.resolve import find_model

    try:
        folder = find_model(recipe.model.name, recipe.model.revision, weights=False)
        tokenizer = load_tokenizer(folder)
        limit = length_limit(tokenizer, load_config(folder))
    except ModelError as error:
        return None, None, f"no token lengths: {error}"
    return tokenizer, recipe.data.max_length or limit, None


def _learned(recipe: Recipe, tables: Mapping[str, Table]) -> tuple[Any, str]:
    """The vocabulary that a model without one of its own would learn from train."""
    from hfdl.tasks.translation_model import learn_vocabulary

    if "train" not in tables:
        return None, "no token lengths: the vocabulary is learned from data.train"
    try:
        tokenizer = learn_vocabulary(tables["train"], recipe.data, recipe.model)
    except DataError as error:
        return None, f"no token lengths: {error}"
    return tokenizer, f"tokens are of a vocabulary of {len(tokenizer):,} learned from train"
