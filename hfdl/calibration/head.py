"""The last linear layer of a model, and its logits divided by a temperature.

Its weight and its bias are divided: W h / T + b / T is (W h + b) / T. Whoever opens the model then
answers calibrated, with nothing to know of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn

from hfdl.errors import ModelError
from hfdl.nn.lengths import evaluating
from hfdl.weights.label_rows import label_names, label_parameters

_TRIED = 2.0
"""The temperature that a layer is tried at: a power of two, so that nothing is rounded."""
_CLOSE = 1e-5


def head_parameters(model: nn.Module, inputs: Mapping[str, Any], where: str) -> list[str]:
    """The parameters whose division divides the logits, by their names in the model.

    Each candidate is tried on a batch, so that no model is changed in another way than is said.

    Args:
        model: with a head for labels.
        inputs: of its forward, a batch.
        where: the model's folder, for the message.

    Raises:
        ModelError: there are none.
    """
    before = _logits(model, inputs)
    for names in _candidates(model):
        held = {name: model.get_parameter(name).detach().clone() for name in names}
        put(model, {name: value / _TRIED for name, value in held.items()})
        after = _logits(model, inputs)
        put(model, held)
        if torch.allclose(after, before / _TRIED, rtol=_CLOSE, atol=_CLOSE):
            return names
    raise ModelError(
        f"{type(model).__name__} has no last linear layer that can be divided",
        where=where,
        rule="its logits must be W h + b, with W and b in nothing else",
        remedy="end its forward in a linear layer of its own, and train it again",
    )


def divide(model: nn.Module, names: list[str], temperature: float) -> dict[str, Tensor]:
    """Divide parameters in the model; what they are then, by name.

    The quotient is rounded once, from float64.
    """
    divided = {}
    for name in names:
        value = model.get_parameter(name).detach()
        divided[name] = (value.double() / temperature).to(value.dtype)
    put(model, divided)
    return divided


@torch.no_grad()
def put(model: nn.Module, values: Mapping[str, Tensor]) -> None:
    """Give a model's parameters these values."""
    for name, value in values.items():
        model.get_parameter(name).copy_(value)


def _candidates(model: nn.Module) -> Iterator[list[str]]:
    """Parameters that may be the last layer's, the likeliest first."""
    with suppress(Exception):  # a class of the user's, which a config alone may not make
        if names := list(label_parameters(model)):
            yield names
    count = len(label_names(model.config))
    named = {id(parameter): name for name, parameter in model.named_parameters()}
    for module in reversed(list(model.modules())):
        if isinstance(module, nn.Linear) and module.out_features == count:
            yield [named[id(p)] for p in module.parameters(recurse=False)]


@torch.inference_mode()
def _logits(model: Any, inputs: Mapping[str, Any]) -> Tensor:
    with evaluating(model):
        return model(**inputs).logits.double()
