"""Small synthetic data sets on which a network's behaviour can be seen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hfdl.errors import ConfigError
from hfdl.foundations.initialization import Rng, generator
from hfdl.foundations.layer import Floats, Ints


def xor() -> tuple[Floats, Floats]:
    """Either, but not both: the smallest problem that no straight line solves. (4, 2), (4, 1)."""
    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    return X, np.array([[0.0], [1.0], [1.0], [0.0]])


def logical_and() -> tuple[Floats, Floats]:
    """1 where both are. (4, 2), (4, 1)."""
    return xor()[0], np.array([[0.0], [0.0], [0.0], [1.0]])


def logical_or() -> tuple[Floats, Floats]:
    """1 where one is. (4, 2), (4, 1)."""
    return xor()[0], np.array([[0.0], [1.0], [1.0], [1.0]])


def hours_studied() -> tuple[Floats, Floats]:
    """Eight students: hours of study and of sleep, and whether they passed. (8, 2), (8, 1)."""
    study = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    sleep = [2.0, 3.0, 5.0, 2.0, 6.0, 7.0, 8.0, 7.0]
    passed = [0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0]
    return np.stack([study, sleep], axis=1), np.array(passed)[:, None]


def gaussian_points(count: int = 100, *, rng: Rng = None) -> tuple[Floats, Floats]:
    """Normal points in the plane; yes where x1 + x2 > 0. (count, 2), (count, 1).

    Args:
        count: how many.
        rng: see ``initialization.generator``; ``RandomState(42)`` gives the points of note 4.
    """
    X = generator(rng).standard_normal((count, 2))
    return X, (X.sum(axis=1, keepdims=True) > 0).astype(np.float64)


def spirals(
    points: int = 100, classes: int = 3, *, noise: float = 0.2, rng: Rng = None
) -> tuple[Floats, Ints]:
    """Arms that wind around each other, one for each class.

    An arm goes out from the centre to radius 1 while it turns by four radians; the angles get
    normal noise. (The package ``nnfs`` of the notes draws the same figure, from other random
    numbers.)

    Args:
        points: of each class; at least 2.
        classes: how many arms.
        noise: standard deviation of the angles, in radians.
        rng: see ``initialization.generator``.

    Returns:
        (classes * points, 2) and the class of each, (classes * points,), in order.

    Raises:
        ConfigError: points is below 2, or classes is below 1.
    """
    if points < 2 or classes < 1:
        raise ConfigError(
            f"spirals({points}, {classes})", rule="an arm has two points at least, and one there is"
        )
    radius = np.tile(np.linspace(0.0, 1.0, points), classes)
    target = np.repeat(np.arange(classes), points)
    start = 2.0 * np.pi * target / classes
    angle = start + 4.0 * radius + noise * generator(rng).standard_normal(classes * points)
    X = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)
    return X, target


class Bonuses(NamedTuple):
    """Result of ``bonuses``: inputs (count, 3), bonuses (count, 1), and the rule behind them."""

    X: Floats
    target: Floats
    weights: Floats
    bias: float


def bonuses(count: int = 100, *, noise: float = 1.0, rng: Rng = None) -> Bonuses:
    """Employees: performance 1 to 10, years of experience 0 to 20, projects 0 to 15; their bonus.

    The bonus, in thousands, is 12 for a point of performance, 2 for a year, 5 for a project and 20
    for everybody, and noise.

    Args:
        count: how many.
        noise: standard deviation of what the rule does not explain.
        rng: see ``initialization.generator``.
    """
    random = generator(rng)
    performance = random.uniform(1.0, 10.0, count)
    years = random.uniform(0.0, 20.0, count)
    projects = np.floor(random.uniform(0.0, 16.0, count))
    X = np.stack([performance, years, projects], axis=1)
    weights, bias = np.array([12.0, 2.0, 5.0]), 20.0
    target = X @ weights + bias + noise * random.standard_normal(count)
    return Bonuses(X, target[:, None], weights, bias)
