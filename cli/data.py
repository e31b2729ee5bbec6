"""``hfdl data``: look at data before any minute of training is spent on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hfdl.errors import DataError, ModelError
from hfdl.progress import tell

from .arguments.completion import complete_data
from .arguments.options import Json, Overrides
from .printing.progress import working
from .printing.text import print_json, show_help

if TYPE_CHECKING:
    from hfdl.config.schema import Recipe
    from hfdl.data.checks.report import DataReport
    from hfdl.data.table import Table

data_app = typer.Typer(name="data", rich_markup_mode=None)


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
            metavar="FILE|RECIPE",
            help="A data file, folder, hfdl://NAME or Hub id; or a recipe.",
            autocompletion=complete_data,
        ),
    ],
    overrides: Overrides = None,
    json: Json = False,
) -> None:
    """Report what is in the data and what is wrong.

    Rows, labels, duplicates, overlaps between splits, lengths and what would be cut off. The exit
    code is 2 if training on the data would fail. A translation has no labels: its targets
    are looked at as texts. A CoNLL file holds named entities: they are counted by type, and tags
    that cannot stand where they do are told with their lines.

    \b
    Examples:
      hfdl data check reviews.csv
      hfdl data check reviews.csv data.text=review data.label=stars
      hfdl data check sentiment
      hfdl data check my-recipe.yaml --json
      hfdl data check pairs.tsv task=translation data.text=en data.label=de
      hfdl data check ner.conll
      hfdl data check words.jsonl task=ner data.tokens=words data.tags=ner_tags
    """
    from hfdl.config.overrides import parse_overrides

    settings = parse_overrides(overrides or [])
    with working(f"reading {source}"):
        report, note = _examined(source, settings)
    if json:
        print_json(report.as_dict())
    else:
        from .printing.data_report import print_report

        print_report(report, note)
    if report.problems:
        raise DataError(report.problems[0])


def _examined(source: str, settings: Mapping[str, Any]) -> tuple[DataReport, str | None]:
    """The report, and what a reader should know of the tokenizer."""
    from hfdl.data.checks.texts import rows_with_texts
    from hfdl.data.readers.sources import load_splits
    from hfdl.tasks.head_note import head_notes
    from hfdl.tasks.registry import attribute, task_spec

    recipe = _recipe(source, settings)
    spec = task_spec(recipe.task)
    tables = load_splits(recipe.data, rows=spec.rows)
    tell("opening the tokenizer")
    kept = rows_with_texts(tables, recipe.data, spec.rows, [])
    tokenizer, limit, note = _tokenizer(recipe, kept)
    tell("looking for duplicates and overlaps")
    report = attribute(spec.examiner)(tables, recipe.data, tokenizer, limit)
    if tokenizer is not None:
        report.notes.extend(head_notes(recipe, kept))
    return report, note


def _recipe(source: str, settings: Mapping[str, Any]) -> Recipe:
    from hfdl.config.load import load_recipe, recipe_names
    from hfdl.tasks.registry import TASKS, canonical_name

    path = Path(source).expanduser()
    is_recipe = path.suffix in (".yaml", ".yml") or (path / "recipe.yaml").is_file()
    if source in recipe_names() or is_recipe:
        return load_recipe(source, settings)
    task = canonical_name(settings.get("task") or _task_of(source))
    base = TASKS[task].recipe  # a file says nothing of a model: this recipe's is taken
    if base not in recipe_names():
        base, settings = "sentiment", {"task": task, **settings}
    return load_recipe(base, {"data": None, "data.train": source, **settings})


def _task_of(source: str) -> str:
    """The task that the source shows by itself: words with tags and spans are named entities."""
    from hfdl.data.layouts.detection import holds_entities
    from hfdl.tasks.registry import TASKS

    entities = holds_entities(source)
    return next(name for name, spec in TASKS.items() if spec.reads_words == entities)


def _tokenizer(recipe: Recipe, tables: Mapping[str, Table]) -> tuple[Any, int | None, str | None]:
    """The model's tokenizer, the longest input, and what a reader should know of the tokenizer."""
    from hfdl.tasks.own_types import register_own_types
    from hfdl.tasks.registry import is_registered, task_class
    from hfdl.weights.limits import length_limit
    from hfdl.weights.model_config import load_config
    from hfdl.weights.names import is_new_model
    from hfdl.weights.plain_config import plain_config
    from hfdl.weights.resolve import find_model
    from hfdl.weights.saved_tokenizer import load_tokenizer

    try:
        # A task's class imports torch: only a model that is not saved yet needs it.
        if is_new_model(recipe.model) or is_registered(recipe.task):
            new = task_class(recipe.task).new_model_for(recipe.model)
        else:
            new = None
    except ModelError as error:
        return None, None, f"no token lengths: {error}"
    if new is not None:
        tokenizer, note = _of_new_model(new, task_class(recipe.task), recipe, tables)
        return tokenizer, recipe.data.max_length, note
    try:
        folder = find_model(recipe.model.name, recipe.model.revision, weights=False)
        register_own_types(folder)
        tokenizer = load_tokenizer(folder)
        limit = length_limit(tokenizer, plain_config(folder) or load_config(folder))
    except ModelError as error:
        return None, None, f"no token lengths: {error}"
    return tokenizer, recipe.data.max_length or limit, None


def _of_new_model(
    new: Any, task: Any, recipe: Recipe, tables: Mapping[str, Table]
) -> tuple[Any, str | None]:
    """The tokenizer that the recipe names for a new model, or the one it would learn from train."""
    if new.tokenizer is not None:
        return new.tokenizer, None
    if "train" not in tables:
        return None, "no token lengths: the tokenizer is learned from data.train"
    try:
        new.learn(task.training_texts(tables["train"], recipe.data))
    except DataError as error:
        return None, f"no token lengths: {error}"
    return new.tokenizer, new.facts[0]
