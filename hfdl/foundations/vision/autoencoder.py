"""A denoising autoencoder: what was drawn, from what is left of it:

    corrupted X  --encoder-->  code  --decoder-->  Y, trained to be X as it was

An autoencoder learns to give back its input through a code of few numbers. Given inputs with
something missing and the whole as target (Vincent et al. 2008,
https://doi.org/10.1145/1390156.1390294), it has to learn what inputs look like, or it could not
fill in the rest; copying is not enough. No labels are needed.
"""

# pyright: reportConstantRedefinition=false

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hfdl.errors import ConfigError, ShapeError
from hfdl.foundations.activations import ReLU, Sigmoid
from hfdl.foundations.dense import Dense
from hfdl.foundations.initialization import Rng, generator, he_normal
from hfdl.foundations.layer import Backprop, Floats, Layer
from hfdl.foundations.sequential import Sequential
from hfdl.foundations.vision.pooling import Flatten


class Autoencoder(Layer):
    """An encoder, and a decoder of its code; each is also used alone.

    Args:
        encoder: X (B, ...) -> code (B, K).
        decoder: code (B, K) -> Y, of X's shape.
    """

    def __init__(self, encoder: Layer, decoder: Layer) -> None:
        self.encoder, self.decoder = encoder, decoder

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        code, from_encoder = self.encoder.forward(X, train=train)
        Y, from_decoder = self.decoder.forward(code, train=train)

        def backprop(dY: Floats) -> Floats:
            return from_encoder(from_decoder(dY))

        return Y, backprop


class Unflatten(Layer):
    """(B, N) -> (B, *shape): undoes ``Flatten``.

    Args:
        shape: of one sample.

    Raises:
        ShapeError: in ``forward``, a row has not as many numbers as the shape.
    """

    def __init__(self, *shape: int) -> None:
        self.shape = shape

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        X = np.asarray(X)
        if X.ndim != 2 or X.shape[1] != math.prod(self.shape):
            raise ShapeError(
                f"X {X.shape}", where="Unflatten", rule=f"X is (B, {math.prod(self.shape)})"
            )

        def backprop(dY: Floats) -> Floats:
            return dY.reshape(X.shape)

        return X.reshape(len(X), *self.shape), backprop


def digits_autoencoder(
    rng: Rng = None, *, side: int = 28, hidden: int = 128, code: int = 32
) -> Autoencoder:
    """side * side - hidden - code - hidden - side * side, with ReLU between.

    The code itself has no activation, so that it may be any number, as the scores of a principal
    component analysis may; the last layer has a sigmoid, since ink is 0 to 1.

    Args:
        rng: draws the weights.
        side: pixels of an image's side, (B, 1, side, side).
        hidden: width of the layers on both sides of the code.
        code: K, the bottleneck. 8 x 8 digits need fewer, 16 say.
    """
    rng = generator(rng)
    encoder = Sequential(
        Flatten(),  # (B, 1, side, side) -> (B, side * side)
        Dense(side * side, hidden, init=he_normal, rng=rng),
        ReLU(),
        Dense(hidden, code, rng=rng),  # (B, K)
    )
    decoder = Sequential(
        Dense(code, hidden, init=he_normal, rng=rng),
        ReLU(),
        Dense(hidden, side * side, rng=rng),
        Sigmoid(),
        Unflatten(1, side, side),
    )
    network = Autoencoder(encoder, decoder)
    network.astype(np.float32)
    return network


def masked(
    X: Floats, rng: np.random.Generator | np.random.RandomState, *, share: float = 0.25
) -> Floats:
    """X with numbers put out: each is 0 with probability ``share`` (section 2.3 of the paper).

    Args:
        X: any shape.
        rng: draws a number for each of X's.
        share: 0 to 1.

    Returns:
        as X, a new array. With ``fit(augment=partial(masked, share=0.5))`` and X itself as target,
        other pixels are out in every epoch.

    Raises:
        ConfigError: the share is not from 0 to 1.
    """
    if not 0.0 <= share <= 1.0:
        raise ConfigError(f"share is {share}", rule="it is a probability, 0 to 1")
    X = np.asarray(X)
    return np.where(rng.uniform(size=X.shape) < share, X.dtype.type(0), X)
