"""What the two language models share: how they begin, what they score, what they keep."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import torch

from hfdl.config.schema import DataConfig, ModelConfig, Recipe
from hfdl.data.corpus.corpus import training_texts
from hfdl.errors import ModelError
from hfdl.hf_models.from_config import is_fresh
from hfdl.hf_models.load import build_saved
from hfdl.tasks.new_model import FreshModel, refuse_parts_of_a_fresh_model
from hfdl.tasks.protocol import Batch, LossSum, Prediction
from hfdl.tasks.tables import loss_options, refuse_class_weights
from hfdl.weights.chunked_lm_loss import teach_scoring
from hfdl.weights.pretrained import load_config, load_tokenizer
from hfdl.weights.resolve import find_model


class LanguageTask(ABC):
    """A task whose answers are tokens of the text itself.

    Use ``for_training`` or ``for_model``.

    Args:
        folder: the model's folder; None for one with fresh weights.
        tokenizer: its fast tokenizer; None until ``prepare`` has learned one from the data.
        config: its transformers config; None until then.
        recipe: the whole recipe.
        trains: whether ``prepare`` reads a training split.
        memory: data objects by the marker that stands for them in the recipe.
        beginning: of a model with fresh weights.
    """

    name: ClassVar[str]
    auto_class: ClassVar[str]
    """transformers' class that opens its models."""
    label_names: ClassVar[list[str]] = []
    best_metric = ("loss", False)

    def __init__(
        self,
        folder: Path | None,
        tokenizer: Any,
        config: Any,
        *,
        recipe: Recipe,
        trains: bool,
        memory: Mapping[str, Any] | None,
        beginning: FreshModel | None = None,
    ) -> None:
        self.folder, self.beginning = folder, beginning
        self.recipe, self.trains, self.memory = recipe, trains, memory or {}
        self.fresh_parameters: list[str] = []
        """Parameters that were not in the model's weights."""
        self.tokenizer: Any = None
        self.config: Any = None
        if tokenizer is not None:
            self._take(tokenizer, config)

    @classmethod
    def for_training(cls, recipe: Recipe, memory: Mapping[str, Any] | None = None) -> Self:
        """A task that trains fresh weights, or a saved model further.

        Raises:
            ModelError: the model cannot be found, or its tokenizer is not fit for the task.
            ConfigError: keys that do not go together.
        """
        model = recipe.model
        refuse_class_weights(recipe.tune, "a language model")
        if is_fresh(model):
            fresh = FreshModel(cls.name, model)
            config = None if fresh.tokenizer is None else fresh.config()
            return cls(
                None, fresh.tokenizer, config, recipe=recipe, trains=True, memory=memory,
                beginning=fresh,
            )  # fmt: skip
        refuse_parts_of_a_fresh_model(model)
        folder = find_model(model.name, model.revision, weights=model.config is None)
        return cls(
            folder, load_tokenizer(folder), load_config(folder, model.config),
            recipe=recipe, trains=True, memory=memory,
        )  # fmt: skip

    @classmethod
    def for_model(
        cls, folder: Path, recipe: Recipe, memory: Mapping[str, Any] | None = None
    ) -> Self:
        """A task for a saved model."""
        return cls.of_parts(folder, load_config(folder), load_tokenizer(folder), recipe, memory)

    @classmethod
    def of_parts(
        cls,
        folder: Path,
        config: Any,
        tokenizer: Any,
        recipe: Recipe,
        memory: Mapping[str, Any] | None = None,
    ) -> Self:
        """A task for a model that is already open: its transformers config and tokenizer."""
        return cls(folder, tokenizer, config, recipe=recipe, trains=False, memory=memory)

    def _take(self, tokenizer: Any, config: Any) -> None:
        """Go on with a tokenizer and a config, once both are known."""
        self.tokenizer, self.config = tokenizer, config

    def _learn_tokenizer(self, data_config: DataConfig) -> list[str]:
        """Learn the tokenizer of a model that has none; what a person should know of it."""
        facts: list[str] = []
        if self.tokenizer is None:
            assert self.beginning is not None
            texts = training_texts(data_config, self.memory, self.recipe.train.seed)
            self.beginning.learn(texts)
            self._take(self.beginning.tokenizer, self.beginning.config())
            facts = texts.facts
        return facts if self.beginning is None else [*self.beginning.facts, *facts]

    def build_model(self, model_config: ModelConfig) -> torch.nn.Module:
        """The language model, taught to score: fresh, or with saved weights.

        The head of a body that was saved without one (a sentence encoder) is fresh, save for the
        weights that it shares with the embeddings: see ``fresh_parameters``.

        Raises:
            ModelError: hfdl's own code is asked for a model that it has none for.
        """
        if self.beginning is not None:
            model, self.fresh_parameters = self.beginning.build()
        else:
            assert self.folder is not None
            model, self.fresh_parameters = build_saved(self.auto_class, self.folder, model_config)
        return teach_scoring(model, **loss_options(self.recipe.tune))

    def load_model(self) -> torch.nn.Module:
        """The saved model with all its trained weights, in eval mode.

        Raises:
            ModelError: the folder lacks some of them.
        """
        assert self.folder is not None
        model = self.build_model(ModelConfig(name=str(self.folder)))
        if self.fresh_parameters:
            raise self._untrained(self.folder, self.fresh_parameters[0])
        return model.eval()

    @abstractmethod
    def _untrained(self, folder: Path, parameter: str) -> ModelError:
        """What to say of a saved model without a parameter."""

    def loss(self, outputs: Any, batch: Batch, *, training: bool = False) -> LossSum:
        """Cross-entropy of the tokens that are asked for, summed, and their number."""
        return summed_loss(outputs, batch)

    def save(self, folder: Path) -> None:
        """Write the tokenizer."""
        self.tokenizer.save_pretrained(folder)


# ---- How well tokens were foreseen, from those before them or around them, and in sum ------------

_LARGEST = 700.0  # exp of more is no float


def summed_loss(scores: Any, batch: Batch) -> LossSum:
    """The summed cross-entropy of a batch and the number of its targets.

    Args:
        scores: what a model that was taught to score answers.
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
