"""Language models that say what stands behind a mask: 15 % of the tokens of a text are asked for.

Each document is read by itself, a long one in windows side by side. In training other tokens are
asked for in each epoch; in held-out splits always the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from hfdl.config.schema import DataConfig
from hfdl.data.corpus.corpus import open_corpus
from hfdl.errors import ModelError
from hfdl.tasks.language_modeling.base import LanguageTask
from hfdl.tasks.language_modeling.language_scores import token_scores
from hfdl.tasks.language_modeling.masked_lm_asking import asking, require_mask
from hfdl.tasks.language_modeling.masked_lm_scores import NAMES, guesses
from hfdl.tasks.language_modeling.masked_split import MaskedSplit, refuse_nothing
from hfdl.tasks.protocol import Batch, Prediction, Splits


class MaskedLM(LanguageTask):
    """The task ``masked_lm``."""

    name = "masked_lm"
    auto_class = "AutoModelForMaskedLM"
    metric_names: ClassVar[list[str]] = NAMES

    def __init__(self, *args: Any, **keywords: Any) -> None:
        self._names: dict[int, str] = {}
        super().__init__(*args, **keywords)

    def _take(self, tokenizer: Any, config: Any) -> None:
        require_mask(tokenizer, self.recipe.model.name)
        super()._take(tokenizer, config)

    # ---- data ------------------------------------------------------------------------------

    def prepare(self, data_config: DataConfig) -> Splits:
        """Read and tokenise the texts, and learn the tokenizer of a model that has none.

        Raises:
            DataError: see ``hfdl.data``; also a split of which nothing can be asked.
            ConfigError: rows that the model cannot take.
        """
        facts, seed = self._learn_tokenizer(data_config), self.recipe.train.seed
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

    def _untrained(self, folder: Path, parameter: str) -> ModelError:
        return ModelError(
            f"the model has no trained head for masked words ({parameter} is not in its weights)",
            where=str(folder),
            rule="only a trained one can fill masks",
            remedy=f"train it first: hfdl train mlm model.name={folder}",
        )

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
