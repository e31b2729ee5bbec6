"""The translation task: a source in one language, its target in another.

The model is trained to predict each token of the right target from those before it (teacher
forcing), and judged by the targets that it generates by itself from the source alone: greedily,
where the model itself does not ask for another search.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from transformers import GenerationConfig

from hfdl.config.overrides import as_override
from hfdl.config.schema import DataConfig, ModelConfig, Recipe
from hfdl.data.encode import TextEncoder, length_facts
from hfdl.data.table import Table, counted, is_blank
from hfdl.errors import ConfigError, ModelError
from hfdl.generation import Generated, generate_with_scores
from hfdl.generation.model_rules import model_rules, own_value
from hfdl.hf_models.encoder_decoder import ScratchTransformerConfig
from hfdl.metrics.own import Answers
from hfdl.metrics.translation import require_sacrebleu, signatures, translation_metrics
from hfdl.nn.losses import IGNORED, token_losses
from hfdl.tasks.base import PretrainedTask
from hfdl.tasks.protocol import Batch, LossSum, Prediction, Splits
from hfdl.tasks.row_length import row_length
from hfdl.tasks.tables import read_tables
from hfdl.tasks.token_scores import per_example_scores, token_scores
from hfdl.tasks.training_loss import loss_options, refuse_class_weights
from hfdl.tasks.translation.data import fate_of_long_texts, pairs, refuse_no_train
from hfdl.tasks.translation.languages import languages
from hfdl.tasks.translation.spec import SPEC
from hfdl.tasks.translation.split import TargetIds, TranslationSplit
from hfdl.weights.names import is_new_model

LIMIT = 1 << 20
"""Tokens of a source or a target where neither the recipe nor the model has a limit."""


class Translation(PretrainedTask):
    """The task ``translation``; see ``PretrainedTask``."""

    spec = SPEC
    auto_class = "AutoModelForSeq2SeqLM"
    head = "seq2seq"
    label_names: ClassVar[list[str]] = []
    metric_names: ClassVar[list[str]] = ["bleu", "chrf", "accuracy", "perplexity"]
    best_metric = ("bleu", True)

    @classmethod
    def check_recipe(cls, recipe: Recipe) -> None:
        """Refuse class weights, a tokenizer for a new model, and windows of long texts."""
        refuse_class_weights(recipe.tune, "a translation")
        if is_new_model(recipe.model) and recipe.model.tokenizer is not None:
            raise ConfigError(
                f"{recipe.model.name} learns its own vocabulary",
                where="model.tokenizer",
                rule="one vocabulary serves sources and targets",
                remedy="set model.tokenizer=null; model.config.vocab_size is the number of its "
                "pieces",
            )
        fate_of_long_texts(recipe.data)

    @classmethod
    def training_texts(cls, train: Table, config: DataConfig) -> list[str]:
        """Sources, then targets: they share a vocabulary."""
        sources, targets = pairs(train, config)
        return [*sources, *targets]

    def _take(self, tokenizer: Any, config: Any) -> None:
        super()._take(tokenizer, config)
        data = self.recipe.data
        where = self.folder or Path(self.recipe.model.name)
        self._ids = TargetIds(
            start_token_id(config, where), tokenizer.pad_token_id,
            masked=isinstance(config, ScratchTransformerConfig),
        )  # fmt: skip
        is_plain = not (self.trains or (where / "recipe.yaml").is_file())
        self._languages = languages(tokenizer, config, data, is_plain=is_plain)
        self._encoder, self._target_encoder = (
            TextEncoder(
                each, max_length=row_length(data.max_length, tokenizer, config, default=LIMIT),
                long_text=fate_of_long_texts(data),
            )
            for each in (self._languages.source, self._languages.target)
        )  # fmt: skip

    # ---- data ------------------------------------------------------------------------------

    def prepare(self, data_config: DataConfig) -> Splits:
        """Read, split and tokenise the data; learn the vocabulary of a model that has none.

        Raises:
            DataError: see ``hfdl.data``; also where there is nothing to train or evaluate on.
            MissingExtraError: sacrebleu is not installed.
        """
        require_sacrebleu()
        if self.trains:
            refuse_no_train(data_config)
        tables, facts = read_tables(data_config, self.memory, self.seed, self.trains, rows="pairs")
        if self.new_model is not None:
            texts = self.training_texts(tables["train"], data_config)
            facts.extend(self._learn_tokenizer(texts))
        splits = {
            name: self._split(name, table, data_config, facts) for name, table in tables.items()
        }
        return Splits(**splits, facts=facts)

    def encode(self, texts: Sequence[str]) -> TranslationSplit:
        """Sources without targets, for the pipeline."""
        return TranslationSplit(
            "texts", self._encoder(self._asked(texts)), None, self._ids, texts=texts
        )

    @property
    def prefix(self) -> str:
        """What stands before every source, of a model that is told its languages so."""
        return self._languages.prefix

    def _asked(self, texts: Sequence[str]) -> list[str]:
        """Sources as the model is asked for their translations."""
        return [self._languages.prefix + text for text in texts]

    def _split(
        self, name: str, table: Table, config: DataConfig, facts: list[str]
    ) -> TranslationSplit:
        texts, answers = pairs(table, config)
        sources = self._encoder(self._asked(texts), where=table.where)
        targets = self._target_encoder(answers, where=table.where)
        empty = [row for row, text in enumerate(answers) if is_blank(text)]
        if empty:
            rows, first = counted(len(empty), "row"), table.place(empty[0])
            facts.append(f"{name}: {rows} with an empty target (first: {first})")
        facts.extend(length_facts(f"{name}, sources", sources, self._encoder))
        facts.extend(length_facts(f"{name}, targets", targets, self._target_encoder))
        return TranslationSplit(
            name, sources, targets, self._ids, texts=texts, answers=answers, where=table.where
        )

    # ---- model -----------------------------------------------------------------------------

    def build_model(self, model_config: ModelConfig) -> torch.nn.Module:
        """See ``PretrainedTask``; trained for a language, it writes that one by default."""
        model = super().build_model(model_config)
        if self.trains:
            self._languages.set_defaults(model)
        return model

    def save(self, folder: Path) -> None:
        """Write the tokenizer as sources are read with it: in the language that was trained."""
        own, self.tokenizer = self.tokenizer, self._languages.for_users(self.recipe.data)
        super().save(folder)
        self.tokenizer = own

    def untrained(self, folder: Path, parameter: str) -> ModelError:
        """The error for a saved model that lacks a parameter."""
        return ModelError(
            f"{parameter} is not in the model's weights",
            where=str(folder),
            rule="a model that translates has all of them",
            remedy="train it first: hfdl train translation "
            + as_override("model.name", str(folder)),
        )

    def loss(self, outputs: Any, batch: Batch, *, training: bool = False) -> LossSum:
        """Cross-entropy summed over the real tokens of the targets.

        Label smoothing and focal loss are for training alone.
        """
        options = loss_options(self.tune) if training else {}
        labels = batch.targets["labels"]  # (B, T)
        losses = token_losses(outputs.logits.flatten(0, 1), labels.flatten(), **options)  # (B * T,)
        return LossSum(losses.sum(), (labels != IGNORED).sum())

    def decode(self, outputs: Any, batch: Batch) -> list[Prediction]:
        """``loss``, ``accuracy`` and ``tokens`` of each right target, given its earlier tokens."""
        logits, labels = outputs.logits, batch.targets["labels"]  # (B, T, V), (B, T)
        losses = token_losses(logits.flatten(0, 1), labels.flatten()).view(labels.shape)  # (B, T)
        real = labels != IGNORED  # (B, T), N of them true
        rows = real.nonzero()[:, 0]  # (N,)
        return per_example_scores(
            losses[real], logits.argmax(-1)[real], labels[real], rows, len(batch.examples)
        )

    def generate(self, model: torch.nn.Module, batch: Batch, **options: Any) -> list[Prediction]:
        """``prediction``: the translation of each source, searched for as the model says.

        That is greedily, where neither its ``generation_config`` nor its languages say otherwise.
        """
        found = self.write(model, batch, **{"num_return_sequences": 1, **options})
        return [{"prediction": text} for text in self.texts(found)]

    def write(self, model: torch.nn.Module, batch: Batch, **options: Any) -> Generated:
        """Translations of each source, with their scores.

        Where neither the options nor the model say how long, a translation has at most twice as
        many tokens as its own source, and ten more.

        Args:
            model: on any device.
            batch: sources.
            options: as for ``hfdl.generation.generate_with_scores``.
        """
        mask = batch.inputs["attention_mask"]  # (B, S)
        wished = {**self._languages.settings, "forced_bos_token_id": self._languages.forced}
        wished |= {name: value for name, value in options.items() if value is not None}
        settings = {k: v for k, v in wished.items() if k not in ("seed", "stop_text")}
        rules = model_rules(model, settings)
        # A total of ``longest_output`` is what hfdl saves for transformers, which has no limit.
        if rules.new_tokens is None and rules.total in (None, self.longest_output):
            most = getattr(self.config, "max_position_embeddings", None) or LIMIT
            # Each row's own limit: it must not depend on what a text is batched with.
            wished["max_new_tokens"] = [min(2 * n + 10, most) for n in mask.sum(1).tolist()]
        if own_value(model, "eos_token_id") is None:
            wished["stop_tokens"] = self.tokenizer.eos_token_id
        wished.setdefault("seed", [self.seed + example for example in batch.examples])
        return generate_with_scores(
            model, batch.inputs["input_ids"], mask, pad_token_id=self._ids.pad, **wished
        )

    def texts(self, found: Generated) -> list[str]:
        """The texts of what was written."""
        rows = [
            row[: row.numel() - found.new_tokens.shape[1] + length].tolist()
            for row, length in zip(found.sequences, found.lengths.tolist(), strict=True)
        ]
        return [
            text.strip() for text in self.tokenizer.batch_decode(rows, skip_special_tokens=True)
        ]

    def metrics(
        self, predictions: Sequence[Prediction], references: Sequence[Any]
    ) -> dict[str, float]:
        """BLEU and chrF of the translations; accuracy and perplexity of the right tokens."""
        scores = token_scores(predictions)
        return {
            **translation_metrics(references, [p["prediction"] for p in predictions]),
            "accuracy": scores["accuracy"],
            "perplexity": scores["perplexity"],
        }

    @property
    def longest_output(self) -> int | None:
        """As many tokens as a source has: transformers would stop after 20."""
        return self._encoder.max_length

    def answers(self, predictions: Sequence[Prediction], references: Sequence[Any]) -> Answers:
        """The texts that the model wrote, and the right ones."""
        return Answers("texts", [each["prediction"] for each in predictions], references)

    def facts(self) -> dict[str, Any]:
        """Task, size of the vocabulary and sacrebleu's signatures, for metrics.json."""
        return {"task": self.name, "vocabulary": len(self.tokenizer), "signatures": signatures()}


def start_token_id(config: Any, folder: Path) -> int:
    """The token that a saved model's targets begin with.

    Raises:
        ModelError: it is no encoder-decoder model, or does not say.
    """
    start = getattr(config, "decoder_start_token_id", None)
    if start is None and (folder / "generation_config.json").is_file():
        start = GenerationConfig.from_pretrained(folder).decoder_start_token_id
    if not config.is_encoder_decoder or start is None:
        raise ModelError(
            f"{config.model_type} is no encoder-decoder model that says what targets begin with",
            where=str(folder / "config.json"),
            rule="a translation needs is_encoder_decoder and decoder_start_token_id",
            remedy="choose another model, or train one: model.name=hfdl://transformer",
        )
    return start
