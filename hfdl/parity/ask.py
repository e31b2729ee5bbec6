"""Call any model or function with transformers' keywords, and compare the tensors it returns."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hfdl.errors import ModelError
from hfdl.parity.bounds import difference
from hfdl.parity.float64 import float64_throughout
from hfdl.parity.variants import Batch

Model = Callable[..., Any]
"""A module or a function, called with transformers' keywords."""


def answers(model: Model, batches: Sequence[Batch]) -> list[Tensor]:
    """The logits, or last hidden states, of each batch at its real positions."""
    with torch.no_grad():
        return [_real(ask(model, batch.inputs), batch) for batch in batches]


def ask(model: Model, inputs: dict[str, Tensor]) -> Tensor:
    """Call a model with those of the inputs that it takes, and return its logits or hidden states.

    Raises:
        ModelError: it returns neither a tensor nor an output with logits or last hidden states.
    """
    taken = {name: x for name, x in inputs.items() if name in _keywords(model, inputs)}
    if isinstance(model, nn.Module) and any(True for _ in model.parameters()):
        with float64_throughout(model):
            output = model(**taken)
    else:
        output = model(**taken)
    if isinstance(output, Tensor):
        return output
    for name in ("logits", "last_hidden_state"):
        if isinstance(tensor := getattr(output, name, None), Tensor):
            return tensor
    raise ModelError(
        f"the model returned a {type(output).__name__}",
        rule="it returns logits or last hidden states: a tensor, or an output of transformers'",
    )


def gap(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> float:
    """The largest error over all batches, by the rule of ``hfdl.parity.bounds``.

    Infinite where shapes differ, or where only one of the two is NaN: two models that break in the
    same places are alike.
    """
    return max(_gap(a, b) for a, b in zip(ours, theirs, strict=True))


def _gap(ours: Tensor, theirs: Tensor) -> float:
    if not torch.equal(ours.isnan(), theirs.isnan()):  # or their shapes differ
        return math.inf
    return difference(ours.nan_to_num(0.0), theirs.nan_to_num(0.0)).error


def _real(answer: Tensor, batch: Batch) -> Tensor:
    """Answers for tokens (B, T, ...) at real ones; answers for whole texts (B, C) as they are."""
    return answer[batch.real] if answer.shape[:2] == batch.real.shape else answer


def _keywords(model: Model, inputs: dict[str, Tensor]) -> set[str]:
    call = model.forward if isinstance(model, nn.Module) else model
    parameters = inspect.signature(call).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return set(inputs)
    return {p.name for p in parameters}
