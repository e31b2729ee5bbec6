"""Two classifiers of handwritten digits: a multi-layer perceptron and a convolutional network.

Both take (B, 1, side, side), ink from 0 to 1, and give the scores (logits) of the 10 digits,
float32. What they reach on MNIST: ``benchmarks/digits.py``.
"""

from __future__ import annotations

import numpy as np

from hfdl.errors import ShapeError
from hfdl.foundations.activations import ReLU
from hfdl.foundations.dense import Dense
from hfdl.foundations.initialization import Rng, generator, he_normal
from hfdl.foundations.layer import Layer
from hfdl.foundations.sequential import Sequential
from hfdl.foundations.vision.convolution import Conv2d
from hfdl.foundations.vision.pooling import Flatten, MaxPool2d

DIGITS = 10


def digits_mlp(rng: Rng = None, *, side: int = 28) -> Sequential:
    """side * side - 128 - 64 - 10 with ReLU between: 109,386 weights for MNIST.

    Args:
        rng: draws the weights.
        side: pixels of an image's side.
    """
    rng = generator(rng)
    return _single(
        Flatten(),  # (B, 1, side, side) -> (B, side * side)
        Dense(side * side, 128, init=he_normal, rng=rng),
        ReLU(),
        Dense(128, 64, init=he_normal, rng=rng),
        ReLU(),
        Dense(64, DIGITS, rng=rng),
    )


def digits_cnn(rng: Rng = None, *, side: int = 28) -> Sequential:
    """conv - pool - conv - pool - dense: 20,490 weights for MNIST.

    Kernels of 3 x 3 that keep the image's size; each pooling halves it. The second convolution
    sees a window of 8 x 8 pixels of the image.

    Args:
        rng: draws the weights.
        side: pixels of an image's side.

    Raises:
        ShapeError: fewer than 4 pixels, which cannot be halved twice.
    """
    if side < 4:
        raise ShapeError(f"images of {side} x {side}", rule="they are halved twice: 4 or more")
    rng = generator(rng)
    return _single(
        Conv2d(1, 16, 3, padding="same", rng=rng),  # (B, 16, side, side)
        ReLU(),
        MaxPool2d(2),  # (B, 16, side / 2, side / 2), rounded down
        Conv2d(16, 32, 3, padding="same", rng=rng),  # (B, 32, side / 2, side / 2)
        ReLU(),
        MaxPool2d(2),  # (B, 32, side / 4, side / 4)
        Flatten(),  # (B, 32 * side / 4 * side / 4)
        Dense(32 * (side // 2 // 2) ** 2, DIGITS, rng=rng),
    )


def _single(*layers: Layer) -> Sequential:
    """In float32, which is twice as fast."""
    network = Sequential(*layers)
    network.astype(np.float32)
    return network
