"""How far a run has come, and what a checkpoint says of it that no run has written."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from hfdl.errors import CheckpointError

WRONG_STATE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError)
"""What is raised where a state.json holds other things than it should."""


def refuse_other_form(saved: Any, own: Any, kind: type = object) -> None:
    """Refuse what could not stand in the place of what there is: torch would put in anything.

    Args:
        saved: what a checkpoint holds.
        own: the same of this run.
        kind: the class whose attributes these are; they must not hide its methods.

    Raises:
        TypeError: another type, more or fewer items, or the name of a method or of parameters.
    """
    numbers = (int, float)
    is_number = type(saved) in numbers and type(own) in numbers
    if own is None or is_number:
        return
    if type(saved) is not type(own) or (isinstance(own, list) and len(saved) != len(own)):
        raise TypeError(f"{saved!r:.60} in the place of {own!r:.60}")
    if isinstance(own, dict):
        for key, value in saved.items():
            if callable(getattr(kind, key, None)) or key == "params":
                raise TypeError(f"{key} is not to be set")
            refuse_other_form(value, own.get(key))
    elif isinstance(own, list):
        for value, expected in zip(saved, own, strict=True):
            refuse_other_form(value, expected)


def no_state(error: Exception) -> CheckpointError:
    """The error for a checkpoint whose state no training has written."""
    return CheckpointError(
        f"the checkpoint's state is of no training ({type(error).__name__}: {error})",
        where="state.json",
        rule="it holds what the run saved there",
        remedy="remove this checkpoint, or start again with --overwrite in place of --resume",
    )


@dataclass
class Progress:
    """Where a run stands: all that a checkpoint holds beside tensors."""

    step: int = 0
    evaluated_step: int = -1
    """The last update after which an evaluation was made; 0: before the first."""
    best_step: int | None = None
    best_value: float | None = None
    not_better: int = 0
    """Evaluations in a row that were not better."""
    micro_batch_size: int | None = None
    """Examples per forward pass; None: the whole batch. Less than asked for where memory ended."""
    examples: int = 0
    tokens: int = 0
    loss_total: float = 0.0
    loss_count: float = 0.0
    seconds: float = 0.0

    @classmethod
    def of(cls, step: int, saved: dict[str, Any]) -> Progress:
        """What a checkpoint of an update holds.

        Raises:
            CheckpointError: an unknown name, or a value of another type.
        """
        try:
            progress = cls(step=step, **saved)
        except TypeError as error:
            raise no_state(error) from None
        for field in fields(cls):
            value, kind = getattr(progress, field.name), str(field.type)
            types = (int, float) if "float" in kind else (int,)
            if type(value) not in types and not (value is None and "None" in kind):
                raise no_state(TypeError(f"{field.name} is {value!r}"))
        return progress
