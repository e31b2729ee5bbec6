"""The spirals that the course notes take from the package nnfs: the same numbers."""

from __future__ import annotations

import numpy as np


def notes_spirals(
    points: int = 100, classes: int = 3, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.random.RandomState]:
    """What nnfs makes after its ``init()``, and the generator as it leaves it.

    Facts of that package: NumPy's old generator with seed 0; of class c the angles run from 4 c to
    4 (c + 1), with normal noise of 0.2, and are taken 2.5 times (hfdl's own arms turn otherwise);
    the radius runs from 0 to 1; products are taken in float32.

    Returns:
        (classes * points, 2) in float32, the classes, and the generator, for the weights.
    """
    state = np.random.RandomState(seed)
    radius = np.linspace(0.0, 1.0, points)
    arms = []
    for c in range(classes):
        angle = 2.5 * (np.linspace(4 * c, 4 * c + 4, points) + 0.2 * state.standard_normal(points))
        arms.append(np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1))
    target = np.repeat(np.arange(classes), points)
    return np.concatenate(arms).astype(np.float32), target, state
