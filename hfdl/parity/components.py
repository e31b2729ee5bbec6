"""The parts of a transformer's forward and backward pass that are compared, under one set of names.

The shapes are the recorded ones, whatever the implementation uses inside. B batch, T positions,
S keys, D width, H heads, G key-value heads, K head width, V vocabulary or labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.nn import functional as F

# In the order of the computation, with a description of each.
COMPONENTS: dict[str, str] = {
    "embeddings": "what goes into the first block (B, T, D)",
    "rotary": "cosines and sines of the positions (B, T, 2 K)",
    "attention_norm": "output of the norm before or behind attention (B, T, D)",
    "query": "queries, rotated where the model rotates (B, H, T, K)",
    "key": "keys, rotated likewise (B, G, S, K)",
    "value": "values (B, G, S, K)",
    "scores": "scale * Q K^T, before the mask (B, H, T, S)",
    "weights": "softmax of the masked scores (B, H, T, S)",
    "context": "weights times values, heads side by side (B, T, H K)",
    "attention_output": "the output projection (B, T, D)",
    "feed_forward_norm": "output of the norm before or behind the feed-forward (B, T, D)",
    "feed_forward": "the feed-forward (B, T, D)",
    "residual": "what leaves a block (B, T, D)",
    "final_norm": "the norm behind the last block (B, T, D)",
    "hidden": "the last hidden states, of a model without a head (B, T, D)",
    "pooler": "the pooled first token (B, D)",
    "logits": "what the head says (B, T, V) or (B, V)",
    "loss": "the loss",
    "gradients": "of the loss, for every parameter",
}
# Computed inside a fused kernel, which never materialises them.
INSIDE_THE_KERNEL = frozenset({"scores", "weights"})

Key = tuple[str, int | None]
"""A component and its layer, None where it belongs to no layer."""


@dataclass
class Trace:
    """What was recorded of one implementation on one batch.

    Attributes:
        values: by component and layer.
        gradients: by Hugging Face's name of the parameter; empty where there are none.
        calls: how often an attention was called.
        expected_calls: layers times passes.
    """

    values: dict[Key, Tensor] = field(default_factory=dict)
    gradients: dict[str, Tensor] = field(default_factory=dict)
    calls: int = 0
    expected_calls: int = 0

    @property
    def ran(self) -> bool:
        """Whether every layer called the attention that was meant, and none twice."""
        return self.calls == self.expected_calls > 0

    def only(self, other: Trace) -> Trace:
        """This, with only those values that ``other``, perhaps a foreign model, has too."""
        values = {key: x for key, x in self.values.items() if key in other.values}
        return replace(self, values=values)

    def forward_only(self) -> Trace:
        """This, without loss and gradients, which only one pass over a whole text has."""
        values = {key: x for key, x in self.values.items() if key[0] != "loss"}
        return replace(self, values=values, gradients={})


def join_passes(passes: Sequence[tuple[int, dict[Key, Tensor]]]) -> dict[Key, Tensor]:
    """Join the values of a text that was decoded in several passes, as one pass would give them.

    Args:
        passes: for each pass the position behind its last, and what was recorded.
    """
    if len(passes) == 1:
        return passes[0][1]
    end = passes[-1][0]
    return {
        key: _joined(key[0], [(stop, values[key]) for stop, values in passes], end)
        for key in passes[-1][1]
    }


def _joined(component: str, pieces: list[tuple[int, Tensor]], end: int) -> Tensor:
    if component in ("key", "value"):
        return pieces[-1][1]  # the cache returns the earlier ones too
    if component in ("scores", "weights"):
        # (B, H, T, S): the last key is the pass's last position, and later ones do not exist yet.
        aligned = [F.pad(x, (stop - x.shape[-1], end - stop)) for stop, x in pieces]
        return torch.cat(aligned, dim=2)
    return torch.cat([x for _, x in pieces], dim=2 if component == "query" else 1)
