"""Text classification: one label of several, any of several, or a number, for a text or a pair.

The scores of a long text that is read in windows are the mean of the scores of its windows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from hfdl.config.schema import DataConfig
from hfdl.data.encode import TextEncoder, length_facts
from hfdl.data.label_doubts import label_doubts
from hfdl.data.label_numbers import problem_type
from hfdl.data.labels import LabelSet
from hfdl.data.table import Table
from hfdl.metrics.own import Answers
from hfdl.tasks.base import PretrainedTask
from hfdl.tasks.protocol import Batch, LossSum, Prediction, Splits
from hfdl.tasks.row_length import row_length
from hfdl.tasks.split import Padding
from hfdl.tasks.tables import read_tables, text_column
from hfdl.tasks.text_classification import data, model_kind
from hfdl.tasks.text_classification.calibrated import Calibrated
from hfdl.tasks.text_classification.data import MULTI, REGRESSION, SINGLE
from hfdl.tasks.text_classification.decoding import (
    BEST_METRICS,
    FUNCTIONS,
    MEANS,
    METRIC_NAMES,
    answer_metrics,
    answers_of_texts,
    names_in,
    scores_of_texts,
)
from hfdl.tasks.text_classification.loss import refuse_on_numbers, row_losses
from hfdl.tasks.text_classification.model_labels import ModelLabels, of_evaluation, of_training
from hfdl.tasks.text_classification.spec import SPEC
from hfdl.tasks.text_classification.split import ClassificationSplit
from hfdl.tasks.text_classification.thresholded import Thresholded
from hfdl.tasks.text_classification.thresholds import of_saved_model
from hfdl.tasks.training_loss import class_weights, loss_options, on_device
from hfdl.tasks.unmeasured import unmeasured, unmeasured_facts
from hfdl.weights.label_rows import label_names


class TextClassification(Thresholded, Calibrated, PretrainedTask):
    """The task ``text_classification``; see ``PretrainedTask``.

    Attributes:
        labels: the label set; None until ``prepare`` has read it from the training split.
        problem_type: as in a transformers config; None until then.
        not_measured: by held-out split, the labels that none of its examples has.
        thresholds: of several labels, the score from which on each is given; None: 0.5.
    """

    spec = SPEC
    auto_class = "AutoModelForSequenceClassification"
    head = "sequence"

    def __init__(self, *args: Any, **keywords: Any) -> None:
        self.labels: LabelSet | None = None
        self.problem_type: str | None = None
        self.not_measured: dict[str, list[str]] = {}
        super().__init__(*args, **keywords)

    @classmethod
    def training_texts(cls, train: Table, config: DataConfig) -> list[str]:
        """Both texts of a pair."""
        return data.texts(train, config)

    def _take(self, tokenizer: Any, config: Any) -> None:
        super()._take(tokenizer, config)
        options = self.recipe.data
        length = row_length(
            options.max_length, tokenizer, config,
            smallest=tokenizer.num_special_tokens_to_add(pair=options.text_pair is not None) + 2,
            remedy=", and data.long_text=window for longer texts",
        )  # fmt: skip
        self.encoder = TextEncoder(
            tokenizer, max_length=length, long_text=options.long_text or "truncate",
            stride=options.stride,
        )  # fmt: skip
        self.padding = Padding.of(tokenizer, config)
        if not self.trains:
            self.labels = LabelSet(tuple(label_names(config)))
            self.problem_type = model_kind.kind_of(config) or SINGLE
            if self.problem_type == MULTI:
                self.thresholds = of_saved_model(self.recipe.tune.threshold, config)

    # ---- data ------------------------------------------------------------------------------

    def prepare(self, data_config: DataConfig) -> Splits:
        """Read, split, label and tokenise the data.

        Raises:
            DataError: see ``hfdl.data``; also where there is nothing to train or evaluate on.
        """
        tables, facts = read_tables(
            data_config, self.memory, self.seed, self.trains,
            strata=self.strata,
        )  # fmt: skip
        if self.problem_type is None:
            self.problem_type = problem_type(data_config, tables["train"])
        if not self.trains:
            model_kind.refuse_other_kind(self.problem_type, data_config)
        elif self.has_trained_head:
            facts.extend(model_kind.change_of_kind(self.config, self.problem_type))
        self.labels = self._labels_of(tables, data_config, self.problem_type, facts)
        if self.new_model is not None:
            texts = self.training_texts(tables["train"], data_config)
            facts.extend(self._learn_tokenizer(texts))
        splits = {
            name: self._split(name, table, data_config, facts) for name, table in tables.items()
        }
        facts.extend(self._unmeasured(splits))
        if not self.trains and self.problem_type == MULTI:
            facts.extend(model_kind.one_label_each(split.answers for split in splits.values()))
        self._check_thresholds(self.problem_type)
        if self.trains:
            refuse_on_numbers(self.tune, self.problem_type)
            if self.tune.class_weights is not None:
                self.class_weights = self._weights(splits["train"])
        return Splits(**splits, facts=facts)

    def strata(self, table: Table) -> list[str] | None:
        """The label of each row, unless it is a number."""
        return data.strata(table, self.recipe.data)

    def labels_of_training(self, tables: Mapping[str, Table]) -> Sequence[str]:
        """As ``prepare`` reads them; none where they are numbers."""
        config = self.recipe.data
        kind = problem_type(config, tables["train"])
        return () if kind == REGRESSION else self._labels_of(tables, config, kind, []).names

    def change_of_kind(self, tables: Mapping[str, Table]) -> list[str]:
        """From labels to numbers, or from several labels a text to one."""
        kind = problem_type(self.recipe.data, tables["train"])
        return model_kind.change_of_kind(self.config, kind)

    def _labels_of(
        self, tables: Mapping[str, Table], config: DataConfig, problem_type: str, facts: list[str]
    ) -> LabelSet:
        """The label set: of training, or a saved model's for the values of these splits."""
        read = ModelLabels(
            data.label_set(tables["train"], config, problem_type)
            if self.trains else LabelSet(tuple(label_names(self.config)))
        )  # fmt: skip
        if problem_type == REGRESSION:
            if not self.trains:
                model_kind.refuse_names(tables, config)
            return read.labels
        if not self.trains:
            read = of_evaluation(read.labels.names, tables, config, many=problem_type == MULTI)
        elif self.has_trained_head:
            read = of_training(read.labels, self.config, config)
        facts.extend([read.fact] if read.fact else [])
        if self.trains:
            facts.extend(
                label_doubts(read.labels.names, read.labels.mapping, config, tables["train"])
            )
        return read.labels

    def _split(
        self, name: str, table: Table, config: DataConfig, facts: list[str]
    ) -> ClassificationSplit:
        texts = text_column(table, config.text, "data.text")
        pairs = (
            None if config.text_pair is None
            else text_column(table, config.text_pair, "data.text_pair")
        )  # fmt: skip
        labels, problem_type = self._known()
        answers, targets = data.targets(table, config, labels, problem_type, name)
        encoded = self.encoder(texts, pairs, where=table.where)
        facts.extend(length_facts(name, encoded, self.encoder))
        return ClassificationSplit(
            name, encoded, targets, answers, self.padding,
            texts=texts, pairs=pairs, where=table.where,
        )  # fmt: skip

    def _unmeasured(self, splits: Mapping[str, ClassificationSplit]) -> list[str]:
        """Find the labels that held-out splits lack; a line a split."""
        labels, problem_type = self._known()
        if problem_type == REGRESSION:
            return []
        held = {name: names_in(split.answers) for name, split in splits.items()}
        self.not_measured = unmeasured(labels.names, held)
        return unmeasured_facts(self.not_measured, "row", MEANS[problem_type])

    def encode(self, texts: Sequence[str], pairs: Sequence[str] | None) -> ClassificationSplit:
        """Texts without answers, for the pipeline."""
        encoded = self.encoder(texts, pairs)
        return ClassificationSplit("texts", encoded, None, [], self.padding, texts=texts)

    @property
    def label_names(self) -> list[str]:
        """The labels in the order of their ids."""
        return list(self.labels.names) if self.labels is not None else []

    @property
    def metric_names(self) -> list[str]:
        """The names of what ``metrics`` gives, for this problem type."""
        return METRIC_NAMES[self._known()[1]]

    @property
    def best_metric(self) -> tuple[str, bool]:
        """Accuracy; F1 where several labels may hold, mean squared error for numbers."""
        return BEST_METRICS[self._known()[1]]

    # ---- model -----------------------------------------------------------------------------

    def head_settings(self) -> dict[str, Any]:
        """The labels and the problem's type."""
        labels, problem_type = self._known()
        return {
            **self._threshold_settings(), "num_labels": len(labels.names),
            "id2label": labels.id2label, "label2id": labels.label2id, "problem_type": problem_type,
            "pad_token_id": self.tokenizer.pad_token_id,
        }  # fmt: skip

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
            self.scores(outputs, batch).cpu().tolist(), labels.names, problem_type,
            self.thresholds,
        )  # fmt: skip

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

    def answers(self, predictions: Sequence[Prediction], references: Sequence[Any]) -> Answers:
        """Names of labels, lists of them, or numbers."""
        labels, problem_type = self._known()
        reads = {SINGLE: "labels", MULTI: "label lists", REGRESSION: "numbers"}[problem_type]
        given = [prediction["prediction"] for prediction in predictions]
        return Answers(reads, given, references, labels.names)

    def facts(self) -> dict[str, Any]:
        """Task, problem type and labels, for metrics.json."""
        return {
            "task": self.name,
            "problem_type": self._known()[1],
            "labels": self.label_names,
            **({"not_measured": self.not_measured} if self.not_measured else {}),
            **({"thresholds": self.by_label()} if self.thresholds else {}),
        }

    def _known(self) -> tuple[LabelSet, str]:
        if self.labels is None or self.problem_type is None:
            raise RuntimeError("prepare() must come first: it reads the labels")
        return self.labels, self.problem_type

    def _weights(self, train: ClassificationSplit) -> torch.Tensor:
        labels, problem_type = self._known()
        weights, targets = self.tune.class_weights, train.targets
        assert weights is not None
        assert targets is not None
        if problem_type == MULTI and isinstance(weights, str):
            return data.positive_weights(targets)
        return class_weights(weights, targets, labels.names)
