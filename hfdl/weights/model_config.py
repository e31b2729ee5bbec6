"""The transformers config of a model folder, and the sizes that a recipe puts into it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError

from hfdl.errors import ConfigError, HfdlError, ModelError, ShapeError, did_you_mean

# What transformers raises on files that are damaged or do not belong together.
BROKEN = (
    ValueError, OSError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError,
    RuntimeError, ImportError, SafetensorError, StrictDataclassError,
)  # fmt: skip
_PROBLEM_TYPES = (
    "single_label_classification", "multi_label_classification", "regression",
)  # fmt: skip


def load_config(folder: Path, sizes: dict[str, Any] | None = None) -> Any:
    """The transformers config of a model folder, with some sizes replaced.

    Raises:
        ModelError: transformers does not know the model's type, or the file is damaged.
        ConfigError: a size is not a key of the config, or its value is of another type.
    """
    from transformers import AutoConfig

    try:
        # False, not the default: transformers would ask on the terminal whether to run the code.
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except BROKEN as error:
        is_setting = isinstance(error, StrictDataclassError)
        raise ModelError(
            f"transformers cannot read its config: {first_line(error)}",
            where=str(folder / "config.json"),
            rule="each setting is of the type that the model's code expects"
            if is_setting
            else "model_type must be one that the installed transformers knows; code in a model "
            "folder is never run",
            remedy="choose another model",
        ) from error
    _refuse_odd_labels(config, folder / "config.json")
    set_sizes(config, sizes or {})
    return config


def _refuse_odd_labels(config: Any, file: Path) -> None:
    """What transformers takes and does not look at: how a model's scores are to be read."""
    if config.problem_type not in (None, *_PROBLEM_TYPES):
        raise ModelError(
            f"problem_type cannot be {config.problem_type!r}",
            where=str(file),
            rule=f"it is null or one of {', '.join(_PROBLEM_TYPES)}",
            remedy="correct or remove it",
        )
    for number, name in (config.id2label or {}).items():
        if not isinstance(name, str | int | float):
            raise ModelError(
                f"{name!r} in id2label is no name of a label",
                where=str(file),
                rule="id2label gives each number from 0 on a text",
                remedy=f"name label {number}",
            )


def set_sizes(config: Any, sizes: Mapping[str, Any]) -> None:
    """Put sizes into a transformers config.

    Raises:
        ConfigError: a size is not a key of the config, or its value is of another type.
    """
    settings = [*config.to_dict(), *config.attribute_map]
    for key, value in sizes.items():
        if key not in settings:
            raise ConfigError(
                f"{config.model_type} has no size {key!r}",
                where=f"model.config.{key}",
                remedy=did_you_mean(key, settings),
            )
        try:
            setattr(config, key, value)
        except BROKEN as error:
            raise _unfit_size(f"model.config.{key}", error) from error


@contextmanager
def refuse_unfit_sizes() -> Iterator[None]:
    """While active, what is said of sizes that do not fit each other is a ConfigError.

    transformers says it, or hfdl's own models by a `ShapeError`; any other error of hfdl has
    told already what is to be changed.
    """
    try:
        yield
    except BROKEN as error:
        if isinstance(error, HfdlError) and not isinstance(error, ShapeError):
            raise
        raise _unfit_size("model.config", error) from error


def _unfit_size(where: str, error: BaseException) -> ConfigError:
    return ConfigError(
        f"transformers refuses it: {first_line(error, -1)}",
        where=where,
        rule="the sizes of a model must fit each other",
        remedy="correct or remove it",
    )


def first_line(error: BaseException, index: int = 0) -> str:
    """One line of an error's message; of an empty message the error's name.

    What ends with a colon has its cause in the line below.
    """
    lines = [line.strip() for line in str(error).strip().splitlines()] or [type(error).__name__]
    if index == 0 and lines[0].endswith(":"):
        return " ".join(lines[:2])
    return lines[index]
