"""Write the pages of the reference that are read off the code: commands, keys, modules.

They are written before Sphinx reads the pages, and lie outside version control.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.main import get_command
from typer.testing import CliRunner

from hfdl.cli.app import app as command_line
from hfdl.config.error_messages import show
from hfdl.config.keys import Key, recipe_keys

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PACKAGE = Path(__file__).parents[2] / "hfdl"
ROOMS = {
    "nn": "The parts of a transformer",
    "models": "Whole models made of them",
    "generation": "Writing text",
    "foundations": "NumPy alone",
    "tokenizers": "Tokenizers in pure Python",
    "custom_attention": "Your own attention in any pretrained model",
    "parity": "Comparing with transformers",
    "interpret": "Looking inside a model",
    "pipelines": "Trained models as functions",
    "metrics": "Metrics",
    "tasks": "Tasks of the training loop",
    "report": "Reports and model cards",
    "search": "Searching for settings",
    "calibration": "Calibrating a classifier",
    "differences": "Comparing two models",
    "quantization": "Linear layers in int8",
    "exporting": "Exporting a model",
}
"""Folders of hfdl that have a page each, and their headings. The rest is not for calling."""


def write(folder: Path) -> None:
    """Write the pages into a folder, and remove those of an earlier build."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {
        "commands": commands_page(),
        "recipe-keys": keys_page(),
        **{f"modules-{room}": modules_page(room) for room in ROOMS},
    }
    for stale in folder.glob("*.md"):
        if stale.stem not in pages:
            stale.unlink()
    for name, text in pages.items():
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")  # Sphinx reads again what is newer


# ---- commands ------------------------------------------------------------------------------------


def commands_page() -> str:
    """Every command with what its ``--help`` prints."""
    lines = ["# Commands", "", "What `--help` prints of each command.", ""]
    for words in _commands(get_command(command_line)):
        arguments = [*words, "--help"]
        shown = CliRunner().invoke(command_line, arguments, prog_name="hfdl", terminal_width=80)
        lines += [
            f"## {' '.join(['hfdl', *words])}",
            "",
            "```text",
            shown.output.strip(),
            "```",
            "",
        ]
    return "\n".join(lines)


def _commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield words
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, (*words, name))


# ---- keys of a recipe ----------------------------------------------------------------------------


def keys_page() -> str:
    """Every key that a recipe knows, by section."""
    lines = [
        "# Keys of a recipe",
        "",
        "What a recipe holds, and `KEY=VALUE` of a command sets. `hfdl recipes keys` prints it.",
        "",
    ]
    for section, keys in groupby(recipe_keys(), key=lambda key: key.name.rpartition(".")[0]):
        lines += [f"## {section or 'task'}", ""]
        for key in keys:
            lines += [f"`{key.name}`", f": {_description(key)}", ""]
    return "\n".join(lines)


def _description(key: Key) -> str:
    default = "required" if key.required else f"default `{show(key.default)}`"
    text = key.description.replace("<", "&lt;").replace("*", "\\*").replace("\n", " ")
    return f"*{key.type}, {default}.* {text}"


# ---- modules -------------------------------------------------------------------------------------


def modules_page(room: str) -> str:
    """The public names of every module of a folder, with their docstrings."""
    folder = PACKAGE / room
    lines = [f"# hfdl.{room}", "", f"{ROOMS[room]}.", ""]
    for path in sorted(folder.rglob("*.py")):
        if path.stem != "__init__" and _has_public_names(path):
            name = ".".join(("hfdl", *path.relative_to(PACKAGE).with_suffix("").parts))
            directive = [f".. automodule:: {name}", "   :members:"]
            lines += [f"## {name}", "", "```{eval-rst}", *directive, "```", ""]
    return "\n".join(lines)


def _has_public_names(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    defined = (ast.FunctionDef, ast.ClassDef)
    return any(isinstance(node, defined) and not node.name.startswith("_") for node in tree.body)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.connect("config-inited", lambda app, config: write(Path(app.srcdir) / "reference" / "made"))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
