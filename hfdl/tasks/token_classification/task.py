"""A tag for each word: named entities.

A sentence is read as one text, in rows that overlap where it is long; each word is answered by one
row, at its first piece. Of all tags of a sentence those are chosen that are likeliest together and
may follow each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch

from hfdl.config.schema import DataConfig, ModelConfig, Recipe, TuneConfig
from hfdl.data.encode import read_template
from hfdl.data.entities.sentences import Sentence, SentenceSet, refuse_no_entities, split_words
from hfdl.data.entities.tags import SCHEMES, detect_scheme, split_tag, tag_names
from hfdl.errors import ModelError
from hfdl.hf_models.from_config import is_fresh
from hfdl.hf_models.load import build_saved
from hfdl.metrics.entities import entity_metrics
from hfdl.nn.losses import IGNORED, token_losses
from hfdl.tasks.new_model import FreshModel, refuse_parts_of_a_fresh_model
from hfdl.tasks.protocol import Batch, LossSum, Prediction, Splits
from hfdl.tasks.tables import loss_options, on_device
from hfdl.tasks.text_classification.split import Padding
from hfdl.tasks.token_classification import data as reading
from hfdl.tasks.token_classification.decoding import Tagger, scores_of_words
from hfdl.tasks.token_classification.split import TaggedBatch, TaggedSplit
from hfdl.weights.pretrained import (
    build_pretrained,
    load_config,
    load_tokenizer,
    padding_side,
)
from hfdl.weights.resolve import find_model

_AUTO_CLASS = "AutoModelForTokenClassification"


class TokenClassification:
    """The task ``token_classification``.

    Use ``for_training`` or ``for_model``.

    Args:
        folder: the model's folder; None for one with fresh weights.
        tokenizer: its fast tokenizer; None until ``prepare`` has learned one from the data.
        config: its transformers config; None until then.
        data: how sentences are read.
        names: the tags in the order of their ids; None until ``prepare`` has read them from train.
        tune: the recipe's ``tune`` section.
        seed: fixes the split of validation and the sampling.
        memory: data objects by the marker that stands for them in the recipe.
        beginning: of a model with fresh weights.
    """

    name = "token_classification"
    best_metric: ClassVar[tuple[str, bool]] = ("f1", True)

    def __init__(
        self,
        folder: Path | None,
        tokenizer: Any,
        config: Any,
        data: DataConfig,
        *,
        names: list[str] | None,
        tune: TuneConfig,
        seed: int,
        memory: Mapping[str, Any] | None,
        beginning: FreshModel | None = None,
    ) -> None:
        self.folder, self.beginning = folder, beginning
        self.label_names = names or []
        self.trains = names is None
        self.tune, self.seed, self.memory = tune, seed, memory or {}
        self.all_pieces = data.label_pieces == "all"
        self.class_weights: torch.Tensor | None = None
        """The weight of each label in the loss that is trained on, shape (C,)."""
        self.fresh_parameters: list[str] = []
        """Parameters that were not in the model's weights: those of the new head."""
        self.tokenizer: Any = None
        if tokenizer is None:
            reading.fate_of_long_sentences(data)  # refuse before the data is read
        else:
            self._take_tokenizer(tokenizer, config, data)

    def _take_tokenizer(self, tokenizer: Any, config: Any, data: DataConfig) -> None:
        """Read sentences with this tokenizer from now on."""
        self.tokenizer = tokenizer
        template = read_template(tokenizer, pair=False)
        self.encoder = reading.SentenceEncoder(
            tokenizer, template,
            max_length=reading.row_length(data, tokenizer, template, config),
            long_text=reading.fate_of_long_sentences(data), stride=data.stride,
        )  # fmt: skip
        self.padding = Padding(
            pad_id=tokenizer.pad_token_id,
            side=padding_side(config),
            with_types="token_type_ids" in tokenizer.model_input_names,
            type_id=tokenizer.pad_token_type_id,
        )

    @classmethod
    def for_training(
        cls, recipe: Recipe, memory: Mapping[str, Any] | None = None
    ) -> TokenClassification:
        """A task that reads its tags from the training split, and may learn its tokenizer."""
        options: Any = {
            "names": None, "tune": recipe.tune, "seed": recipe.train.seed, "memory": memory,
        }  # fmt: skip
        if is_fresh(recipe.model):
            fresh = FreshModel("token_classification", recipe.model)
            config = None if fresh.tokenizer is None else fresh.config()
            return cls(None, fresh.tokenizer, config, recipe.data, beginning=fresh, **options)
        refuse_parts_of_a_fresh_model(recipe.model)
        folder = find_model(
            recipe.model.name, recipe.model.revision, weights=recipe.model.config is None
        )
        config = load_config(folder, recipe.model.config)
        return cls(folder, load_tokenizer(folder), config, recipe.data, **options)

    @classmethod
    def for_model(
        cls, folder: Path, recipe: Recipe, memory: Mapping[str, Any] | None = None
    ) -> TokenClassification:
        """A task whose tags are those of a saved model."""
        return cls.of_parts(folder, load_config(folder), load_tokenizer(folder), recipe, memory)

    @classmethod
    def of_parts(
        cls,
        folder: Path,
        config: Any,
        tokenizer: Any,
        recipe: Recipe,
        memory: Mapping[str, Any] | None = None,
    ) -> TokenClassification:
        """A task for a model that is already open: its transformers config and tokenizer."""
        names = [str(config.id2label[i]) for i in range(config.num_labels)]
        return cls(
            folder, tokenizer, config, recipe.data, names=names, tune=TuneConfig(),
            seed=recipe.train.seed, memory=memory,
        )  # fmt: skip

    # ---- data ------------------------------------------------------------------------------

    def prepare(self, data_config: DataConfig) -> Splits:
        """Read, split, tag and tokenise the data.

        Raises:
            DataError: see ``hfdl.data``; also where there is nothing to train or evaluate on.
            ModelError: a saved model lacks tags that its scheme needs.
        """
        tables, facts = reading.read_tables(data_config, self.memory, self.seed, self.trains)
        scheme = types = None
        splits: dict[str, TaggedSplit] = {}
        if not self.trains:
            tables.pop("train", None)
            scheme, types = self.scheme, self.types
            self._refuse_missing(tag_names(types, scheme))
        for name, table in sorted(tables.items(), key=lambda item: item[0] != "train"):
            found = reading.read_split(table, data_config, name, scheme, types)
            if name == "train":
                refuse_no_entities(found)
                scheme, types = found.scheme, found.types
                self.label_names = tag_names(types, scheme)
                facts.extend(self._learned(found, data_config))
            facts.extend(found.facts)
            splits[name] = self._split(name, found)
            facts.append(reading.length_facts(name, splits[name].encoded, self.encoder))
        if self.trains:
            self._make_trainable(splits["train"])
        return Splits(**splits, facts=facts)

    def encode(self, texts: Sequence[str | Sentence]) -> TaggedSplit:
        """Texts, or sentences with words of their own, without answers: for the pipeline."""
        sentences = [
            text if isinstance(text, Sentence) else Sentence(text, tuple(split_words(text)), None)
            for text in texts
        ]
        return self._tagged("texts", sentences, lambda row: f"text {row + 1}")

    def _learned(self, train: SentenceSet, data: DataConfig) -> list[str]:
        """Learn the tokenizer of a fresh model that has none; what to say of the model."""
        if self.beginning is None:
            return []
        if self.tokenizer is None:
            self.beginning.learn(sentence.text for sentence in train.sentences)
            self._take_tokenizer(self.beginning.tokenizer, self.beginning.config(), data)
        return self.beginning.facts

    def _split(self, name: str, found: SentenceSet) -> TaggedSplit:
        return self._tagged(name, found.sentences, found.where)

    def _tagged(self, name: str, sentences: Sequence[Sentence], where: Any) -> TaggedSplit:
        return TaggedSplit(
            name, sentences, self.encoder(sentences, where), self.encoder.template, self.padding,
            ids={tag: i for i, tag in enumerate(self.label_names)},
            all_pieces=self.all_pieces, where=where,
        )  # fmt: skip

    def _make_trainable(self, train: TaggedSplit) -> None:
        if self.tune.class_weights is not None:
            labels = [label for i in range(len(train)) for label in train.labels_of(i)]
            self.class_weights = reading.class_weights(
                self.tune.class_weights, labels, self.label_names
            )

    @property
    def scheme(self) -> str:
        """The scheme that the tags are in; BIO where their names show no other."""
        try:
            found = detect_scheme([self.label_names])
        except ValueError:  # tags of no scheme, such as parts of speech
            return "BIO"
        return found if found in SCHEMES else "BIO"

    @property
    def types(self) -> list[str]:
        """The types of entities, sorted."""
        return sorted({split_tag(name)[1] for name in self.label_names} - {""})

    def _refuse_missing(self, needed: Sequence[str]) -> None:
        missing = [name for name in needed if name not in self.label_names]
        if missing:
            assert self.folder is not None
            raise ModelError(
                f"the model has no tag {missing[0]!r}",
                where=str(self.folder / "config.json"),
                rule=f"its tags, {', '.join(self.label_names)}, must be all of the scheme's",
                remedy=f"fine-tune it first: hfdl train ner model.name={self.folder}",
            )

    @property
    def metric_names(self) -> list[str]:
        """The names of what ``metrics`` gives, those of each type included."""
        details = ("precision", "recall", "f1", "support")
        of_types = [f"{label}/{name}" for label in self.types for name in details]
        return [*entity_metrics([], []), *of_types]

    # ---- model -----------------------------------------------------------------------------

    def build_model(self, model_config: ModelConfig) -> torch.nn.Module:
        """A model with a head for the tags, its weights pretrained or fresh."""
        settings: dict[str, Any] = {
            "num_labels": len(self.label_names),
            "id2label": dict(enumerate(self.label_names)),
            "label2id": {name: i for i, name in enumerate(self.label_names)},
            "pad_token_id": self.tokenizer.pad_token_id,
        }
        if self.beginning is not None:
            model, self.fresh_parameters = self.beginning.build(**settings)
            return model
        assert self.folder is not None
        model, self.fresh_parameters = build_saved(
            _AUTO_CLASS, self.folder, model_config, **settings
        )
        return model

    def load_model(self) -> torch.nn.Module:
        """The saved model itself, its head included, in eval mode.

        Raises:
            ModelError: the folder holds no trained head.
        """
        assert self.folder is not None
        model, self.fresh_parameters = build_pretrained(
            _AUTO_CLASS,
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
                remedy=f"fine-tune it first: hfdl train ner model.name={self.folder}",
            )
        return model.eval()

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
        known = labels[labels != IGNORED]
        count = torch.ones_like(known, dtype=logits.dtype) if classes is None else classes[known]
        return LossSum(losses.sum(), count.sum())

    def decode(self, outputs: Any, batch: Batch) -> list[Prediction]:
        """``prediction`` (a tag for each word) and ``entities`` (in characters of the text).

        The tags are the likeliest that may follow each other; words that were cut off are
        outside. See ``Tagger``.
        """
        assert isinstance(batch, TaggedBatch), "the batch comes from a TaggedSplit"
        tag = Tagger(self.label_names, self.scheme)
        scores = scores_of_words(outputs.logits, batch.targets)
        return [tag(*row) for row in zip(batch.sentences, scores, strict=True)]

    def metrics(
        self, predictions: Sequence[Prediction], references: Sequence[Any]
    ) -> dict[str, float]:
        """See ``hfdl.metrics.entities``."""
        tags = [prediction["prediction"] for prediction in predictions]
        return entity_metrics(references, tags, self.scheme)

    def save(self, folder: Path) -> None:
        """Write the tokenizer."""
        self.tokenizer.save_pretrained(folder)

    def facts(self) -> dict[str, Any]:
        """Task, scheme and tags, for metrics.json."""
        return {"task": self.name, "scheme": self.scheme, "labels": self.label_names}
