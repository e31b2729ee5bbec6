"""Initial weights of the models."""

from __future__ import annotations

import math

from torch import nn


def init_weights(model: nn.Module, std: float = 0.02) -> None:
    """Draw weights from N(0, std**2), with zero biases, as BERT and GPT-2 do.

    Norms are left at 1 and 0, and the row of a padding token at 0.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=std)
            zero_fixed(module)


def zero_fixed(module: nn.Linear | nn.Embedding) -> None:
    """Set what no model draws to 0: the bias of a layer, or the row of a padding token."""
    if isinstance(module, nn.Embedding):
        if module.padding_idx is not None:
            nn.init.zeros_(module.weight[module.padding_idx])
    elif module.bias is not None:  # pyright: ignore[reportUnnecessaryComparison]  # bias=False
        nn.init.zeros_(module.bias)


def scale_residuals(model: nn.Module, std: float, num_layers: int) -> None:
    """Draw what is added to the residual stream smaller, by 1 / sqrt(2 layers).

    The stream is a sum of that many terms (Radford et al. 2019, section 2.3).
    """
    for name, parameter in model.named_parameters():
        if name.endswith(("attention.o_proj.weight", "feed_forward.down_proj.weight")):
            nn.init.normal_(parameter, std=std / math.sqrt(2 * num_layers))
