"""Base class of the two language modelling tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch

from hfdl.config.schema import DataConfig, ModelConfig, Recipe
from hfdl.data.corpus.corpus import training_texts
from hfdl.data.corpus.documents import as_documents, texts_of
from hfdl.data.table import Table, is_blank
from hfdl.metrics.own import Answers
from hfdl.tasks.base import PretrainedTask
from hfdl.tasks.protocol import Batch, LossSum, Prediction
from hfdl.tasks.token_scores import per_example_scores, token_scores
from hfdl.tasks.training_loss import loss_options, refuse_class_weights
from hfdl.weights.chunked_lm_loss import enable_chunked_loss


class LanguageTask(PretrainedTask):
    """A task whose answers are tokens of the text itself; see ``PretrainedTask``."""

    label_names: ClassVar[list[str]] = []
    best_metric = ("loss", False)

    @classmethod
    def check_recipe(cls, recipe: Recipe) -> None:
        """Refuse class weights."""
        refuse_class_weights(recipe.tune, "a language model")

    @classmethod
    def training_texts(cls, train: Table, config: DataConfig) -> list[str]:
        """The documents, empty ones left out."""
        cells = texts_of(as_documents(train, config), config)
        return [str(text) for text in cells if not is_blank(text)]

    def _learned(self, data_config: DataConfig) -> list[str]:
        """Learn the tokenizer of a new model that has none; facts about it, as lines of text."""
        if self.tokenizer is not None:
            return self._learn_tokenizer(())
        texts = training_texts(data_config, self.memory, self.seed)
        return [*self._learn_tokenizer(texts), *texts.facts]

    def build_model(self, model_config: ModelConfig) -> torch.nn.Module:
        """The language model with the chunked loss, its weights saved or random.

        The head of a body that was saved without one (a sentence encoder) has random weights, save
        for those that it shares with the embeddings: see ``new_parameters``.

        Raises:
            ModelError: the recipe names hfdl's own code, which has no such model.
        """
        model = super().build_model(model_config)
        return enable_chunked_loss(model, **loss_options(self.recipe.tune))

    def load_model(self) -> torch.nn.Module:
        """The saved model with all its trained weights, in eval mode."""
        return enable_chunked_loss(super().load_model(), **loss_options(self.recipe.tune))

    def loss(self, outputs: Any, batch: Batch, *, training: bool = False) -> LossSum:
        """Cross-entropy of the target tokens, summed, and their number."""
        count = torch.tensor(batch.targets["targets"].numel(), device=outputs.total.device)
        return LossSum(outputs.total, count)

    def decode(self, outputs: Any, batch: Batch) -> list[Prediction]:
        """``loss``, ``accuracy`` and ``tokens`` of each block or window."""
        targets = batch.targets["targets"]
        return per_example_scores(
            outputs.losses, outputs.best, targets, batch.targets["rows"], len(batch.examples)
        )

    def metrics(
        self, predictions: Sequence[Prediction], references: Sequence[Any]
    ) -> dict[str, float]:
        """Perplexity and accuracy of the target tokens."""
        return token_scores(predictions)

    def answers(self, predictions: Sequence[Prediction], references: Sequence[Any]) -> Answers:
        """The mean loss of each block or window in nats, and how many tokens it is the mean of."""
        del references
        return Answers(
            "losses",
            [each["loss"] for each in predictions],
            [each["tokens"] for each in predictions],
        )

    def right_predictions(self, references: Sequence[Any]) -> list[Prediction]:
        """Two blocks that were foreseen nearly surely."""
        return [{"loss": 0.1, "accuracy": 1.0, "tokens": 4}] * 2
