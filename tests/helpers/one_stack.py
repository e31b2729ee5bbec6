"""A tiny encoder or decoder with its weights drawn, and a batch for it to read."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hfdl.models.one_stack import OneStackConfig
from hfdl.nn.functional import attention
from hfdl.nn.fused import fused_attention

BOUND = 1e-12
WORDS, WIDTH, HEADS, LAYERS, INNER = 23, 16, 4, 2, 24
TINY = OneStackConfig(
    vocab_size=WORDS, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
    intermediate_size=INNER, dropout=0.0,
)  # fmt: skip
KERNELS = [attention, fused_attention]


def drawn(model: nn.Module, seed: int = 0) -> Any:
    """The model in float64, every weight drawn wide: norms, biases and tables too."""
    torch.manual_seed(seed)
    model = model.double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.3 * torch.randn_like(parameter))
            if parameter.dim() == 1:
                parameter.add_(0.5)
    return model


def batch() -> tuple[Tensor, Tensor]:
    """Four texts, padded on the right, of 9, 9, 5 and 1 tokens."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(1, WORDS, (4, 9), generator=generator)
    mask = (torch.arange(9) < torch.tensor([9, 9, 5, 1])[:, None]).long()
    return ids * mask, mask
