"""Initial weights, and the source of random numbers.

A weight matrix is (inputs, outputs), and its bias begins at zero. The scale decides whether a
signal survives a deep stack: a unit adds up ``inputs`` products, so its variance is
inputs * var(w) times that of what comes in.

Every function takes the shape and a source of random numbers. ``scaled_gaussian`` makes such a
function of a scale.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from hfdl.errors import ConfigError, ShapeError
from hfdl.foundations.layer import Floats

Rng = np.random.Generator | np.random.RandomState | int | None
"""A source of random numbers, a seed, or None; see ``generator``."""

Shape = tuple[int, ...]


class Initializer(Protocol):
    """From the shape of a weight to its first value."""

    def __call__(self, shape: Shape, rng: Rng = None) -> Floats: ...


def generator(rng: Rng) -> np.random.Generator | np.random.RandomState:
    """The source of random numbers for an argument ``rng``.

    Both kinds of source have ``standard_normal``, ``uniform``, ``random``, ``permutation``,
    ``shuffle`` and ``choice``.

    Args:
        rng: a generator is taken as it is, so that layers which share one draw in turn; a whole
            number seeds a new one; None is a new one that differs in every run. A
            ``RandomState`` is NumPy's older kind, whose numbers the notes print.

    Raises:
        ConfigError: it is something else, or a negative number.
    """
    if isinstance(rng, (np.random.Generator, np.random.RandomState)):
        return rng
    whole = isinstance(rng, (int, np.integer)) and not isinstance(rng, bool)
    if rng is None or (whole and rng >= 0):
        return np.random.default_rng(rng)
    raise ConfigError(
        f"rng is {rng!r}",
        rule="rng is a NumPy generator, a seed (a whole number from 0), or None",
    )


def scaled_gaussian(scale: float = 0.01) -> Initializer:
    """Normal numbers of standard deviation ``scale``, whatever the shape.

    0.01 is what the notes take. It is fine for one or two layers; in a deep stack each layer
    shrinks the signal, and the gradient with it.
    """

    def initialize(shape: Shape, rng: Rng = None) -> Floats:
        return scale * generator(rng).standard_normal(shape)

    return initialize


def glorot_uniform(shape: Shape, rng: Rng = None, *, fans: tuple[int, int] | None = None) -> Floats:
    """Uniform in +-sqrt(6 / (inputs + outputs)): variance 2 / (inputs + outputs).

    A middle way between keeping the variance forward (1 / inputs) and backward (1 / outputs);
    for tanh and for outputs. Glorot and Bengio 2010, equation 16.

    Args:
        shape: (inputs, outputs), or any other with ``fans``.
        rng: see ``generator``.
        fans: how many numbers one output is made of, and how many outputs one input goes to; for
            a convolution (channels * kernel area) on both sides. None: taken from the shape.
    """
    inputs, outputs = _fans(shape, fans)
    limit = float(np.sqrt(6.0 / (inputs + outputs)))
    return generator(rng).uniform(-limit, limit, shape)


def glorot_normal(shape: Shape, rng: Rng = None, *, fans: tuple[int, int] | None = None) -> Floats:
    """Normal of variance 2 / (inputs + outputs). Arguments as in ``glorot_uniform``."""
    inputs, outputs = _fans(shape, fans)
    return float(np.sqrt(2.0 / (inputs + outputs))) * generator(rng).standard_normal(shape)


def he_uniform(shape: Shape, rng: Rng = None, *, fans: tuple[int, int] | None = None) -> Floats:
    """Uniform in +-sqrt(6 / inputs): variance 2 / inputs. Arguments as in ``glorot_uniform``."""
    limit = float(np.sqrt(6.0 / _fans(shape, fans)[0]))
    return generator(rng).uniform(-limit, limit, shape)


def he_normal(shape: Shape, rng: Rng = None, *, fans: tuple[int, int] | None = None) -> Floats:
    """Normal of variance 2 / inputs, for ReLU, which makes half of its inputs zero.

    He et al. 2015, equation 10 (https://arxiv.org/abs/1502.01852). Arguments as in
    ``glorot_uniform``.
    """
    return float(np.sqrt(2.0 / _fans(shape, fans)[0])) * generator(rng).standard_normal(shape)


def zeros(shape: Shape, rng: Any = None) -> Floats:
    """Zeros: for biases. Weights of zeros make every unit of a layer the same for ever."""
    return np.zeros(shape)


def _fans(shape: Shape, fans: tuple[int, int] | None) -> tuple[int, int]:
    if fans is not None:
        return fans
    if len(shape) != 2:
        raise ShapeError(
            f"weights of shape {shape}",
            rule="only of (inputs, outputs) can the fans be read",
            remedy="give fans=(inputs, outputs) of one unit",
        )
    return shape[0], shape[1]
