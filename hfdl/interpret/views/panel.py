"""What the views draw: one kind of attention, of one model or of two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hfdl.interpret.capture import Kind
from hfdl.interpret.views.divergence import head_divergences


@dataclass(frozen=True, eq=False)
class Panel:
    """The attention maps of a text, with its tokens in words.

    Args:
        kind: self-attention of an encoder or a decoder, or cross-attention.
        tokens: the T tokens that attend.
        sources: the S tokens that are attended to.
        layers: (H, T, S) for each layer.
        compared: the same of a second model, if there is one.
    """

    kind: Kind
    tokens: tuple[str, ...]
    sources: tuple[str, ...]
    layers: tuple[np.ndarray, ...]
    compared: tuple[np.ndarray, ...] | None = None

    @property
    def heads(self) -> int:
        """Heads in a layer; the most of them where layers differ."""
        return max(len(layer) for layer in self.layers)

    def drawn(self, layer: int) -> np.ndarray:
        """What a still picture shows of a layer (H, T, S): weights, or second minus first."""
        first = self.layers[layer]
        return first if self.compared is None else self.compared[layer] - first

    def most_changed(self) -> tuple[int, int | None]:
        """Layer and head that differ most; the mean of layer 0 where nothing is compared."""
        divergences = self.divergences()
        if divergences is None:
            return 0, None
        layer, head = np.unravel_index(divergences.argmax(), divergences.shape)
        return int(layer), int(head)

    def divergences(self) -> np.ndarray | None:
        """How far each head has moved (L, H), in bits; None where there is nothing to compare."""
        return None if self.compared is None else head_divergences(self.layers, self.compared)
