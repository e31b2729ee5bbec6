"""Language models that say the next token: texts in blocks, every token foreseen once.

The text is one stream of tokens, documents one behind the other with an end token between them.
A block of it is an example; the model reads it and foresees, after each token, the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch

from hfdl.config.schema import DataConfig, ModelConfig
from hfdl.data.corpus.blocks import consecutive_blocks, strided_windows
from hfdl.data.corpus.corpus import open_corpus
from hfdl.data.corpus.token_store import TokenStore
from hfdl.errors import DataError, ModelError
from hfdl.tasks.inference import forward_batches, inference_batches, token_budget
from hfdl.tasks.language_modeling.base import LanguageTask
from hfdl.tasks.language_modeling.causal_lm_blocks import block_length
from hfdl.tasks.language_modeling.causal_lm_documents import how_to_keep_apart
from hfdl.tasks.language_modeling.causal_lm_scores import NAMES, corpus_scores
from hfdl.tasks.language_modeling.causal_split import Reading, TokenSplit
from hfdl.tasks.language_modeling.language_scores import foreseen, perplexity
from hfdl.tasks.language_modeling.samples import write_samples
from hfdl.tasks.protocol import Batch, Prediction, Split, Splits


class CausalLM(LanguageTask):
    """The task ``causal_lm``."""

    name = "causal_lm"
    auto_class = "AutoModelForCausalLM"
    metric_names: ClassVar[list[str]] = NAMES

    def __init__(self, *args: Any, **keywords: Any) -> None:
        self.reading = Reading(None)
        self.length = 0
        super().__init__(*args, **keywords)

    def _take(self, tokenizer: Any, config: Any) -> None:
        super()._take(tokenizer, config)
        self.reading.tokenizer = tokenizer
        self.length = block_length(self.recipe.data, tokenizer, config)

    # ---- data ------------------------------------------------------------------------------

    def prepare(self, data_config: DataConfig) -> Splits:
        """Read and tokenise the texts, and learn the tokenizer of a model that has none.

        Raises:
            DataError: see ``hfdl.data``; also a split in which nothing is to be foreseen.
            ConfigError: blocks that the model cannot take.
        """
        facts, seed = self._learn_tokenizer(data_config), self.recipe.train.seed
        tokenizer: Any = self.tokenizer
        corpus = open_corpus(
            data_config, self.memory, seed, tokenizer, end_id=tokenizer.eos_token_id,
            trains=self.trains,
        )  # fmt: skip
        facts = [*corpus.facts, *facts]
        splits = {name: self._blocks(name, store, facts) for name, store in corpus.stores.items()}
        return Splits(**splits, facts=facts)

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
        model: Any = super().build_model(model_config)
        if self.recipe.data.document_mask:
            self.reading.apart = how_to_keep_apart(model)
            self.reading.dtype = model.dtype
        return model

    def _untrained(self, folder: Path, parameter: str) -> ModelError:
        return ModelError(
            f"{parameter} is not in the model's weights",
            where=str(folder),
            rule="a model that says the next token has all of them",
            remedy=f"train it first: hfdl train clm model.name={folder} model.config=null",
        )

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
        costs twice an evaluation. See ``hfdl.data.corpus.blocks.strided_windows``.
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

    def facts(self) -> dict[str, Any]:
        """Task, size of the vocabulary and length of a block, for metrics.json."""
        return {"task": self.name, "vocabulary": len(self.tokenizer), "block": self.length}
