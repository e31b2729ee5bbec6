"""All masks of ``hfdl.nn.masks``, for ``every_part``."""

from __future__ import annotations

import torch

from hfdl.nn import length_mask
from hfdl.nn.masks import convert, make

_IDS = torch.arange(1, 16).view(3, 5) % 22 + 1  # (B, T)
_MASK = length_mask(torch.tensor([5, 2, 3]), 5).long()  # (B, T)


def masks() -> None:
    """Masks of all kinds, converted, and as text."""
    causal = make.causal_mask(2, 5)
    real = make.padding_mask(_MASK)
    both = make.combine(causal, real, make.sliding_window_mask(2, 5, window=3), None)
    assert both is not None
    assert both.shape == (3, 1, 2, 5)
    make.document_mask(_IDS)
    make.sliding_window_mask(5, window=2, causal=False)
    assert make.show(causal) == make.show(causal[None, None])
    convert.from_additive(convert.to_additive(both))
    convert.to_multihead_attention(causal)
    convert.to_multihead_attention(both, 3)
    convert.to_attention_mask(real)
    convert.to_key_padding_mask(real)
