"""Sequential: layers in a row; the backward pass is the chain rule, last layer first."""

# pyright: reportConstantRedefinition=false

from __future__ import annotations

from typing import Any

from hfdl.errors import ConfigError
from hfdl.foundations.layer import Backprop, Floats, Layer


class Sequential(Layer):
    """The output of each layer is the input of the next.

        network = Sequential(Dense(2, 4, rng=rng), ReLU(), Dense(4, 1, rng=rng), Sigmoid())

    Args:
        layers: at least one; parameters are named ``layers.0.W`` and so on.

    Raises:
        ConfigError: there is no layer, or something is not a layer.
    """

    def __init__(self, *layers: Layer) -> None:
        for i, layer in enumerate(layers):
            if not isinstance(layer, Layer):  # pyright: ignore[reportUnnecessaryIsInstance]
                # A common slip: the class instead of a layer, Sequential(ReLU).
                raise ConfigError(
                    f"layer {i} of Sequential is {layer!r}",
                    rule="each is a Layer, such as Dense(2, 4) or ReLU()",
                )
        if not layers:
            raise ConfigError("Sequential() has no layer", rule="it needs at least one")
        self.layers = list(layers)

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        backprops: list[Backprop] = []
        for layer in self.layers:
            X, backprop = layer.forward(X, train=train)
            backprops.append(backprop)

        def backprop_all(dY: Floats) -> Floats:
            for backprop in reversed(backprops):
                dY = backprop(dY)
            return dY

        return X, backprop_all
