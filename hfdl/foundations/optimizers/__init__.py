"""Optimisers: from gradients to the next parameters, w.

    optimizer = Adam(network.parameters(), 0.001)
    ...                          # forward, loss, backprop: gradients are added up
    optimizer.step()             # updates the parameters
    optimizer.zero_grad()        # sets the gradients to zero

Each makes the steps of torch's class of that name (``Momentum`` and ``Nesterov`` are ``SGD``
there), with the same defaults.
"""

from __future__ import annotations

from hfdl.foundations.optimizers.adaptive import Adam, AdamW, RMSProp
from hfdl.foundations.optimizers.base import Optimizer
from hfdl.foundations.optimizers.descent import SGD, AveragedMomentum, Momentum, Nesterov

__all__ = [
    "SGD", "Adam", "AdamW", "AveragedMomentum", "Momentum", "Nesterov", "Optimizer", "RMSProp",
]  # fmt: skip
