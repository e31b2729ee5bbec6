"""Labels for whole texts: one of several, any of several, or a number; of one text or a pair.

What is said of a long text that was read in windows is the mean of what is said of its windows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from hfdl.config.schema import DataConfig, ModelConfig, Recipe, TuneConfig
from hfdl.data.encode import TextEncoder, length_facts
from hfdl.data.labels import LabelSet
from hfdl.data.table import Table
from hfdl.errors import ModelError
from hfdl.hf_models.from_config import is_fresh
from hfdl.hf_models.load import build_saved
from hfdl.tasks.new_model import FreshModel, refuse_parts_of_a_fresh_model
from hfdl.tasks.protocol import Batch, LossSum, Prediction, Splits
from hfdl.tasks.tables import loss_options, on_device, text_column
from hfdl.tasks.text_classification import data as reading
from hfdl.tasks.text_classification.decoding import (
    FUNCTIONS,
    answer_metrics,
    answers_of_texts,
    scores_of_texts,
)
from hfdl.tasks.text_classification.loss import refuse_on_numbers, row_losses
from hfdl.tasks.text_classification.split import ClassificationSplit, Padding
from hfdl.weights.pretrained import (
    build_pretrained,
    load_config,
    load_tokenizer,
    padding_side,
)
from hfdl.weights.resolve import find_model

SINGLE, MULTI, REGRESSION = reading.SINGLE, reading.MULTI, reading.REGRESSION


class TextClassification:
    """The task ``text_classification``.

    Use ``for_training`` or ``for_model``.

    Args:
        folder: the model's folder; None for one with fresh weights.
        tokenizer: its fast tokenizer; None until ``prepare`` has learned one from the data.
        encoder: tokenizer and the rule for long texts; None until then.
        labels: the label set; None until ``prepare`` has read it from the training split.
        problem_type: as in a transformers config; None until then.
        padding_side: on which side the model wants its rows padded.
        tune: the recipe's ``tune`` section.
        seed: fixes the split of validation and the sampling.
        memory: data objects by the marker that stands for them in the recipe.
        beginning: of a model with fresh weights.
    """

    name = "text_classification"

    def __init__(
        self,
        folder: Path | None,
        tokenizer: Any,
        encoder: TextEncoder | None,
        *,
        labels: LabelSet | None,
        problem_type: str | None,
        padding_side: str,
        tune: TuneConfig,
        seed: int,
        memory: Mapping[str, Any] | None,
        beginning: FreshModel | None = None,
    ) -> None:
        self.folder, self.tokenizer, self.beginning = folder, tokenizer, beginning
        self._encoder = encoder
        self.labels, self.problem_type = labels, problem_type
        self._padding_side = padding_side
        self.tune, self.seed, self.memory = tune, seed, memory or {}
        self.trains = labels is None
        self.class_weights: torch.Tensor | None = None
        """The weight of each label in the loss that is trained on, shape (C,)."""
        self.fresh_parameters: list[str] = []
        """Parameters that were not in the model's weights: those of the new head."""

    @classmethod
    def for_training(
        cls, recipe: Recipe, memory: Mapping[str, Any] | None = None
    ) -> TextClassification:
        """A task that reads its labels from the training split, and may learn its tokenizer."""
        if is_fresh(recipe.model):
            return cls._fresh(FreshModel("text_classification", recipe.model), recipe, memory)
        refuse_parts_of_a_fresh_model(recipe.model)
        folder = find_model(
            recipe.model.name, recipe.model.revision, weights=recipe.model.config is None
        )
        config = load_config(folder, recipe.model.config)
        tokenizer = load_tokenizer(folder)
        encoder = reading.text_encoder(tokenizer, config, recipe.data)
        return cls(
            folder, tokenizer, encoder, labels=None, problem_type=None,
            padding_side=padding_side(config), tune=recipe.tune, seed=recipe.train.seed,
            memory=memory,
        )  # fmt: skip

    @classmethod
    def _fresh(
        cls, beginning: FreshModel, recipe: Recipe, memory: Mapping[str, Any] | None
    ) -> TextClassification:
        task = cls(
            None, None, None, labels=None, problem_type=None, padding_side="right",
            tune=recipe.tune, seed=recipe.train.seed, memory=memory, beginning=beginning,
        )  # fmt: skip
        if beginning.tokenizer is not None:
            task._take_tokenizer(recipe.data)
        return task

    @classmethod
    def for_model(
        cls, folder: Path, recipe: Recipe, memory: Mapping[str, Any] | None = None
    ) -> TextClassification:
        """A task whose labels are those of a saved model."""
        return cls.of_parts(folder, load_config(folder), load_tokenizer(folder), recipe, memory)

    @classmethod
    def of_parts(
        cls,
        folder: Path,
        config: Any,
        tokenizer: Any,
        recipe: Recipe,
        memory: Mapping[str, Any] | None = None,
    ) -> TextClassification:
        """A task for a model that is already open: its transformers config and tokenizer."""
        names = tuple(str(config.id2label[i]) for i in range(config.num_labels))
        problem_type = config.problem_type or (REGRESSION if config.num_labels == 1 else SINGLE)
        encoder = reading.text_encoder(tokenizer, config, recipe.data)
        return cls(
            folder, tokenizer, encoder, labels=LabelSet(names), problem_type=problem_type,
            padding_side=padding_side(config), tune=TuneConfig(),
            seed=recipe.train.seed, memory=memory,
        )  # fmt: skip

    # ---- data ------------------------------------------------------------------------------

    def prepare(self, data_config: DataConfig) -> Splits:
        """Read, split, label and tokenise the data.

        Raises:
            DataError: see ``hfdl.data``; also where there is nothing to train or evaluate on.
        """
        tables, facts = reading.read_tables(data_config, self.memory, self.seed, self.trains)
        if self.problem_type is None:
            self.problem_type = reading.problem_type(tables["train"], data_config)
        if self.trains:
            self.labels = reading.label_set(tables["train"], data_config, self.problem_type)
        if self.beginning is not None:
            if self.tokenizer is None:
                self.beginning.learn(reading.texts(tables["train"], data_config))
                self._take_tokenizer(data_config)
            facts.extend(self.beginning.facts)
        splits = {
            name: self._split(name, table, data_config, facts)
            for name, table in tables.items()
            if self.trains or name != "train"
        }
        if self.trains:
            refuse_on_numbers(self.tune, self.problem_type)
            if self.tune.class_weights is not None:
                self.class_weights = self._weigh(splits["train"])
        return Splits(**splits, facts=facts)

    def _take_tokenizer(self, data: DataConfig) -> None:
        """Go on with the tokenizer that a fresh model has by now."""
        assert self.beginning is not None
        self.tokenizer, config = self.beginning.tokenizer, self.beginning.config()
        self._padding_side = padding_side(config)
        self._encoder = reading.text_encoder(self.tokenizer, config, data)

    @property
    def encoder(self) -> TextEncoder:
        """Tokenizer and the rule for long texts."""
        if self._encoder is None:
            raise RuntimeError("prepare() must come first: it learns the tokenizer")
        return self._encoder

    def _split(
        self, name: str, table: Table, config: DataConfig, facts: list[str]
    ) -> ClassificationSplit:
        texts = text_column(table, config.text, "data.text")
        pairs = (
            None if config.text_pair is None
            else text_column(table, config.text_pair, "data.text_pair")
        )  # fmt: skip
        labels, problem_type = self._known()
        answers, targets = reading.targets(table, config, labels, problem_type, name)
        encoded = self.encoder(texts, pairs, where=table.where)
        facts.extend(length_facts(name, encoded, self.encoder))
        return ClassificationSplit(
            name, encoded, targets, answers, self.padding,
            texts=texts, pairs=pairs, where=table.where,
        )  # fmt: skip

    def encode(self, texts: Sequence[str], pairs: Sequence[str] | None) -> ClassificationSplit:
        """Texts without answers, for the pipeline."""
        encoded = self.encoder(texts, pairs)
        return ClassificationSplit("texts", encoded, None, [], self.padding, texts=texts)

    @property
    def padding(self) -> Padding:
        """How rows are padded for this model."""
        return Padding(
            pad_id=self.tokenizer.pad_token_id,
            side=self._padding_side,
            with_types="token_type_ids" in self.tokenizer.model_input_names,
            type_id=self.tokenizer.pad_token_type_id,
        )

    @property
    def label_names(self) -> list[str]:
        """The labels in the order of their ids."""
        return list(self.labels.names) if self.labels is not None else []

    @property
    def metric_names(self) -> list[str]:
        """The names of what ``metrics`` gives, for this problem type."""
        example: Any = {SINGLE: self.label_names[:1], MULTI: [[]], REGRESSION: [0.0]}
        answers = example[self._known()[1]]
        return [*self.metrics([{"prediction": answer} for answer in answers], answers)]

    @property
    def best_metric(self) -> tuple[str, bool]:
        """Accuracy; F1 where several labels may hold, mean squared error for numbers."""
        _, problem_type = self._known()
        return {SINGLE: ("accuracy", True), MULTI: ("f1", True), REGRESSION: ("mse", False)}[
            problem_type
        ]

    # ---- model -----------------------------------------------------------------------------

    def build_model(self, model_config: ModelConfig) -> torch.nn.Module:
        """A model with a head for the labels, its weights pretrained or fresh.

        It is transformers', or hfdl's own on the same weights; ``fresh_parameters`` have
        transformers' names in either case.
        """
        labels, problem_type = self._known()
        settings: dict[str, Any] = {
            "num_labels": len(labels.names), "id2label": labels.id2label,
            "label2id": labels.label2id, "problem_type": problem_type,
            "pad_token_id": self.tokenizer.pad_token_id,
        }  # fmt: skip
        if self.beginning is not None:
            model, self.fresh_parameters = self.beginning.build(**settings)
            return model
        assert self.folder is not None
        model, self.fresh_parameters = build_saved(
            "AutoModelForSequenceClassification", self.folder, model_config, **settings
        )
        return model

    def load_model(self) -> torch.nn.Module:
        """The saved model itself, its head included, in eval mode.

        Raises:
            ModelError: the folder holds no trained head.
        """
        assert self.folder is not None
        model, self.fresh_parameters = build_pretrained(
            "AutoModelForSequenceClassification",
            self.folder,
            ModelConfig(name=str(self.folder)),
            pad_token_id=self.tokenizer.pad_token_id,
        )
        if self.fresh_parameters:
            raise ModelError(
                f"the model has no trained head for this task ({self.fresh_parameters[0]} is not "
                "in its weights)",
                where=str(self.folder),
                rule="only a fine-tuned model can predict",
                remedy=f"fine-tune it first: hfdl train sentiment model.name={self.folder}",
            )
        return model.eval()

    def loss(self, outputs: Any, batch: Batch, *, training: bool = False) -> LossSum:
        """Cross-entropy, binary cross-entropy or squared error.

        A row weighs one over the windows of its text, so that a long text counts once; with
        class weights, times the weight of its label, and ``count`` is the sum of the weights (as
        torch's ``cross_entropy`` divides). Held-out splits have none: their loss says how good
        the model is, whatever it was trained with. Focal loss and label smoothing are likewise
        for training alone.
        """
        logits = outputs.logits  # (R, C)
        example = batch.targets["example"]  # (R,)
        labels = batch.targets["labels"][example]  # (R,) or (R, C)
        classes = on_device(self.class_weights, logits) if training else None  # (C,)
        _, problem_type = self._known()
        options = loss_options(self.tune) if training else {}
        losses = row_losses(logits, labels, problem_type, classes=classes, **options)  # (R,)
        weight = 1.0 / batch.targets["windows"][example].to(losses.dtype)  # (R,)
        count = weight if classes is None or problem_type != SINGLE else weight * classes[labels]
        return LossSum((losses * weight).sum(), count.sum())

    def decode(self, outputs: Any, batch: Batch) -> list[Prediction]:
        """``prediction`` (a label, a list of labels or a number), ``score`` and ``scores``."""
        labels, problem_type = self._known()
        return answers_of_texts(
            self.scores(outputs, batch).cpu().tolist(), labels.names, problem_type
        )

    def scores(self, outputs: Any, batch: Batch, function: str | None = None) -> torch.Tensor:
        """One row of scores for each example, the mean over its windows; shape (B, C).

        Args:
            outputs: the model's outputs; logits of shape (R, C).
            batch: the batch they belong to.
            function: ``softmax``, ``sigmoid`` or ``none``. Default: by the problem's type.
        """
        function = function or FUNCTIONS[self._known()[1]]
        return scores_of_texts(outputs.logits, batch.targets, function)

    def metrics(
        self, predictions: Sequence[Prediction], references: Sequence[Any]
    ) -> dict[str, float]:
        """See ``hfdl.metrics``, by the problem's type."""
        labels, problem_type = self._known()
        return answer_metrics(predictions, references, labels.names, problem_type)

    def save(self, folder: Path) -> None:
        """Write the tokenizer."""
        self.tokenizer.save_pretrained(folder)

    def facts(self) -> dict[str, Any]:
        """Task, problem type and labels, for metrics.json."""
        return {
            "task": self.name,
            "problem_type": self._known()[1],
            "labels": self.label_names,
        }

    def _known(self) -> tuple[LabelSet, str]:
        if self.labels is None or self.problem_type is None:
            raise RuntimeError("prepare() must come first: it reads the labels")
        return self.labels, self.problem_type

    def _weigh(self, train: ClassificationSplit) -> torch.Tensor:
        labels, problem_type = self._known()
        assert train.targets is not None
        return reading.class_weights(
            self.tune.class_weights, train.targets, labels.names, problem_type
        )
