"""Initial weights of the models."""

from __future__ import annotations

import math

import torch
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


@torch.no_grad()
def init_module(module: nn.Module) -> None:
    """Draw a module's own first weights as tensor2tensor does, the code of Vaswani et al. 2017.

    Linear layers: uniform within sqrt(6 / (in + out)) (Glorot and Bengio 2010, equation 16), with
    zero biases. Embeddings: N(0, 1 / D), for they are multiplied by sqrt(D).
    """
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        zero_fixed(module)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=module.embedding_dim**-0.5)
        zero_fixed(module)
