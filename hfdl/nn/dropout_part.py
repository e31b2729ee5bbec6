"""Put hfdl's dropout in the place of torch's: the same distribution for a third of the time."""

from __future__ import annotations

from torch import nn

from hfdl.nn.dropout import Dropout


def use_cheap_dropout(model: nn.Module) -> int:
    """Replace every ``nn.Dropout`` of a model by ``hfdl.nn.Dropout`` of the same probability.

    Dropout has no weights, so names and saved files stay as they are. Subclasses are left alone,
    and so is dropout inside fused attention.

    Returns:
        how many were replaced.
    """
    replaced = 0
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Dropout:
                setattr(module, name, Dropout(child.p).train(child.training))
                replaced += 1
    return replaced
