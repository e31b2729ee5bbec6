"""What a temperature does for the probabilities on a split: figures before and after, honestly.

On the split that the temperature was fitted on the figures after it are cross-fitted: those of each
fold are at the temperature of the other folds. Intervals are of the change, by drawing the examples
again (paired bootstrap).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hfdl.calibration.scaling import fit_temperature, probabilities
from hfdl.metrics import calibration
from hfdl.metrics.bootstrap import interval
from hfdl.tasks.label_logits import LabelLogits

FOLDS = 5
RESAMPLES = 2000
NAMES = {"nll": "log loss", "brier": "Brier score", "ece": "calibration error"}
"""The figures, in words."""
BINS_TEXT = f"calibration error in {calibration.BINS} bins of equal mass"


@dataclass(frozen=True)
class Change:
    """A figure before and after, and the 95 % interval of after - before; less is better."""

    before: float
    after: float
    low: float | None
    high: float | None

    @property
    def verdict(self) -> str:
        """``better``, ``worse``, or ``unclear`` where the interval holds 0."""
        if self.low is None or self.high is None or self.low <= 0 <= self.high:
            return "unclear"
        return "better" if self.high < 0 else "worse"


@dataclass(frozen=True)
class SplitFigures:
    """The figures of one split.

    Args:
        examples: of the split.
        items: texts, or words that have a tag.
        cross_fitted: whether the figures after are of temperatures that the items had no part in.
        figures: ``nll``, ``brier`` and ``ece``.
        ece_by_chance: the calibration error of a perfectly calibrated model here.
    """

    examples: int
    items: int
    cross_fitted: bool
    figures: dict[str, Change]
    ece_by_chance: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values that json can write."""
        return asdict(self)


def fitted(found: LabelLogits) -> float | None:
    """The temperature with the least negative log-likelihood; None where there is none."""
    return fit_temperature(_loss_of(found))


def split_figures(
    found: LabelLogits, temperature: float, *, cross_fitted: bool, seed: int = 0
) -> SplitFigures:
    """Compare the probabilities before and after.

    Args:
        found: of the split.
        temperature: that of the whole validation split.
        cross_fitted: whether ``found`` is that split.
        seed: of the folds and the draws.
    """
    before = probabilities(found, 1.0)
    after = _cross_fitted(found, temperature, seed) if cross_fitted else probabilities(
        found, temperature)  # fmt: skip
    said, _ = calibration.confidences(after, found.targets)
    return SplitFigures(
        examples=len(np.unique(found.examples)),
        items=len(found.targets),
        cross_fitted=cross_fitted,
        figures=_changes(found, before, after, seed),
        ece_by_chance=calibration.error_by_chance(said, seed=seed),
    )


def _loss_of(found: LabelLogits) -> Callable[[float], float]:
    def loss(temperature: float) -> float:
        shares = probabilities(found, temperature)
        return float(calibration.log_losses(shares, found.targets).mean())

    return loss


def _cross_fitted(found: LabelLogits, temperature: float, seed: int) -> np.ndarray:
    """Probabilities of each item at the temperature that the other folds' items have.

    Folds are of whole examples: words of one sentence are alike. Where the others have no
    temperature, all of them being right, their items take that of all.
    """
    examples, of = np.unique(found.examples, return_inverse=True)
    fold_of = np.random.default_rng(seed).permutation(np.arange(len(examples)) % FOLDS)[of]
    shares = np.empty((len(found.targets), found.logits.shape[1]))
    for fold in range(min(FOLDS, len(examples))):
        inside = fold_of == fold
        own = None if inside.all() else fitted(found.of(~inside))
        shares[inside] = probabilities(found.of(inside), own or temperature)
    return shares


def _changes(
    found: LabelLogits, before: np.ndarray, after: np.ndarray, seed: int
) -> dict[str, Change]:
    """Each figure, with the interval of its change over examples that are drawn again."""
    _, of = np.unique(found.examples, return_inverse=True)
    examples = int(of.max()) + 1
    sums = [_by_example(shares, found.targets, of) for shares in (before, after)]
    blocks = [[_figures(weights @ side) for side in sums] for weights in _draws(examples, seed)]
    drawn = [np.concatenate(side) for side in zip(*blocks, strict=True)]
    whole = [_figures(side.sum(axis=0, keepdims=True)) for side in sums]
    changes = {}
    for number, name in enumerate(NAMES):
        ends = interval(drawn[1][:, number] - drawn[0][:, number]) if examples > 1 else None
        low, high = ends or (None, None)
        before_after = [float(side[0, number]) for side in whole]
        changes[name] = Change(before_after[0], before_after[1], low, high)
    return changes


def _by_example(shares: np.ndarray, truth: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Sums by example, (E, 4 + bins): items, losses, Brier scores, predictions, gaps by bin.

    Every figure of a resample follows from such sums, so that no item is looked at again.
    """
    said, right = calibration.confidences(shares, truth)
    bins = calibration.equal_mass_bins(said)
    each = np.repeat(of, len(said) // max(len(of), 1))
    sums = np.zeros((int(of.max()) + 1, 4 + calibration.BINS))
    sums[:, 0] = np.bincount(of)
    sums[:, 1] = np.bincount(of, weights=calibration.log_losses(shares, truth))
    sums[:, 2] = np.bincount(of, weights=calibration.brier_scores(shares, truth))
    sums[:, 3] = np.bincount(each)
    np.add.at(sums, (each, 4 + bins), said - right)
    return sums


def _draws(examples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each example is drawn, in blocks of (resamples, E)."""
    random = np.random.default_rng(seed)
    block = max(1, min(RESAMPLES, 2_000_000 // examples))
    even = np.full(examples, 1 / examples)
    for start in range(0, RESAMPLES, block):
        size = min(block, RESAMPLES - start)
        yield random.multinomial(examples, even, size=size).astype(np.float64)


def _figures(totals: np.ndarray) -> np.ndarray:
    """Log loss, Brier score and calibration error of summed sums, (resamples, 3)."""
    items, predictions = totals[:, 0], totals[:, 3]
    return np.stack([
        totals[:, 1] / items, totals[:, 2] / items, np.abs(totals[:, 4:]).sum(axis=1) / predictions,
    ], axis=1)  # fmt: skip
