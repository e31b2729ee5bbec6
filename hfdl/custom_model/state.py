"""Whether the state dict of a user's model holds all that training changes: it alone is saved."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from hfdl.custom_model.faults import wrong
from hfdl.custom_model.module import same_tensor
from hfdl.nn.lengths import evaluating


@torch.no_grad()
def check_state(model: Any, inputs: dict[str, Tensor], logits: Tensor) -> None:
    """Refuse a model with state that would be lost, by two passes as in training.

    With its buffers put back, the model must give the scores that it gave before.

    Args:
        model: in any mode; it stays in it.
        inputs: a few ids.
        logits: what it gives for them in eval mode.

    Raises:
        ConfigError: it holds what is no tensor, tensors that overlap, or changes what is no part
            of its state dict.
    """
    state = model.state_dict()
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise wrong(
                model,
                f"has {type(value).__name__} in its state dict, under {name}",
                "keep numbers in a buffer: self.register_buffer(NAME, torch.tensor(VALUE))",
            )
    _check_memory(model, state)
    learned = {name for name, _ in model.named_parameters()}
    kept = {name: value.clone() for name, value in state.items() if name not in learned}
    _train_twice(model, inputs)
    for name, value in kept.items():
        state[name].copy_(value)
    with evaluating(model):
        again = model(**inputs).logits
    if not torch.allclose(again.float(), logits.float(), rtol=1e-4, atol=1e-5):
        raise wrong(
            model,
            "changes in training what is not saved: its scores depend on more than its state dict",
            "keep it in a buffer: self.register_buffer(NAME, torch.tensor(VALUE))",
        )


def _check_memory(model: Any, state: Mapping[str, Tensor]) -> None:
    """Refuse tensors that share a part of their memory; those that share all are one."""
    ends = {
        same_tensor(tensor): (tensor.data_ptr(), tensor.data_ptr() + tensor.nbytes, name)
        for name, tensor in state.items()
        if tensor.numel() and tensor.is_contiguous()
    }
    for (_, end, one), (start, _, other) in pairwise(sorted(ends.values())):
        if start < end:
            raise wrong(
                model,
                f"has {one} and {other}, which overlap in memory",
                "give each memory of its own: nn.Parameter(x.clone())",
            )


def _train_twice(model: Any, inputs: dict[str, Tensor]) -> None:
    modes = [(module, module.training) for module in model.modules()]
    model.train()
    try:
        for _ in range(2):
            model(**inputs)
    finally:
        for module, mode in modes:
            module.training = mode
