"""From which score on a label is given, where a text may have several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hfdl.errors import ConfigError, did_you_mean
from hfdl.weights.label_rows import label_names

CONFIG_KEY = "label_thresholds"
"""Key of a saved model's config.json: threshold by label."""
UNCALIBRATED_KEY = "uncalibrated_label_thresholds"
"""Key of a calibrated model's config.json: what its thresholds were before its logits were
divided by a temperature. The recipe has those."""
THRESHOLD = 0.5
"""That of labels for which no other is known."""
BEST = "best"
_SHOWN = 12

Thresholds = list[float]
"""Of each label, in the order of their ids."""
Given = str | float | Mapping[str, float]


def thresholds_of(given: Given, names: Sequence[str], where: str) -> Thresholds:
    """The threshold of each label, from one for all or some by name.

    Args:
        given: a number, or numbers by label; labels left out have ``THRESHOLD``.
        names: the C labels.
        where: the key or argument, for messages.

    Raises:
        ConfigError: it is no share between 0 and 1, or names no label of the model.
    """
    by_name = given if isinstance(given, Mapping) else dict.fromkeys(names, given)
    for name, value in by_name.items():
        if name not in names:
            raise ConfigError(
                f"no label {name!r}",
                where=where,
                rule=f"the labels are: {', '.join(names[:_SHOWN])}",
                remedy=did_you_mean(str(name), names),
            )
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (is_number and 0 <= float(value) <= 1):
            raise ConfigError(
                f"{value!r} is no threshold",
                where=where,
                rule="a threshold is a number from 0 to 1",
                remedy="give one, such as 0.4, or some by label: {LABEL: 0.4}",
            )
    return [float(by_name.get(name, THRESHOLD)) for name in names]


def saved_thresholds(config: Any) -> Thresholds | None:
    """Those of a saved model's config; None where it has none."""
    saved = getattr(config, CONFIG_KEY, None)
    if not saved:
        return None
    return thresholds_of(saved, label_names(config), f"config.json, {CONFIG_KEY}")


def of_saved_model(given: Given | None, config: Any) -> Thresholds | None:
    """Those that a saved model answers by: the recipe's numbers, else its own.

    Raises:
        ConfigError: they are to be the best ones, which only training can find.
    """
    saved = saved_thresholds(config)
    if given is None or (given == BEST and saved is not None):
        return saved
    if given == BEST:
        raise ConfigError(
            "the model has no tuned thresholds",
            where="tune.threshold",
            rule="best is tuned on the validation split at the end of training",
            remedy="set tune.threshold=0.5, or train the model again for tuned ones",
        )
    asked = thresholds_of(given, label_names(config), "tune.threshold")
    before = getattr(config, UNCALIBRATED_KEY, None)
    if before and asked == thresholds_of(before, label_names(config), UNCALIBRATED_KEY):
        return saved  # the recipe's own, of logits that were divided since
    return asked


def refuse_thresholds(where: str, what: str) -> ConfigError:
    """The error for thresholds where a text has not several labels."""
    return ConfigError(
        f"{what} has no thresholds",
        where=where,
        rule="they say which of several labels a text has (multi_label_classification)",
        remedy="leave it out",
    )


def best_thresholds(scores: np.ndarray, truth: np.ndarray) -> Thresholds:
    """The threshold of each label with the highest F1 of that label.

    Only where it stands among the scores matters. It lies halfway between two of them, so that
    rounding changes no answer, or is ``THRESHOLD`` where that divides them alike. Of several with
    the same F1 the one nearest to ``THRESHOLD`` is taken. A label that no example has keeps it.

    Args:
        scores: (N, C), from 0 to 1.
        truth: (N, C) of 0 and 1.
    """
    columns = zip(scores.T, truth.T.astype(bool), strict=True)
    return [_best(*column) if column[1].any() else THRESHOLD for column in columns]


def _best(scores: np.ndarray, truth: np.ndarray) -> float:
    values = np.unique(scores)  # (V,), ascending
    lower = np.concatenate([[0.0], values[:-1]])
    halves = (lower + values) / 2
    halves = np.where((lower < THRESHOLD) & (values >= THRESHOLD), THRESHOLD, halves)
    f1 = [_f1(scores >= threshold, truth) for threshold in halves]
    best = [h for h, value in zip(halves.tolist(), f1, strict=True) if value == max(f1)]
    return min(best, key=lambda threshold: (abs(threshold - THRESHOLD), threshold))


def _f1(said: np.ndarray, truth: np.ndarray) -> float:
    return 2 * int((said & truth).sum()) / int(said.sum() + truth.sum())


def fact_of(thresholds: Thresholds, names: Sequence[str], lacking: Sequence[str]) -> str:
    """A line about tuned thresholds, and the labels that no example had."""
    pairs = [f"{n} {t:.3g}" for n, t in zip(names, thresholds, strict=True)]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    kept = f"; no example has {', '.join(lacking[:_SHOWN])}" if lacking else ""
    return f"thresholds tuned on validation: {', '.join(pairs[:_SHOWN])}{more}{kept}"
