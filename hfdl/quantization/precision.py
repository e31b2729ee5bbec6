"""The precisions that a saved model is run in, by name."""

from __future__ import annotations

from hfdl.errors import ConfigError, did_you_mean

FLOAT32, INT8 = "float32", "int8"
PRECISIONS = (FLOAT32, INT8)


def check_precision(name: str) -> str:
    """The name itself.

    Raises:
        ConfigError: it is none of ``PRECISIONS``.
    """
    if name not in PRECISIONS:
        raise ConfigError(
            f"unknown precision {name!r}",
            where="precision",
            rule=f"a saved model is run in {' or '.join(PRECISIONS)}",
            remedy=did_you_mean(name, PRECISIONS),
        )
    return name


def refuse_int8(task: str, precision: str) -> None:
    """Refuse int8 where a task has none.

    Args:
        task: its name.
        precision: what is asked for.

    Raises:
        ConfigError: int8 is asked for, or no precision of that name is there.
    """
    if check_precision(precision) == INT8:
        raise ConfigError(
            f"{task} has no int8",
            where="precision",
            rule="models that label texts or tokens, fill in masks or make vectors have it, and "
            "pipelines that continue texts",
            remedy="leave precision out",
        )
