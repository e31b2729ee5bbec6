"""The folder of a graph in ONNX that ``hfdl export`` wrote: how it is known, where refused."""

from __future__ import annotations

import json
from pathlib import Path

from hfdl.errors import ModelError, shell_path

GRAPH = "model.onnx"
"""The file of the graph; beside it config, tokenizer and recipe are as in a run's folder."""
FACTS = "export.json"
"""What the graph was made of, and how far its answers were found to be from that model's."""
WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
"""Files of weights that torch runs; either of them will do."""


def is_graph(folder: Path) -> bool:
    """Whether a folder holds a graph, and no weights that torch could run."""
    return (folder / GRAPH).is_file() and not any((folder / name).is_file() for name in WEIGHTS)


def folder_of_graph(path: Path) -> Path:
    """The folder of a graph that was named by its file; any other path is itself.

    Raises:
        ModelError: the file is not called as the graph of a folder is.
    """
    if path.suffix != ".onnx" or not path.is_file():
        return path
    if path.name != GRAPH:
        raise ModelError(
            f"a graph that is not called {GRAPH}",
            where=str(path),
            rule="a graph is opened with the config and the tokenizer beside it",
            remedy=f"name the folder that hfdl export wrote, or its {GRAPH}",
        )
    return path.parent


def graph_alone(folder: Path) -> ModelError:
    """The error for a folder with a graph and no weights, where weights are needed."""
    made_of = exported_from(folder)
    return ModelError(
        f"an exported graph ({GRAPH}), without the weights that it was made of",
        where=str(folder),
        rule="it answers in pipelines and in hfdl predict, embed, evaluate and serve",
        remedy="name the model that it was exported from"
        + ("" if made_of is None else f": {shell_path(Path(made_of))}"),
    )


def exported_from(folder: Path) -> str | None:
    """What a graph was made of, as its maker named it; None where that is not known."""
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        return str(facts["model"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
