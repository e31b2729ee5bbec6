"""torch's multi-head attention with the weights of ``hfdl.foundations``, and both side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from hfdl.foundations.transformer.multi_head import MultiHeadAttention

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj")


def drawn(layer: Any, seed: int = 0) -> Any:
    """The layer with every number drawn anew, biases and norms too."""
    random = np.random.default_rng(seed)
    for parameter in layer.parameters():
        parameter.value[...] = random.normal(size=parameter.value.shape) * 0.5
    return layer


def twin(layer: MultiHeadAttention, memory_width: int) -> nn.MultiheadAttention:
    """torch's module of the same weights."""
    width = layer.q_proj.W.value.shape[0]
    theirs = nn.MultiheadAttention(
        width, layer.heads, kdim=memory_width, vdim=memory_width, batch_first=True,
        dtype=torch.float64,
    )  # fmt: skip
    with torch.no_grad():
        for ours, other in pairs(layer, theirs, "value", "data"):
            other.copy_(torch.from_numpy(ours.copy()))
    return theirs


def pairs(layer: MultiHeadAttention, theirs: Any, mine: str, other: str) -> list[tuple[Any, Any]]:
    """(ours in torch's orientation, torch's), of values or of gradients."""
    inputs = [getattr(layer, name) for name in PROJECTIONS[:3]]
    if theirs.in_proj_weight is None:  # keys and values of another width
        weights = [getattr(getattr(theirs, f"{n}_weight"), other) for n in PROJECTIONS[:3]]
    else:
        weights = getattr(theirs.in_proj_weight, other).chunk(3)
    biases = getattr(theirs.in_proj_bias, other).chunk(3)
    found = [(getattr(p.W, mine).T, w) for p, w in zip(inputs, weights, strict=True)]
    found += [(getattr(p.b, mine), b) for p, b in zip(inputs, biases, strict=True)]
    found += [(getattr(layer.o_proj.W, mine).T, getattr(theirs.out_proj.weight, other))]
    return [*found, (getattr(layer.o_proj.b, mine), getattr(theirs.out_proj.bias, other))]
