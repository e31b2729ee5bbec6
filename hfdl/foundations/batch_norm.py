"""Batch normalisation: each channel gets mean 0 and variance 1 over the batch, then a scale and a
shift that are learned.

    Z = (X - mean) / sqrt(variance + eps)        Y = gamma Z + beta

Ioffe and Szegedy 2015, algorithm 1 (https://arxiv.org/abs/1502.03167). In training, mean and
variance are the batch's own; outside training they are running averages, so that a prediction does
not depend on the other samples of the batch.
"""

# pyright: reportConstantRedefinition=false

from __future__ import annotations

from typing import Any

import numpy as np

from hfdl.errors import ShapeError
from hfdl.foundations.layer import Backprop, Floats, Layer, Parameter, floats


class BatchNorm(Layer):
    """Over all axes but the second: X (B, C), (B, C, T) or images (B, C, H, W) -> Y of X's shape.

    Args:
        channels: C.
        momentum: share of the new batch in the running averages, as torch's; Keras and the paper
            call what is kept, 1 - 0.1, the momentum.
        eps: added to the variance, so that a constant channel is no division by zero.

    The running variance divides by n - 1 (unbiased), since it estimates that of unseen data; the
    batch itself is normalised by its variance, divided by n. torch does the same.

    Raises:
        ShapeError: in ``forward``, the second axis is not ``channels``, or in training a channel
            has one number only, which has no variance.
    """

    def __init__(self, channels: int, *, momentum: float = 0.1, eps: float = 1e-5) -> None:
        self.gamma = Parameter(np.ones(channels))
        self.beta = Parameter(np.zeros(channels))
        self.running_mean: Floats = np.zeros(channels)
        self.running_variance: Floats = np.ones(channels)
        self.momentum = momentum
        self.eps = eps

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        gamma, beta = self.gamma, self.beta
        X = floats(X, gamma.value.dtype)
        channels = len(gamma.value)
        if X.ndim < 2 or X.shape[1] != channels:
            raise ShapeError(f"X {X.shape}", where="BatchNorm", rule=f"X is (B, {channels}, ...)")
        axes = (0, *range(2, X.ndim))
        shape = (1, channels) + (1,) * (X.ndim - 2)  # (C,) in this shape meets X
        count = X.size // channels

        if train:
            mean, variance = X.mean(axis=axes), X.var(axis=axes)  # (C,)
            self._update_running(mean, variance, count)
        else:
            mean, variance = self.running_mean, self.running_variance
        deviation = np.sqrt(variance + self.eps).astype(X.dtype).reshape(shape)
        Z = (X - mean.astype(X.dtype).reshape(shape)) / deviation
        Y = Z * gamma.value.reshape(shape) + beta.value.reshape(shape)

        def backprop(dY: Floats) -> Floats:
            beta.grad += dY.sum(axis=axes)
            gamma.grad += (dY * Z).sum(axis=axes)
            dZ = dY * gamma.value.reshape(shape)
            if train:
                # Each number also moved the mean, and the variance, of all.
                dZ = dZ - dZ.mean(axis=axes, keepdims=True)
                dZ = dZ - Z * (dZ * Z).mean(axis=axes, keepdims=True)
            return dZ / deviation

        return Y, backprop

    def _update_running(self, mean: Floats, variance: Floats, count: int) -> None:
        if count < 2:
            raise ShapeError(
                "each channel has one number",
                where="BatchNorm",
                rule="in training a channel needs two numbers at least",
                remedy="use a batch size above 1, and leave no batch of 1 at the end",
            )
        unbiased = variance * (count / (count - 1))
        self.running_mean = self.running_mean + self.momentum * (mean - self.running_mean)
        self.running_variance = self.running_variance + self.momentum * (
            unbiased - self.running_variance
        )
