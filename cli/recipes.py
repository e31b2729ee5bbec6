"""``hfdl recipes``: the shipped recipes, and checking your own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .arguments.completion import complete_recipe, complete_shipped
from .arguments.options import Json, Overrides
from .printing.text import print_json, print_table, print_text, print_unfolded, show_help

recipes_app = typer.Typer(name="recipes", rich_markup_mode=None)

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A name that 'recipes list' prints.", autocompletion=complete_shipped
    ),
]


@recipes_app.callback(invoke_without_command=True)
def recipes(context: typer.Context) -> None:
    """List, show, copy and check recipes.

    \b
    Examples:
      hfdl recipes list
      hfdl recipes copy sentiment mine.yaml
      hfdl recipes check mine.yaml
      hfdl recipes keys
    """
    show_help(context)


@recipes_app.command("list")
def list_recipes(json: Json = False) -> None:
    """List the shipped recipes.

    \b
    Examples:
      hfdl recipes list
    """
    from hfdl.config.load import recipe_header, recipe_names

    headers = {name: recipe_header(name) for name in recipe_names()}
    if json:
        print_json([{"name": name, "header": header} for name, header in headers.items()])
        return
    print_table(None, [[name, (lines or [""])[0]] for name, lines in headers.items()])


@recipes_app.command()
def show(name: Name) -> None:
    """Print a shipped recipe as it is written.

    \b
    Examples:
      hfdl recipes show sentiment
    """
    from hfdl.config.load import recipe_text

    print_text(recipe_text(name).rstrip("\n"))


@recipes_app.command()
def copy(
    name: Name,
    destination: Annotated[
        Path | None, typer.Argument(metavar="DEST", help="A file or folder. Default: ./NAME.yaml.")
    ] = None,
) -> None:
    """Copy a shipped recipe, to change it.

    A file that exists is left alone.

    \b
    Examples:
      hfdl recipes copy sentiment
      hfdl recipes copy sentiment experiments/mine.yaml
    """
    from hfdl.config.load import recipe_text
    from hfdl.errors import OutputError, shell_path
    from hfdl.runs.texts import clean

    text = recipe_text(name)
    own_name = f"{name.rpartition('/')[2]}.yaml"
    target = destination or Path(own_name)
    if target.is_dir():
        target /= own_name
    try:
        with target.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise OutputError(
            "the file exists", where=str(target), remedy="name another file, or remove it first"
        ) from None
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror}", where=str(target)) from None
    print_unfolded(clean(f"copied to {target}; run it with: hfdl train {shell_path(target)}"))


@recipes_app.command()
def check(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A YAML file, a shipped name or a run's folder.",
            autocompletion=complete_recipe,
        ),
    ],
    overrides: Overrides = None,
) -> None:
    """Check every key and value of a recipe.

    Data and model are not looked at.

    \b
    Examples:
      hfdl recipes check mine.yaml
      hfdl recipes check mine.yaml train.epochs=1
    """
    from hfdl.config.load import load_recipe
    from hfdl.config.overrides import parse_overrides
    from hfdl.tasks.registry import canonical_name

    canonical_name(load_recipe(file, parse_overrides(overrides or [])).task)
    print_text(f"{file}: OK")


@recipes_app.command()
def keys(json: Json = False) -> None:
    """Print all keys with type, default and meaning.

    \b
    Examples:
      hfdl recipes keys
      hfdl recipes keys --json
    """
    from hfdl.config.error_messages import show as show_value
    from hfdl.config.keys import recipe_keys

    all_keys = recipe_keys()
    if json:
        print_json(
            [
                {
                    "key": key.name,
                    "type": key.type,
                    "required": key.required,
                    "default": None if key.required else key.default,
                    "description": key.description,
                }
                for key in all_keys
            ]
        )
        return
    for key in all_keys:
        default = "required" if key.required else f"default {show_value(key.default)}"
        print_text(f"{key.name}: {key.type}; {default}\n    {key.description}")
