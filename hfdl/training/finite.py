"""Numbers that are not finite: a run stops where they show, not with them as its result."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from hfdl.errors import TrainingError
from hfdl.tasks.protocol import Split
from hfdl.weights.parameter_names import all_names

_HIGH, _USUAL = 1e-3, 5e-5
_SHOWN = 3


def refuse_update(
    loss: float, norm: float, step: int, split: Split, examples: Sequence[int], rate: float
) -> None:
    """Stop before an update that would destroy the weights.

    Args:
        loss: summed over the update; ``norm``: of its gradient.
        step: the update, from 1.
        split, examples: what it was made of.
        rate: ``train.learning_rate``.

    Raises:
        TrainingError: one of them is not finite.
    """
    finite_loss = math.isfinite(loss)
    if finite_loss and math.isfinite(norm):
        return
    raise TrainingError(
        f"the {'gradient' if finite_loss else 'loss'} of update {step} is not finite (examples: "
        f"{_places(split, examples)})",
        rule="the weights were left as they were before it",
        remedy=f"start again with --overwrite and train.learning_rate={_slower(rate):g}, or look "
        "at these examples",
    )


def refuse_loss(loss: float, model: torch.nn.Module, split: Split, examples: Sequence[int]) -> None:
    """Stop an evaluation whose loss is no number: none of its figures would say anything.

    Args:
        loss: summed over a batch.
        model: whose loss it is.
        split, examples: what it was made of.

    Raises:
        TrainingError: it is not finite; the message says whether the weights are.
    """
    if math.isfinite(loss):
        return
    finite = {name: bool(torch.isfinite(p).all()) for name, p in model.named_parameters()}
    wrong = [names[0] for name, names in all_names(model).items() if not finite[name]]
    more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    raise TrainingError(
        f"the loss on {split.name} is not finite (examples: {_places(split, examples)})",
        rule=f"the weights hold numbers that are not finite: {wrong[0]}{more}"
        if wrong
        else "the weights are finite, and what they give for these examples is not",
        remedy="train again with a lower learning rate, or begin with another model"
        if wrong
        else "train again with a lower learning rate, or look at these examples",
    )


def _slower(rate: float) -> float:
    """A tenth, or what pretrained models are usually tuned with where that is far less."""
    return rate / 10 if rate <= _HIGH else _USUAL


def _places(split: Split, examples: Sequence[int]) -> str:
    places = ", ".join(split.where(int(i)) for i in examples[:_SHOWN])
    more = len(examples) - _SHOWN
    return f"{places} and {more} more" if more > 0 else places
