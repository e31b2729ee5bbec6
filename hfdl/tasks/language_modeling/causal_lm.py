"""Causal language modelling: texts in blocks, every token predicted once from those before it.

The text is one stream of tokens, documents one behind the other with an end token between them.
A block of it is an example; the model predicts, after each of its tokens, the next.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch

from hfdl.config.overrides import as_override
from hfdl.config.schema import DataConfig, ModelConfig
from hfdl.data.corpus.blocks import consecutive_blocks, strided_windows
from hfdl.data.corpus.corpus import open_corpus
from hfdl.data.corpus.token_store import TokenStore
from hfdl.errors import ConfigError, DataError, ModelError
from hfdl.nn.lengths import evaluating
from hfdl.tasks.inference import forward_batches, inference_batches, token_budget
from hfdl.tasks.language_modeling.base import LanguageTask
from hfdl.tasks.language_modeling.causal_split import BlockOptions, TokenSplit, documents_mask
from hfdl.tasks.language_modeling.costly import costly_tokens
from hfdl.tasks.language_modeling.samples import write_samples
from hfdl.tasks.language_modeling.spec import CAUSAL_LM
from hfdl.tasks.protocol import Batch, Prediction, Split, Splits
from hfdl.tasks.row_length import row_length
from hfdl.tasks.token_scores import perplexity, summed_nats


class CausalLM(LanguageTask):
    """The task ``causal_lm``."""

    spec = CAUSAL_LM
    auto_class = "AutoModelForCausalLM"
    head = "causal_lm"
    metric_names: ClassVar[list[str]] = ["perplexity", "accuracy", "bits_per_byte"]

    def __init__(self, *args: Any, **keywords: Any) -> None:
        self.block_options = BlockOptions(None)
        self.length = 0
        super().__init__(*args, **keywords)

    def _take(self, tokenizer: Any, config: Any) -> None:
        super()._take(tokenizer, config)
        self.block_options.tokenizer = tokenizer
        self.length = block_length(self.recipe.data, tokenizer, config)

    # ---- data ------------------------------------------------------------------------------

    def prepare(self, data_config: DataConfig) -> Splits:
        """Read and tokenise the texts, and learn the tokenizer of a model that has none.

        Raises:
            DataError: see ``hfdl.data``; also a split in which nothing is to be predicted.
            ConfigError: blocks that the model cannot take.
        """
        facts, seed = self._learned(data_config), self.seed
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
        return TokenSplit(name, store, blocks, self.block_options)

    # ---- model -----------------------------------------------------------------------------

    def build_model(self, model_config: ModelConfig) -> torch.nn.Module:
        """The language model, with the chunked loss: new, or with saved weights.

        Raises:
            ModelError: the recipe names hfdl's own code, which has no such model; or documents
                are to be kept apart in a model that cannot.
        """
        return self._keeping_apart(super().build_model(model_config))

    def load_model(self) -> torch.nn.Module:
        """The saved model with all its trained weights, in eval mode."""
        return self._keeping_apart(super().load_model())

    def _keeping_apart(self, model: Any) -> torch.nn.Module:
        """The model; where documents are to be kept apart, splits are told how it does that."""
        if self.recipe.data.document_mask:
            self.block_options.apart = how_to_keep_apart(model)
            self.block_options.dtype = model.dtype
        return model

    def untrained(self, folder: Path, parameter: str) -> ModelError:
        return ModelError(
            f"{parameter} is not in the model's weights",
            where=str(folder),
            rule="a model that says the next token has all of them",
            remedy="train it first: hfdl train clm model.config=null model.tokenizer=null "
            + as_override("model.name", str(folder)),
        )

    def decode(self, outputs: Any, batch: Batch) -> list[Prediction]:
        """``loss``, ``accuracy``, ``tokens`` and ``costly`` of each block.

        ``costly`` are the tokens that were least expected, ``{"after", "target", "prediction",
        "loss"}``: the text before, what stood there, what was likeliest, and its cost in nats.
        """
        predictions = super().decode(outputs, batch)
        for prediction, costly in zip(
            predictions, costly_tokens(outputs, batch, self.tokenizer), strict=True
        ):
            prediction["costly"] = costly
        return predictions

    def metrics(
        self, predictions: Sequence[Prediction], references: Sequence[Any]
    ) -> dict[str, float]:
        """Perplexity, accuracy and bits per byte over all targets.

        Bits per byte is the cross-entropy of the whole text over the length of its UTF-8: of these
        metrics the one that can be compared between models with unlike tokenizers.

        Args:
            predictions: as ``decode`` gives them.
            references: ``bytes`` of the texts.
        """
        size = sum(reference["bytes"] for reference in references) or 1
        bits = summed_nats(predictions) / math.log(2)
        return {**super().metrics(predictions, references), "bits_per_byte": bits / size}

    def measure(
        self, model: torch.nn.Module, split: Split, device: torch.device
    ) -> dict[str, float]:
        """``strided_perplexity``: each token predicted from ``data.stride`` tokens at least.

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
        return TokenSplit(split.name, split.store, windows, self.block_options)

    def sample(self, model: torch.nn.Module) -> list[Prediction]:
        """What the model makes of the recipe's ``train.samples``."""
        train = self.recipe.train
        return write_samples(
            model, self.tokenizer, train.samples, longest=self.length, seed=train.seed
        )

    def facts(self) -> dict[str, Any]:
        """Task, size of the vocabulary and length of a block, for metrics.json."""
        return {"task": self.name, "vocabulary": len(self.tokenizer), "block": self.length}


