"""Language models that say what stands behind a mask: 15 % of the tokens of a text are asked for.

Each document is read by itself, a long one in windows side by side. In training other tokens are
asked for in each epoch; in held-out splits always the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch

from hfdl.config.schema import DataConfig, ModelConfig, Recipe
from hfdl.data.corpus import open_corpus, training_texts
from hfdl.errors import ModelError
from hfdl.tasks.fresh_model import FreshModel, refuse_parts_of_a_fresh_model
from hfdl.tasks.language_scores import summed_loss, token_scores
from hfdl.tasks.loss_options import loss_options, refuse_class_weights
from hfdl.tasks.masked_lm_asking import asking, require_mask
from hfdl.tasks.masked_lm_scores import NAMES, guesses
from hfdl.tasks.masked_lm_split import MaskedSplit, refuse_nothing
from hfdl.tasks.protocol import Batch, LossSum, Prediction, Splits
from hfdl.weights.fresh import is_fresh
from hfdl.weights.pretrained import build_saved, load_config, load_tokenizer
from hfdl.weights.resolve import find_model
from hfdl.weights.scoring import teach_scoring

_AUTO_CLASS = "AutoModelForMaskedLM"


class MaskedLM:
    """The task ``masked_lm``.

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

    name = "masked_lm"
    label_names: ClassVar[list[str]] = []
    metric_names: ClassVar[list[str]] = NAMES
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
        self.folder, self.tokenizer, self.config = folder, tokenizer, config
        self.beginning = beginning
        self.recipe, self.trains, self.memory = recipe, trains, memory or {}
        self.fresh_parameters: list[str] = []
        self._names: dict[int, str] = {}
        if tokenizer is not None:
            require_mask(tokenizer, recipe.model.name)

    @classmethod
    def for_training(cls, recipe: Recipe, memory: Mapping[str, Any] | None = None) -> MaskedLM:
        """A task that trains fresh weights, or a saved model further.

        Raises:
            ModelError: the model cannot be found, or its tokenizer has no mask.
        """
        model = recipe.model
        refuse_class_weights(recipe.tune, "a language model")
        if is_fresh(model):
            fresh = FreshModel("masked_lm", model)
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
    ) -> MaskedLM:
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
    ) -> MaskedLM:
        """A task for a model that is already open: its transformers config and tokenizer."""
        return cls(folder, tokenizer, config, recipe=recipe, trains=False, memory=memory)

    # ---- data ------------------------------------------------------------------------------

    def prepare(self, data_config: DataConfig) -> Splits:
        """Read and tokenise the texts, and learn the tokenizer of a model that has none.

        Raises:
            DataError: see ``hfdl.data``; also a split of which nothing can be asked.
            ConfigError: rows that the model cannot take.
        """
        seed, facts = self.recipe.train.seed, []
        if self.tokenizer is None:
            texts = training_texts(data_config, self.memory, seed)
            assert self.beginning is not None
            self.beginning.learn(texts)
            self.tokenizer, self.config = self.beginning.tokenizer, self.beginning.config()
            facts += [*self.beginning.facts, *texts.facts]
        how = asking(self.recipe, self.tokenizer, self.config)
        corpus = open_corpus(
            data_config, self.memory, seed, self.tokenizer, end_id=None, trains=self.trains,
            template=False,
        )  # fmt: skip
        facts = [*corpus.facts, *facts]
        splits = {name: MaskedSplit(name, store, how) for name, store in corpus.stores.items()}
        for name, split in splits.items():
            split.in_training = self.trains and name == "train"
            refuse_nothing(split, str(getattr(data_config, name) or data_config.train))
            facts.extend(split.facts())
        return Splits(**splits, facts=facts)

    # ---- model -----------------------------------------------------------------------------

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
            model, self.fresh_parameters = build_saved(_AUTO_CLASS, self.folder, model_config)
        return teach_scoring(model, **loss_options(self.recipe.tune))

    def load_model(self) -> torch.nn.Module:
        """The saved model with its trained head, in eval mode.

        Raises:
            ModelError: the folder lacks some of its weights.
        """
        assert self.folder is not None
        model = self.build_model(ModelConfig(name=str(self.folder)))
        if self.fresh_parameters:
            raise ModelError(
                "the model has no trained head for masked words "
                f"({self.fresh_parameters[0]} is not in its weights)",
                where=str(self.folder),
                rule="only a trained one can fill masks",
                remedy=f"train it first: hfdl train mlm model.name={self.folder}",
            )
        return model.eval()

    def loss(self, outputs: Any, batch: Batch) -> LossSum:
        """Cross-entropy of the chosen tokens, summed, and their number."""
        return summed_loss(outputs, batch)

    def decode(self, outputs: Any, batch: Batch) -> list[Prediction]:
        """``loss``, ``accuracy``, ``tokens`` and some ``words``: see ``masked_lm_scores``."""
        return guesses(outputs, batch, self._text)

    def metrics(
        self, predictions: Sequence[Prediction], references: Sequence[Any]
    ) -> dict[str, float]:
        """Perplexity and accuracy of the chosen tokens.

        They are no figures of the whole text: another ``data.mask_share`` gives others.
        """
        return token_scores(predictions)

    def save(self, folder: Path) -> None:
        """Write the tokenizer."""
        self.tokenizer.save_pretrained(folder)

    def facts(self) -> dict[str, Any]:
        """Task, size of the vocabulary, the mask and what is masked, for metrics.json."""
        data = self.recipe.data
        return {
            "task": self.name,
            "vocabulary": len(self.tokenizer),
            "mask_token": self.tokenizer.mask_token,
            "mask_share": data.mask_share,
            "whole_words": data.whole_words,
        }

    def _text(self, token: int) -> str:
        if token not in self._names:
            self._names[token] = self.tokenizer.decode([token])
        return self._names[token]
