"""The part of a task that decides which of several labels a text has."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from hfdl.config.schema import Recipe, TuneConfig
from hfdl.tasks.protocol import Prediction
from hfdl.tasks.text_classification.data import MULTI
from hfdl.tasks.text_classification.thresholds import (
    BEST,
    CONFIG_KEY,
    UNCALIBRATED_KEY,
    Thresholds,
    best_thresholds,
    fact_of,
    refuse_thresholds,
    thresholds_of,
)


class Thresholded:
    """``tune.threshold`` of a task with labels; see ``Settles``."""

    has_thresholds = True
    recipe: Recipe
    tune: TuneConfig
    trains: bool
    config: Any
    thresholds: Thresholds | None = None

    @property
    @abstractmethod
    def label_names(self) -> list[str]:
        """The labels in the order of their ids."""

    def _check_thresholds(self, problem_type: str) -> None:
        """Read the recipe's thresholds for the labels of training.

        Raises:
            ConfigError: a text has not several labels, or there is no such label.
        """
        given = self.recipe.tune.threshold
        if given is not None and problem_type != MULTI:
            raise refuse_thresholds("tune.threshold", problem_type)
        if self.trains and given is not None and given != BEST:
            self.thresholds = thresholds_of(given, self.label_names, "tune.threshold")

    def _threshold_settings(self) -> dict[str, Any]:
        """What the model's config is told; None instead of those of the model that is trained."""
        stale = [k for k in (CONFIG_KEY, UNCALIBRATED_KEY) if getattr(self.config, k, None)]
        settings: dict[str, Any] = dict.fromkeys(stale)
        return {**settings, CONFIG_KEY: self.by_label()} if self.thresholds or stale else {}

    @property
    def settles(self) -> bool:
        """Whether thresholds are still to be found."""
        return self.tune.threshold == BEST

    def settle(
        self, model: Any, predictions: Sequence[Prediction], references: Sequence[Any]
    ) -> list[str]:
        """Find the thresholds with the best F1 of each label, and note them in the model's config.

        Args:
            model: whose config takes them.
            predictions, references: of the validation split.

        Returns:
            a line about them.
        """
        names = self.label_names
        scores = np.array([[each["scores"][name] for name in names] for each in predictions])
        truth = np.array([[name in held for name in names] for held in references])
        self.thresholds = best_thresholds(scores, truth)
        setattr(model.config, CONFIG_KEY, self.by_label())
        lacking = [name for i, name in enumerate(names) if not truth[:, i].any()]
        return [fact_of(self.thresholds, names, lacking)]

    def by_label(self) -> dict[str, float] | None:
        """The threshold of each label by its name; None where all are the default."""
        if self.thresholds is None:
            return None
        return dict(zip(self.label_names, self.thresholds, strict=True))
