"""Token classification: a tag for each word, such as those of named entities.

A sentence is read as one text, in rows that overlap where it is long; the tag of each word comes
from one row, at the word's first piece. Of all tag sequences of a sentence the likeliest is chosen
whose tags may follow each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from hfdl.config.schema import DataConfig, Recipe
from hfdl.data.encode import read_template
from hfdl.data.entities.sentence import Sentence
from hfdl.data.entities.sentences import join_words, read_sentences, refuse_no_entities
from hfdl.data.entities.tags import split_tag, tag_names
from hfdl.data.entities.word_splitter import CONFIG_KEY, WordSplitter
from hfdl.data.table import Table
from hfdl.errors import NotFiniteError
from hfdl.metrics.entities import entity_metric_names, span_metrics
from hfdl.metrics.own import Answers
from hfdl.nn.losses import IGNORED, token_losses
from hfdl.tasks.base import PretrainedTask
from hfdl.tasks.protocol import Batch, LossSum, Prediction, Splits
from hfdl.tasks.row_length import row_length
from hfdl.tasks.split import Padding
from hfdl.tasks.tables import read_tables
from hfdl.tasks.token_classification.calibrated import Calibrated
from hfdl.tasks.token_classification.data import (
    SentenceEncoder,
    fate_of_long_sentences,
    length_facts,
)
from hfdl.tasks.token_classification.decoding import Tagger, scores_of_words
from hfdl.tasks.token_classification.model_tags import (
    CONFIG,
    ModelTags,
    is_foreign,
    named_by,
)
from hfdl.tasks.token_classification.spec import SPEC
from hfdl.tasks.token_classification.split import TaggedBatch, TaggedSplit
from hfdl.tasks.training_loss import class_weights, loss_options, on_device
from hfdl.tasks.unmeasured import unmeasured, unmeasured_facts
from hfdl.weights.label_rows import label_names

_COARSER = {"S": "UB", "U": "SB", "E": "LI", "L": "EI"}
"""Prefixes that a tag may have in a model of another scheme: a word alone begins what it ends."""


class TokenClassification(Calibrated, PretrainedTask):
    """The task ``token_classification``; see ``PretrainedTask``.

    Attributes:
        label_names: the tags in the order of their ids; empty until ``prepare`` has read them.
        splitter: splits raw texts into words as the training data is split.
        not_measured: by held-out split, the types that none of its entities has.
    """

    spec = SPEC
    auto_class = "AutoModelForTokenClassification"
    head = "token"
    best_metric: ClassVar[tuple[str, bool]] = ("f1", True)

    def __init__(self, *args: Any, **keywords: Any) -> None:
        self.label_names: list[str] = []
        self.splitter = WordSplitter()
        self.not_measured: dict[str, list[str]] = {}
        super().__init__(*args, **keywords)
        self.all_pieces = self.recipe.data.label_pieces == "all"

    @classmethod
    def check_recipe(cls, recipe: Recipe) -> None:
        """Refuse ``head_tail``: every word needs a tag."""
        fate_of_long_sentences(recipe.data)

    @classmethod
    def training_texts(cls, train: Table, config: DataConfig) -> list[str]:
        """The sentences as texts."""
        return [sentence.text for sentence in read_sentences(train, config, "train").sentences]

    def _take(self, tokenizer: Any, config: Any) -> None:
        super()._take(tokenizer, config)
        data = self.recipe.data
        template = read_template(tokenizer, pair=False)
        length = row_length(
            data.max_length, tokenizer, config, smallest=template.size + 2, row="a sentence",
            remedy="; longer sentences are read in windows",
        )  # fmt: skip
        self.encoder = SentenceEncoder(
            tokenizer, template, max_length=length, long_text=fate_of_long_sentences(data),
            stride=data.stride,
        )  # fmt: skip
        self.padding = Padding.of(tokenizer, config)
        if not self.trains:
            self.label_names = named_by(label_names(config), data)
            self.splitter = WordSplitter.of_config(config)

    # ---- data ------------------------------------------------------------------------------

    def prepare(self, data_config: DataConfig) -> Splits:
        """Read, split, tag and tokenise the data.

        Raises:
            DataError: see ``hfdl.data``; also where there is nothing to train or evaluate on.
            ModelError: a saved model's tags have no names, or it lacks one that is needed.
        """
        tables, facts = read_tables(
            data_config, self.memory, self.seed, self.trains, rows="entities"
        )
        scheme = types = None
        saved, config_file = self.model_tags, str((self.folder or Path()) / CONFIG)
        splits: dict[str, TaggedSplit] = {}
        if not self.trains:
            scheme, types = self.scheme, self.types
            saved.refuse_nameless(config_file)
        for name, table in sorted(tables.items(), key=lambda item: item[0] != "train"):
            read = read_sentences(
                table, data_config, name, scheme=scheme, types=types, splitter=self.splitter,
                rename=None if self.trains else saved.type_of,
            )  # fmt: skip
            if name == "train":
                refuse_no_entities(read)
                if data_config.tokens in table.columns:
                    self.splitter = WordSplitter.of_training_words(map(_words, read.sentences))
                scheme, types = read.scheme, read.types
                self.label_names = tag_names(types, scheme)
                facts.extend(self._learn_tokenizer(one.text for one in read.sentences))
            facts.extend(read.facts)
            if not self.trains:
                read.sentences = saved.write(read.sentences, config_file)
            splits[name] = self._tagged(name, read.sentences, read.where)
            facts.append(length_facts(name, splits[name].encoded, self.encoder))
        facts.extend([*saved.facts, *self._unmeasured(splits)])
        if self.trains and self.tune.class_weights is not None:
            train = splits["train"]
            labels = [label for i in range(len(train)) for label in train.labels_of(i)]
            types_of_labels = [split_tag(name)[1] for name in self.label_names]
            self.class_weights = class_weights(
                self.tune.class_weights, labels, self.label_names, types_of_labels
            )
        return Splits(**splits, facts=facts)

    def labels_of_training(self, tables: Mapping[str, Table]) -> Sequence[str]:
        """The tags, as ``prepare`` reads them."""
        read = read_sentences(tables["train"], self.recipe.data, "train")
        return tag_names(read.types, read.scheme)

    def _unmeasured(self, splits: dict[str, TaggedSplit]) -> list[str]:
        """Find the types that held-out splits lack; a line a split."""
        held = {
            name: {one["label"] for right in split.references() for one in right["true_entities"]}
            for name, split in splits.items()
            if name != "train"
        }
        self.not_measured = unmeasured(self.types, held)
        return unmeasured_facts(
            self.not_measured, "entity", "entities that are predicted so count as wrong"
        )

    def encode(self, texts: Sequence[str | Sentence]) -> TaggedSplit:
        """Texts, or sentences with words of their own, without answers: for the pipeline."""
        sentences = [
            text if isinstance(text, Sentence) else Sentence(text, tuple(self.splitter(text)), None)
            for text in texts
        ]
        return self._tagged("texts", sentences, lambda row: f"text {row + 1}")

    def _tagged(self, name: str, sentences: Sequence[Sentence], where: Any) -> TaggedSplit:
        read = [_as_words(one) for one in sentences] if self.splitter.of_words else sentences
        return TaggedSplit(
            name, sentences, self.encoder(read, where), self.encoder.template, self.padding,
            ids=self.model_tags.ids, all_pieces=self.all_pieces, where=where,
        )  # fmt: skip

    @property
    def model_tags(self) -> ModelTags:
        """The tags, of training or of the saved model."""
        return ModelTags(self.label_names)

    @property
    def scheme(self) -> str:
        """The scheme that the tags are in."""
        return self.model_tags.scheme

    @property
    def types(self) -> list[str]:
        """The types of entities, sorted."""
        return self.model_tags.types

    @property
    def metric_names(self) -> list[str]:
        """The names of what ``metrics`` gives, those of each type included."""
        return entity_metric_names(self.types)

    # ---- model -----------------------------------------------------------------------------

    def head_settings(self) -> dict[str, Any]:
        """The tags."""
        return {
            "num_labels": len(self.label_names),
            "id2label": dict(enumerate(self.label_names)),
            "label2id": {name: i for i, name in enumerate(self.label_names)},
            CONFIG_KEY: self.splitter.settings,
            "pad_token_id": self.tokenizer.pad_token_id,
        }

    def other_names(self, label: str) -> Sequence[str]:
        """The tags of coarser schemes, and the type alone, as a scheme without prefixes has it."""
        prefix, kind = split_tag(label)
        return [*(f"{letter}-{kind}" for letter in _COARSER.get(prefix, "")), kind or label]

    def loss(self, outputs: Any, batch: Batch, *, training: bool = False) -> LossSum:
        """Cross-entropy summed over the labelled pieces, and their number.

        With class weights each piece counts as much as its tag. Weights, focal loss and label
        smoothing are for training alone.
        """
        logits = outputs.logits.flatten(0, 1)  # (R, T, C) -> (R * T, C)
        labels = batch.targets["labels"].flatten()  # (R * T,)
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        classes = on_device(self.class_weights, logits) if training else None  # (C,)
        classes = None if classes is None else classes.to(logits.dtype)
        options = loss_options(self.tune) if training else {}
        losses = token_losses(logits, labels, weight=classes, **options)  # (R * T,)
        real = labels[labels != IGNORED]
        count = torch.ones_like(real, dtype=logits.dtype) if classes is None else classes[real]
        return LossSum(losses.sum(), count.sum())

    def decode(self, outputs: Any, batch: Batch) -> list[Prediction]:
        """``prediction`` (a tag for each word) and ``entities`` (in characters of the text).

        The tags are the likeliest that may follow each other; words that were cut off are
        outside. See ``Tagger``.

        Raises:
            NotFiniteError: a word's scores are no numbers.
        """
        assert isinstance(batch, TaggedBatch), "the batch comes from a TaggedSplit"
        tags = self.model_tags
        may_be_iob1 = not self.trains and is_foreign(self.config)
        tag = Tagger(tags.names, tags.scheme, may_be_iob1=may_be_iob1)
        scores = scores_of_words(outputs.logits, batch.targets)
        for number, sentence, own in zip(batch.examples, batch.sentences, scores, strict=True):
            if np.isnan(own).any():
                raise NotFiniteError(number, sentence.text)
        return [tag(*row) for row in zip(batch.sentences, scores, strict=True)]

    def metrics(
        self, predictions: Sequence[Prediction], references: Sequence[Any]
    ) -> dict[str, float]:
        """See ``hfdl.metrics.entities``; entities are spans of characters, as users get them."""
        return span_metrics(
            [_spans(right["true_entities"]) for right in references],
            [_spans(prediction["entities"]) for prediction in predictions],
            [right["label"] for right in references],
            [prediction["prediction"] for prediction in predictions],
        )

    def answers(self, predictions: Sequence[Prediction], references: Sequence[Any]) -> Answers:
        """A list of tags for each sentence, one a word."""
        given = [each["prediction"] for each in predictions]
        return Answers("tags", given, [right["label"] for right in references])

    def right_predictions(self, references: Sequence[Any]) -> list[Prediction]:
        """The right tags as predictions."""
        return [{"prediction": right["label"]} for right in references]

    def facts(self) -> dict[str, Any]:
        """Task, scheme and tags, for metrics.json."""
        facts = {"task": self.name, "scheme": self.scheme, "labels": self.label_names}
        return {**facts, **({"not_measured": self.not_measured} if self.not_measured else {})}


def _words(sentence: Sentence) -> list[str]:
    return [sentence.text[start:end] for start, end in sentence.words]


def _as_words(sentence: Sentence) -> Sentence:
    """What a model reads that was trained on words: a blank between one word and the next."""
    text, words = join_words(_words(sentence))
    return Sentence(text, tuple(words), sentence.tags)


def _spans(entities: Sequence[dict[str, Any]]) -> list[tuple[int, int, str]]:
    return [(one["start"], one["end"], one["label"]) for one in entities]
