"""Texts into other texts: a source in one language, its target in another.

The model is trained on single words of the right target (teacher forcing), and judged by the
targets that it writes by itself, greedily, from the source alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch

from hfdl.config.schema import DataConfig, ModelConfig, Recipe, TuneConfig
from hfdl.data.encode import TextEncoder, length_facts
from hfdl.data.table import Table
from hfdl.errors import ModelError
from hfdl.generation import generate
from hfdl.hf_models.load import build_saved
from hfdl.metrics.translation import require_sacrebleu, signatures
from hfdl.tasks.new_model import refuse_parts_of_a_fresh_model
from hfdl.tasks.protocol import Batch, LossSum, Prediction, Splits
from hfdl.tasks.tables import loss_options, refuse_class_weights
from hfdl.tasks.translation import data as reading
from hfdl.tasks.translation.metrics import NAMES, corpus_scores, foreseen, summed_loss
from hfdl.tasks.translation.model import (
    build_scratch,
    is_scratch,
    learn_vocabulary,
    start_token_id,
    vocabulary_size,
)
from hfdl.tasks.translation.split import TargetIds, TranslationSplit
from hfdl.weights.pretrained import (
    load_config,
    load_tokenizer,
)
from hfdl.weights.resolve import find_model

_AUTO_CLASS = "AutoModelForSeq2SeqLM"


class Translation:
    """The task ``translation``.

    Use ``for_training`` or ``for_model``.

    Args:
        folder: the model's folder; None for one that is trained from nothing.
        tokenizer: its fast tokenizer; None until ``prepare`` has learned one from the data.
        start_token_id: what targets begin with; None until then.
        model: the recipe's ``model`` section.
        max_length: longest source and longest target, in tokens.
        long_text: ``truncate`` or ``error``.
        trains: whether ``prepare`` reads a training split.
        seed: fixes the split of validation and the sampling.
        memory: data objects by the marker that stands for them in the recipe.
        tune: the recipe's ``tune`` section.
    """

    name = "translation"
    label_names: ClassVar[list[str]] = []
    metric_names: ClassVar[list[str]] = NAMES
    best_metric = ("bleu", True)

    def __init__(
        self,
        folder: Path | None,
        tokenizer: Any,
        start_token_id: int | None,
        *,
        model: ModelConfig,
        max_length: int,
        long_text: str,
        trains: bool,
        seed: int,
        memory: Mapping[str, Any] | None,
        tune: TuneConfig | None = None,
    ) -> None:
        self.folder, self.tokenizer, self.start_token_id = folder, tokenizer, start_token_id
        self.model, self.max_length, self.long_text = model, max_length, long_text
        self.trains, self.seed, self.memory = trains, seed, memory or {}
        self.tune = tune or TuneConfig()
        self.fresh_parameters: list[str] = []

    @classmethod
    def for_training(cls, recipe: Recipe, memory: Mapping[str, Any] | None = None) -> Translation:
        """A task that trains hfdl's transformer from nothing, or a saved model further."""
        refuse_class_weights(recipe.tune, "a translation")
        refuse_parts_of_a_fresh_model(recipe.model)
        options: dict[str, Any] = {
            "model": recipe.model, "long_text": reading.fate_of_long_texts(recipe.data),
            "trains": True, "seed": recipe.train.seed, "memory": memory, "tune": recipe.tune,
        }  # fmt: skip
        if is_scratch(recipe.model):
            vocabulary_size(recipe.model)  # refuse wrong sizes before the data is read
            return cls(
                None, None, None, max_length=recipe.data.max_length or reading.LIMIT, **options
            )
        folder = find_model(
            recipe.model.name, recipe.model.revision, weights=recipe.model.config is None
        )
        config, tokenizer = load_config(folder, recipe.model.config), load_tokenizer(folder)
        return cls(
            folder, tokenizer, start_token_id(config, folder),
            max_length=reading.longest(recipe.data, tokenizer, config), **options,
        )  # fmt: skip

    @classmethod
    def for_model(
        cls, folder: Path, recipe: Recipe, memory: Mapping[str, Any] | None = None
    ) -> Translation:
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
    ) -> Translation:
        """A task for a model that is already open: its transformers config and tokenizer."""
        return cls(
            folder, tokenizer, start_token_id(config, folder),
            model=ModelConfig(name=str(folder)),
            max_length=reading.longest(recipe.data, tokenizer, config),
            long_text=reading.fate_of_long_texts(recipe.data), trains=False, seed=recipe.train.seed,
            memory=memory,
        )  # fmt: skip

    # ---- data ------------------------------------------------------------------------------

    def prepare(self, data_config: DataConfig) -> Splits:
        """Read, split and tokenise the data; learn the vocabulary of a model that has none.

        Raises:
            DataError: see ``hfdl.data``; also where there is nothing to train or evaluate on.
            MissingExtraError: sacrebleu is not installed.
        """
        require_sacrebleu()
        tables, facts = reading.read_tables(data_config, self.memory, self.seed, self.trains)
        if self.tokenizer is None:
            self.tokenizer = learn_vocabulary(tables["train"], data_config, self.model)
            self.start_token_id = self.tokenizer.bos_token_id
            facts.append(f"vocabulary: {len(self.tokenizer):,} pieces learned from train")
        splits = {
            name: self._split(name, table, data_config, facts)
            for name, table in tables.items()
            if self.trains or name != "train"
        }
        return Splits(**splits, facts=facts)

    def encode(self, texts: Sequence[str]) -> TranslationSplit:
        """Sources without targets, for the pipeline."""
        return TranslationSplit("texts", self._encoder(texts), None, self._ids, texts=texts)

    def _split(
        self, name: str, table: Table, config: DataConfig, facts: list[str]
    ) -> TranslationSplit:
        texts, answers = reading.pairs(table, config)
        sources = self._encoder(texts, where=table.where)
        targets = self._encoder(answers, where=table.where)
        facts.extend(length_facts(f"{name}, sources", sources, self._encoder))
        facts.extend(length_facts(f"{name}, targets", targets, self._encoder))
        return TranslationSplit(
            name, sources, targets, self._ids, texts=texts, answers=answers, where=table.where
        )

    @property
    def _encoder(self) -> TextEncoder:
        return TextEncoder(self.tokenizer, max_length=self.max_length, long_text=self.long_text)

    @property
    def _ids(self) -> TargetIds:
        assert self.start_token_id is not None, "prepare() must come first: it learns the ids"
        return TargetIds(self.start_token_id, self.tokenizer.pad_token_id)

    # ---- model -----------------------------------------------------------------------------

    def build_model(self, model_config: ModelConfig) -> torch.nn.Module:
        """hfdl's transformer with fresh weights, or a saved model.

        Raises:
            ModelError: hfdl's own code is asked for a model of transformers that it has none for.
        """
        if self.folder is None:
            model, self.fresh_parameters = build_scratch(model_config, self.tokenizer)
            return model
        model, self.fresh_parameters = build_saved(_AUTO_CLASS, self.folder, model_config)
        return model

    def load_model(self) -> torch.nn.Module:
        """The saved model, in eval mode.

        Raises:
            ModelError: the folder lacks some of its weights.
        """
        model = self.build_model(self.model)
        if self.fresh_parameters:
            raise ModelError(
                f"{self.fresh_parameters[0]} is not in the model's weights",
                where=str(self.folder),
                rule="a model that translates has all of them",
                remedy=f"train it first: hfdl train translation model.name={self.folder}",
            )
        return model.eval()

    def loss(self, outputs: Any, batch: Batch, *, training: bool = False) -> LossSum:
        """Cross-entropy of the right words, summed over the real tokens of the targets.

        Label smoothing and focal loss are for training alone.
        """
        options = loss_options(self.tune) if training else {}
        return summed_loss(outputs.logits, batch.targets["labels"], **options)

    def decode(self, outputs: Any, batch: Batch) -> list[Prediction]:
        """``loss``, ``accuracy`` and ``tokens``: how well each right target was foreseen."""
        return foreseen(outputs.logits, batch.targets["labels"])

    def generate(
        self, model: torch.nn.Module, batch: Batch, *, num_beams: int = 1
    ) -> list[Prediction]:
        """``prediction``: the translation of each source, by greedy search or with beams.

        A translation has at most twice as many tokens as its own source, and ten more.
        """
        mask = batch.inputs["attention_mask"]  # (B, S)
        limits = (2 * mask.sum(1) + 10).tolist()
        ids = generate(
            model, batch.inputs["input_ids"], mask, max_new_tokens=max(limits),
            num_beams=num_beams, stop_tokens=self.tokenizer.eos_token_id,
            pad_token_id=self._ids.pad, decoder_start_token_id=self._ids.start,
        )  # fmt: skip
        # Each row's own limit: what a text becomes must not depend on what it is batched with.
        rows = [row[: 1 + n] for row, n in zip(ids.tolist(), limits, strict=True)]
        texts = self.tokenizer.batch_decode(rows, skip_special_tokens=True)
        return [{"prediction": text.strip()} for text in texts]

    def metrics(
        self, predictions: Sequence[Prediction], references: Sequence[Any]
    ) -> dict[str, float]:
        """BLEU and chrF of the translations; accuracy and perplexity of the right words."""
        return corpus_scores(predictions, references)

    def save(self, folder: Path) -> None:
        """Write the tokenizer."""
        self.tokenizer.save_pretrained(folder)

    def facts(self) -> dict[str, Any]:
        """Task, size of the vocabulary and sacrebleu's signatures, for metrics.json."""
        return {"task": self.name, "vocabulary": len(self.tokenizer), "signatures": signatures()}
