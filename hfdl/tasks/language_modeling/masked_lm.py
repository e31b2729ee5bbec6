"""Masked language modelling: 15 % of the tokens of a text are masked, and the model predicts them.

Each document is read by itself, a long one in windows side by side. In training other tokens are
masked in each epoch; in held-out splits always the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from hfdl.config.overrides import as_override
from hfdl.config.schema import DataConfig, Recipe
from hfdl.data.corpus.corpus import open_corpus
from hfdl.data.corpus.masking import Masking
from hfdl.data.encode import read_template
from hfdl.errors import ModelError
from hfdl.tasks.language_modeling.base import LanguageTask
from hfdl.tasks.language_modeling.masked_split import MaskedSplit, MaskingConfig, refuse_nothing
from hfdl.tasks.language_modeling.spec import MASKED_LM
from hfdl.tasks.protocol import Batch, Prediction, Splits
from hfdl.tasks.row_length import row_length

SHOWN = 20
"""Most tokens of a window that a prediction shows: files are read by people."""


class MaskedLM(LanguageTask):
    """The task ``masked_lm``.

    Its metrics are of the masked tokens, not of the whole text: another ``data.mask_share`` gives
    others.
    """

    spec = MASKED_LM
    auto_class = "AutoModelForMaskedLM"
    head = "masked_lm"
    metric_names: ClassVar[list[str]] = ["perplexity", "accuracy"]

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
            DataError: see ``hfdl.data``; also a split of which nothing can be masked.
            ConfigError: rows that the model cannot take.
        """
        facts, seed = self._learned(data_config), self.seed
        masking = masking_config(self.recipe, self.tokenizer, self.config)
        corpus = open_corpus(
            data_config, self.memory, seed, self.tokenizer, end_id=None, trains=self.trains,
            template=False,
        )  # fmt: skip
        facts = [*corpus.facts, *facts]
        splits = {
            name: MaskedSplit(name, store, masking, training=self.trains and name == "train")
            for name, store in corpus.stores.items()
        }
        for name, split in splits.items():
            refuse_nothing(split, str(getattr(data_config, name) or data_config.train))
            facts.extend(split.facts())
        return Splits(**splits, facts=facts)

    # ---- model -----------------------------------------------------------------------------

    def untrained(self, folder: Path, parameter: str) -> ModelError:
        return ModelError(
            f"the model has no trained head for masked words ({parameter} is not in its weights)",
            where=str(folder),
            rule="only a trained one can fill masks",
            remedy="train it first: hfdl train mlm " + as_override("model.name", str(folder)),
        )

    def decode(self, outputs: Any, batch: Batch) -> list[Prediction]:
        """``loss``, ``accuracy``, ``tokens`` and ``words`` of each window.

        ``words`` are the first ``SHOWN`` of its masked tokens as ``{"target", "prediction"}``.
        """
        predictions = super().decode(outputs, batch)
        for prediction in predictions:
            prediction["words"] = []
        masked = zip(
            batch.targets["rows"].tolist(), batch.targets["targets"].tolist(),
            outputs.best.tolist(), strict=True,
        )  # fmt: skip
        for row, target, best in masked:
            words = predictions[row]["words"]
            if len(words) < SHOWN:
                words.append({"target": self._text(target), "prediction": self._text(best)})
        return predictions

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


# ---- The masking setup ---------------------------------------------------------------------------

LONGEST = 512
"""Longest row where neither the recipe nor the model has a limit: BERT's."""


def require_mask(tokenizer: Any, where: str) -> None:
    """Refuse a tokenizer that has no mask.

    Raises:
        ModelError: it has none.
    """
    if tokenizer.mask_token_id is None:
        raise ModelError(
            "the tokenizer has no mask token",
            where=where,
            rule="a masked language model is asked what stands where the mask is",
            remedy="choose a model like BERT or RoBERTa, or train this one with task=causal_lm",
        )


def masking_config(recipe: Recipe, tokenizer: Any, config: Any) -> MaskingConfig:
    """The masking setup of a recipe, for one tokenizer and model.

    Raises:
        ConfigError: rows are longer than the model takes, or have no room for a text.
        ModelError: the tokenizer has no mask.
    """
    require_mask(tokenizer, recipe.model.name)
    template = read_template(tokenizer, pair=False)
    special = np.zeros(max(len(tokenizer), max(tokenizer.get_vocab().values()) + 1), dtype=bool)
    special[tokenizer.all_special_ids] = True
    ids = np.array(sorted(tokenizer.get_vocab().values()))
    rule = Masking(recipe.data.mask_share, tokenizer.mask_token_id, ids[~special[ids]])
    return MaskingConfig(
        tokenizer, template, rule, whole_words=recipe.data.whole_words, special=special,
        length=row_length(
            recipe.data.max_length, tokenizer, config, default=LONGEST, smallest=template.size + 2,
            longer="longer documents are cut into windows",
        ),
        seed=recipe.train.seed,
    )  # fmt: skip
