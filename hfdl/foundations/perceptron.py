"""The perceptron: one neuron that says yes or no, and learns from its mistakes.

Rosenblatt 1958, "The perceptron", Psychological Review 65(6). For each sample in turn:

    y = step(w . x + b)          step(z) is 1 where z > 0, else 0
    w += rate * (t - y) * x      nothing changes where the answer is right
    b += rate * (t - y)

**It learns whatever a straight line separates.** If some line leaves a margin g around it and no
sample (with a 1 appended for the bias) is longer than R, there are at most (R / g)^2 mistakes,
however often the samples are shown (Novikoff 1962).

**It cannot learn XOR, and no learning rule could help.** The four answers would need

    (0, 0) -> 0:   b <= 0              (0, 1) -> 1:   w2 + b > 0
    (1, 0) -> 1:   w1 + b > 0          (1, 1) -> 0:   w1 + w2 + b <= 0

The two in the right column and row that say 1 add up to w1 + w2 + 2 b > 0. Since b <= 0, that makes
w1 + w2 + b > 0 as well, and the last line says the opposite. A second layer solves it.
"""

# pyright: reportConstantRedefinition=false

from __future__ import annotations

from typing import Any

import numpy as np

from hfdl.errors import DataError, ShapeError
from hfdl.foundations.activations import step
from hfdl.foundations.layer import Floats


class Perceptron:
    """A single neuron with a step. Its weights and bias begin at zero.

    Args:
        inputs: how many numbers a sample has.
        rate: what a correction is multiplied by. From weights of zero it changes no answer, only
            the scale of the weights.
    """

    def __init__(self, inputs: int, *, rate: float = 1.0) -> None:
        self.weights: Floats = np.zeros(inputs)
        self.bias = 0.0
        self.rate = rate

    def predict(self, X: Any) -> Floats:
        """0.0 or 1.0 for each row. X (B, inputs) -> (B,).

        Raises:
            ShapeError: a row has another number of inputs.
        """
        X = np.asarray(X, dtype=np.float64)
        if X.ndim != 2 or X.shape[1] != len(self.weights):
            raise ShapeError(
                f"X {X.shape}", where="Perceptron", rule=f"X is (B, {len(self.weights)})"
            )
        return step(X @ self.weights + self.bias)

    def train_epoch(self, X: Any, target: Any) -> int:
        """Show every sample once, in order, and correct each mistake at once.

        Args:
            X: (B, inputs).
            target: (B,) of 0 and 1.

        Returns:
            how many answers were wrong. Zero: the perceptron separates the samples, and will not
            change any more.

        Raises:
            ShapeError: X and target do not fit.
            DataError: a target is neither 0 nor 1.
        """
        X, target = np.asarray(X, dtype=np.float64), np.asarray(target, dtype=np.float64)
        if target.shape != X.shape[:1]:
            raise ShapeError(
                f"X {X.shape}, target {target.shape}", rule="each row of X has one target"
            )
        if strange := set(target.tolist()) - {0.0, 1.0}:
            raise DataError(
                f"a target is {float(min(strange))}", rule="a perceptron answers 0 or 1"
            )
        wrong = 0
        for x, t in zip(X, target, strict=True):
            correction = t - self.predict(x[None])[0]  # -1, 0 or 1
            self.weights = self.weights + self.rate * correction * x
            self.bias += float(self.rate * correction)
            wrong += int(correction != 0)
        return wrong

    def train(self, X: Any, target: Any, *, epochs: int = 100) -> list[int]:
        """Epochs until one is without a mistake, or ``epochs`` of them.

        Returns:
            the mistakes of each epoch. The last is 0 where the samples were learned; on XOR it
            never is.
        """
        mistakes: list[int] = []
        while len(mistakes) < epochs and (not mistakes or mistakes[-1]):
            mistakes.append(self.train_epoch(X, target))
        return mistakes
