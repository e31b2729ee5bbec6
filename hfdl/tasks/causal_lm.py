"""Language models that say the next token: texts in blocks, every token foreseen once.

The text is one stream of tokens, documents one behind the other with an end token between them.
A block of it is an example; the model reads it and foresees, after each token, the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch

from hfdl.config.schema import DataConfig, ModelConfig, Recipe
from hfdl.data.blocks import consecutive_blocks, strided_windows
from hfdl.data.corpus import open_corpus, training_texts
from hfdl.data.token_store import TokenStore
from hfdl.errors import DataError, ModelError
from hfdl.tasks.causal_lm_blocks import block_length
from hfdl.tasks.causal_lm_documents import how_to_keep_apart
from hfdl.tasks.causal_lm_samples import write_samples
from hfdl.tasks.causal_lm_scores import NAMES, corpus_scores
from hfdl.tasks.causal_lm_split import Reading, TokenSplit
from hfdl.tasks.fresh_model import FreshModel, refuse_parts_of_a_fresh_model
from hfdl.tasks.inference import forward_batches, inference_batches, token_budget
from hfdl.tasks.language_scores import foreseen, perplexity, summed_loss
from hfdl.tasks.loss_options import loss_options, refuse_class_weights
from hfdl.tasks.protocol import Batch, LossSum, Prediction, Split, Splits
from hfdl.weights.fresh import is_fresh
from hfdl.weights.pretrained import build_saved, load_config, load_tokenizer
from hfdl.weights.resolve import find_model
from hfdl.weights.scoring import teach_scoring

_AUTO_CLASS = "AutoModelForCausalLM"


class CausalLM:
    """The task ``causal_lm``.

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

    name = "causal_lm"
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
        self.folder, self.config, self.beginning = folder, config, beginning
        self.tokenizer: Any = tokenizer
        self.recipe, self.trains, self.memory = recipe, trains, memory or {}
        self.fresh_parameters: list[str] = []
        self.reading = Reading(tokenizer)
        self.length = 0 if config is None else self._length()

    @classmethod
    def for_training(cls, recipe: Recipe, memory: Mapping[str, Any] | None = None) -> CausalLM:
        """A task that trains fresh weights, or a saved model further."""
        model = recipe.model
        refuse_class_weights(recipe.tune, "a language model")
        if is_fresh(model):
            fresh = FreshModel("causal_lm", model)
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
    ) -> CausalLM:
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
    ) -> CausalLM:
        """A task for a model that is already open: its transformers config and tokenizer."""
        return cls(folder, tokenizer, config, recipe=recipe, trains=False, memory=memory)

    def _length(self) -> int:
        return block_length(self.recipe.data, self.tokenizer, self.config)

    # ---- data ------------------------------------------------------------------------------

    def prepare(self, data_config: DataConfig) -> Splits:
        """Read and tokenise the texts, and learn the tokenizer of a model that has none.

        Raises:
            DataError: see ``hfdl.data``; also a split in which nothing is to be foreseen.
            ConfigError: blocks that the model cannot take.
        """
        seed, facts = self.recipe.train.seed, []
        if self.tokenizer is None:
            texts = training_texts(data_config, self.memory, seed)
            self._learn(texts)
            facts += texts.facts
        if self.beginning is not None:
            facts = [*self.beginning.facts, *facts]
        tokenizer: Any = self.tokenizer
        corpus = open_corpus(
            data_config, self.memory, seed, tokenizer, end_id=tokenizer.eos_token_id,
            trains=self.trains,
        )  # fmt: skip
        facts = [*corpus.facts, *facts]
        splits = {name: self._blocks(name, store, facts) for name, store in corpus.stores.items()}
        return Splits(**splits, facts=facts)

    def _learn(self, texts: Iterable[str]) -> None:
        """Learn the tokenizer, and so what the model is."""
        assert self.beginning is not None
        self.beginning.learn(texts)
        self.tokenizer = self.reading.tokenizer = self.beginning.tokenizer
        self.config = self.beginning.config()
        self.length = self._length()

    def _blocks(self, name: str, store: TokenStore, facts: list[str]) -> TokenSplit:
        tokens, documents = len(store.ids), store.documents
        blocks = consecutive_blocks(tokens, self.length)
        if not len(blocks):
            raise DataError(
                f"{name} has {tokens} token{'' if tokens == 1 else 's'}",
                where=f"data.{name}",
                rule="a language model foresees each token but the first: two are the least",
                remedy="give more text",
            )
        alone = self.recipe.data.document_mask
        facts.append(
            f"{name}: {tokens:,} tokens of {documents:,} document{'' if documents == 1 else 's'} "
            f"in {len(blocks):,} block{'' if len(blocks) == 1 else 's'} of {self.length}; lost 0"
            + (" (each document is read alone: none foresees its first token)" if alone else "")
        )
        return TokenSplit(name, store, blocks, self.reading)

    # ---- model -----------------------------------------------------------------------------

    def build_model(self, model_config: ModelConfig) -> torch.nn.Module:
        """The language model, taught to score: fresh, or with saved weights.

        Raises:
            ModelError: hfdl's own code is asked for a model that it has none for, or documents
                are to be kept apart in a model that cannot.
        """
        if self.beginning is not None:
            model, self.fresh_parameters = self.beginning.build()
        else:
            assert self.folder is not None
            model, self.fresh_parameters = build_saved(_AUTO_CLASS, self.folder, model_config)
        return self._ready(model)

    def load_model(self) -> torch.nn.Module:
        """The saved model, in eval mode.

        Raises:
            ModelError: the folder lacks some of its weights.
        """
        assert self.folder is not None
        model, fresh = build_saved(_AUTO_CLASS, self.folder, ModelConfig(name=str(self.folder)))
        if fresh:
            raise ModelError(
                f"{fresh[0]} is not in the model's weights",
                where=str(self.folder),
                rule="a model that says the next token has all of them",
                remedy=f"train it first: hfdl train clm model.name={self.folder} model.config=null",
            )
        return self._ready(model).eval()

    def _ready(self, model: Any) -> torch.nn.Module:
        if self.recipe.data.document_mask:
            self.reading.apart = how_to_keep_apart(model)
            self.reading.dtype = model.dtype
        return teach_scoring(model, **loss_options(self.recipe.tune))

    def loss(self, outputs: Any, batch: Batch) -> LossSum:
        """Cross-entropy of the tokens to be foreseen, summed, and their number."""
        return summed_loss(outputs, batch)

    def decode(self, outputs: Any, batch: Batch) -> list[Prediction]:
        """``loss``, ``accuracy`` and ``tokens``: how well each block was foreseen."""
        return foreseen(outputs, batch)

    def metrics(
        self, predictions: Sequence[Prediction], references: Sequence[Any]
    ) -> dict[str, float]:
        """Perplexity, accuracy and bits per byte."""
        return corpus_scores(predictions, references)

    def measure(
        self, model: torch.nn.Module, split: Split, device: torch.device
    ) -> dict[str, float]:
        """``strided_perplexity``: each token foreseen from ``data.stride`` tokens at least.

        Its windows overlap by half a block where the recipe does not say by how much, so that it
        costs twice an evaluation. See ``hfdl.data.blocks.strided_windows``.
        """
        assert isinstance(split, TokenSplit)
        windows = self._windows(split)
        nats = tokens = 0.0
        batches = inference_batches(windows.lengths, token_budget(device))
        for outputs, batch in forward_batches(model, windows, batches, device):
            loss = self.loss(outputs, batch)
            nats, tokens = nats + float(loss.total), tokens + float(loss.count)
        return {"strided_perplexity": perplexity(nats, tokens)}

    def _windows(self, split: TokenSplit) -> TokenSplit:
        stride = self.recipe.data.stride
        stride = self.length // 2 if stride is None else stride
        windows = strided_windows(len(split.store.ids), self.length, stride)
        return TokenSplit(split.name, split.store, windows, self.reading)

    def sample(self, model: torch.nn.Module) -> list[Prediction]:
        """What the model makes of the recipe's ``train.samples``."""
        train = self.recipe.train
        return write_samples(
            model, self.tokenizer, train.samples, longest=self.length, seed=train.seed
        )

    def save(self, folder: Path) -> None:
        """Write the tokenizer."""
        self.tokenizer.save_pretrained(folder)

    def facts(self) -> dict[str, Any]:
        """Task, size of the vocabulary and length of a block, for metrics.json."""
        return {"task": self.name, "vocabulary": len(self.tokenizer), "block": self.length}
