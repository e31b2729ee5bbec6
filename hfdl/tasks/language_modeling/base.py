"""What the two language models share: how they begin, what they score, what they keep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch

from hfdl.config.schema import DataConfig, ModelConfig, Recipe
from hfdl.data.corpus.corpus import training_texts
from hfdl.data.corpus.documents import as_documents, texts_of
from hfdl.data.table import Table
from hfdl.tasks.base import PretrainedTask
from hfdl.tasks.protocol import Batch, LossSum, Prediction
from hfdl.tasks.tables import loss_options, refuse_class_weights
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
    def training_texts(cls, train: Table, data: DataConfig) -> list[str]:
        """The documents, empty ones left out."""
        return [str(text) for text in texts_of(as_documents(train, data), data) if text]

    def _learned(self, data_config: DataConfig) -> list[str]:
        """Learn the tokenizer of a new model that has none; what a person should know of it."""
        if self.tokenizer is not None:
            return self._learn_tokenizer((), data_config)
        texts = training_texts(data_config, self.memory, self.seed)
        return [*self._learn_tokenizer(texts, data_config), *texts.facts]

    def build_model(self, model_config: ModelConfig) -> torch.nn.Module:
        """The language model, with the chunked loss: fresh, or with saved weights.

        The head of a body that was saved without one (a sentence encoder) is fresh, save for the
        weights that it shares with the embeddings: see ``fresh_parameters``.

        Raises:
            ModelError: hfdl's own code is asked for a model that it has none for.
        """
        model = super().build_model(model_config)
        return enable_chunked_loss(model, **loss_options(self.recipe.tune))

    def load_model(self) -> torch.nn.Module:
        """The saved model with all its trained weights, in eval mode."""
        return enable_chunked_loss(super().load_model(), **loss_options(self.recipe.tune))

    def loss(self, outputs: Any, batch: Batch, *, training: bool = False) -> LossSum:
        """Cross-entropy of the tokens that are asked for, summed, and their number."""
        return summed_loss(outputs, batch)


# ---- How well tokens were foreseen, from those before them or around them, and in sum ------------

_LARGEST = 700.0  # exp of more is no float


def summed_loss(scores: Any, batch: Batch) -> LossSum:
    """The summed cross-entropy of a batch and the number of its targets.

    Args:
        scores: what a model that was with the chunked loss answers.
        batch: ``targets["targets"]`` holds the N tokens that were to be foreseen.
    """
    count = torch.tensor(batch.targets["targets"].numel(), device=scores.total.device)
    return LossSum(scores.total, count)


def foreseen(scores: Any, batch: Batch) -> list[Prediction]:
    """How well the tokens of each block were foreseen.

    Args:
        scores: ``losses`` and ``best`` of the N targets.
        batch: ``targets["targets"]`` (N,), and ``targets["rows"]`` (N,): whose each one is.

    Returns:
        for each block ``loss``, the mean cross-entropy of its targets in nats, ``accuracy``, the
        share of them that was the likeliest token, and ``tokens``, their number. Of a block
        without a target the first two are 0.
    """
    rows = batch.targets["rows"].cpu()
    right = (scores.best == batch.targets["targets"]).cpu()
    blocks = len(batch.examples)
    nats = torch.zeros(blocks, dtype=torch.float64)
    nats.index_add_(0, rows, scores.losses.detach().double().cpu())  # (N,) -> (B,)
    tokens = torch.bincount(rows, minlength=blocks)
    hits = torch.bincount(rows[right], minlength=blocks)
    return [
        {"loss": loss / max(n, 1), "accuracy": found / max(n, 1), "tokens": n}
        for loss, found, n in zip(nats.tolist(), hits.tolist(), tokens.tolist(), strict=True)
    ]


def summed_nats(predictions: Sequence[Prediction]) -> float:
    """The cross-entropy of all targets, from what ``foreseen`` says of the blocks."""
    return math.fsum(p["loss"] * p["tokens"] for p in predictions)


def token_scores(predictions: Sequence[Prediction]) -> dict[str, float]:
    """Perplexity and accuracy over all targets, each target weighing the same.

    Args:
        predictions: as ``foreseen`` gives them.
    """
    tokens = sum(p["tokens"] for p in predictions) or 1
    right = math.fsum(p["accuracy"] * p["tokens"] for p in predictions)
    return {"perplexity": perplexity(summed_nats(predictions), tokens), "accuracy": right / tokens}


def perplexity(nats: float, tokens: float) -> float:
    """How many equally likely tokens the model hesitates between, on average.

    Args:
        nats: summed cross-entropy.
        tokens: how many it was summed over; with none the answer is 1.
    """
    return math.exp(min(nats / max(tokens, 1), _LARGEST))
