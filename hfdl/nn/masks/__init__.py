"""Attention masks: boolean tensors, True = may attend.

One meaning everywhere in hfdl. ``F.scaled_dot_product_attention`` reads booleans the same way;
``nn.MultiheadAttention`` reads them the other way round, and eager Hugging Face models add numbers
to the scores: the converters below go there and back. Masks broadcast to (B, H, T, S), so a mask of
positions alone is (T, S) and one of padding alone (B, 1, 1, S).
"""

from hfdl.nn.masks.convert import (
    from_additive,
    to_additive,
    to_attention_mask,
    to_key_padding_mask,
    to_multihead_attention,
)
from hfdl.nn.masks.make import (
    causal_mask,
    combine,
    document_mask,
    padding_mask,
    show,
    sliding_window_mask,
)

__all__ = [
    "causal_mask",
    "combine",
    "document_mask",
    "from_additive",
    "padding_mask",
    "show",
    "sliding_window_mask",
    "to_additive",
    "to_attention_mask",
    "to_key_padding_mask",
    "to_multihead_attention",
]
