"""Figures of a task: its own metrics, and those that a recipe adds."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from hfdl.config.schema import Recipe
from hfdl.metrics.own import Answers, OwnMetrics
from hfdl.tasks.protocol import Prediction


class ScoredTask:
    """Adds the metrics of ``train.metrics`` to those of a task; see ``TakesMetrics``."""

    recipe: Recipe

    @abstractmethod
    def metrics(
        self, predictions: Sequence[Prediction], references: Sequence[Any]
    ) -> dict[str, float]:
        """The task's own metrics by name."""

    @cached_property
    def own_metrics(self) -> OwnMetrics:
        """The metrics that the recipe adds; their code is loaded when a figure is asked for."""
        taken: Sequence[str] = getattr(self, "metric_names", ())
        return OwnMetrics(self.recipe.train.metrics, taken)

    def answers(self, predictions: Sequence[Prediction], references: Sequence[Any]) -> Answers:
        """Predictions and right answers as the metrics of a recipe read them."""
        return Answers("answers", [each["prediction"] for each in predictions], references)

    def right_predictions(self, references: Sequence[Any]) -> list[Prediction]:
        """Predictions that are all right: what the metrics of a recipe are tried on."""
        return [{"prediction": reference} for reference in references]

    def score(
        self, predictions: Sequence[Prediction], references: Sequence[Any]
    ) -> dict[str, float]:
        """``metrics``, and those that the recipe adds."""
        found = self.metrics(predictions, references)
        if not self.recipe.train.metrics:
            return found
        return {**found, **self.own_metrics(self.answers(predictions, references))}

    def score_defined(
        self, predictions: Sequence[Prediction], references: Sequence[Any]
    ) -> dict[str, float]:
        """As ``score``, without the recipe's metrics that fail on these examples.

        For samples of a split: a metric may need every label, and a sample lack one.
        """
        found = self.metrics(predictions, references)
        if not self.recipe.train.metrics:
            return found
        return {**found, **self.own_metrics.defined(self.answers(predictions, references))}

    def try_metrics(self, references: Sequence[Any]) -> None:
        """Run the metrics that the recipe adds once, on right answers, before anything is trained.

        Raises:
            ConfigError: one is no metric, or cannot read the answers of this task.
        """
        if self.recipe.train.metrics:
            self.own_metrics(self.answers(self.right_predictions(references), references))