# ---- The length of the blocks --------------------------------------------------------------------

LONGEST = 1024
"""Length of a block where neither the recipe nor the model has a limit: GPT-2's."""


def block_length(data: DataConfig, tokenizer: Any, config: Any) -> int:
    """Tokens of a block: as the recipe says, else all that the model takes.

    Raises:
        ConfigError: the recipe says more than that, or a stride that is no less.
    """
    length = row_length(data.max_length, tokenizer, config, default=LONGEST)
    if data.stride is not None and data.stride >= length:
        raise ConfigError(
            f"windows of {length} tokens cannot share {data.stride}",
            where="data.stride",
            rule="each needs a token that the one before it has not",
            remedy=f"set data.stride={length - 1}",
        )
    return length


# ---- How a model keeps the documents of one block apart: found out by trying it ------------------
# transformers 5.23 takes positions that start again for several sequences in one row, and masks
# them by itself (``masking_utils.find_packed_sequence_indices``), but only without a mask *and
# without a cache*: with the ``use_cache`` of most configs it attends across documents in silence.
# Models that do not tell the positions to their masks (OPT, Falcon, MPT, GPT-OSS) do so always.
# Most of these take a ready mask; but it would take the place of a sliding window (GPT-OSS), and
# Bloom refuses it.

_SIZES = (2, 1, 3)  # tokens of the documents that are tried
_NEARER = 100.0
"""How much nearer than without anything the documents must come to those read alone."""


def how_to_keep_apart(model: Any) -> str:
    """``positions`` or ``mask``: what keeps documents apart in this model.

    The model reads three short documents one by one, then all of them in one row, in eval mode.

    Raises:
        ModelError: neither of the two does.
    """
    ids = torch.arange(1, 1 + sum(_SIZES), device=model.device)[None]  # (1, T)
    positions = torch.cat([torch.arange(size) for size in _SIZES])[None].to(model.device)
    mask = documents_mask(positions, model.dtype).to(model.device)
    with torch.no_grad(), evaluating(model):
        alone = torch.cat([_logits(model, part) for part in ids.split(_SIZES, dim=1)], dim=1)
        careless = (_logits(model, ids) - alone).abs().max()
        ways = {"positions": {"position_ids": positions}}
        if getattr(model.config, "sliding_window", None) is None:
            ways["mask"] = {"position_ids": positions, "attention_mask": mask}
        for way, inputs in ways.items():
            try:
                together = _logits(model, ids, **inputs)
            except (ModelError, RuntimeError, TypeError, ValueError):
                continue  # it takes no such input
            if (together - alone).abs().max() * _NEARER <= careless:
                return way
    raise ModelError(
        f"{model.config.model_type} attends across the documents of a block",
        where="data.document_mask",
        rule="neither positions that start again nor a mask keeps them apart in its code",
        remedy="set data.document_mask=false, or choose another model",
    )


def _logits(model: Any, ids: torch.Tensor, **inputs: torch.Tensor) -> torch.Tensor:
    return model(input_ids=ids, use_cache=False, **inputs).logits.double()  # (1, T, V)
