"""The errors of exporting, each with what to do instead."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hfdl.errors import ConfigError, DataError, ModelError, OutputError
from hfdl.weights.graph_files import GRAPH

FORMATS = ("onnx",)
"""What a model can be exported to."""


def check_format(name: str) -> None:
    """Refuse a format that is not one of ``FORMATS``.

    Raises:
        ConfigError: naming those that there are.
    """
    if name not in FORMATS:
        raise ConfigError(
            f"no format is called {name!r}",
            where="--format",
            rule=f"a model is exported to {', '.join(FORMATS)}",
            remedy=f"give --format {FORMATS[0]}, or leave it out",
        )


def check_output(target: Path) -> None:
    """Refuse an output that is there already.

    Raises:
        OutputError: it is a file, or a folder that is not empty.
    """
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise OutputError(
            "the output is there already",
            where=str(target),
            rule="an export makes a folder of its own and writes over nothing",
            remedy="choose another --output",
        )


def not_exported(task: str, where: str) -> ModelError:
    """The error for a model whose answers are not one pass through a graph."""
    return ModelError(
        f"models of {task} are not exported",
        where=where,
        rule="those that label texts or tokens, fill in masks or make vectors are: one pass "
        "through the graph is their answer",
        remedy="serve the model as it is",
    )


def recurrent(where: str) -> ModelError:
    """The error for a model that reads word by word."""
    return ModelError(
        "recurrent models are not exported",
        where=where,
        rule="a graph has the same steps for every text, and these take one for each word",
        remedy="serve the model as it is",
    )


def no_such_task(task: str, vectors: Sequence[str]) -> ConfigError:
    """The error for a task that is named and not one of vectors."""
    return ConfigError(
        f"a model is not exported for {task} by name",
        where="--task",
        rule=f"it keeps the head that it was trained with; --task is {' or '.join(vectors)}",
        remedy="leave --task out",
    )


def reason_of(error: BaseException) -> str:
    """The first line of what another library says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next(iter(lines), type(error).__name__)[:200]


def no_graph(error: BaseException, where: str) -> ModelError:
    """The error for a model that cannot be traced as one graph."""
    while error.__cause__ is not None:  # torch wraps what happened in what it was about to do
        error = error.__cause__
    return ModelError(
        f"torch cannot write it as one graph: {reason_of(error)}",
        where=where,
        rule="what a model computes may not depend on the values of its tokens",
        remedy="serve the model as it is",
    )


def no_int8(reason: str, where: str) -> ModelError:
    """The error for a graph whose products cannot be made in int8."""
    return ModelError(
        f"its products cannot be made in int8: {reason}",
        where=where,
        rule="those with weights are: linear layers",
        remedy="export it in float32: leave --int8 out",
    )


def other_answers(what: str, difference: float, bound: float, where: str) -> ModelError:
    """The error for a graph that does not answer as its model does."""
    return ModelError(
        f"the graph answers otherwise: {what} differs by {difference:.2g}",
        where=where,
        rule=f"before it is written its answers are compared with the model's, which may differ by "
        f"{bound:g}; nothing was written",
        remedy="serve the model as it is",
    )


def no_examples(where: str) -> DataError:
    """The error where there is nothing to check a graph with."""
    return DataError(
        "there is no validation split",
        where=where,
        rule=f"{GRAPH} is checked on texts like those that the model is for, before it is written",
        remedy="give data.validation=FILE",
    )
