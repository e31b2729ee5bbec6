"""How a masked language model is asked."""

from __future__ import annotations

from typing import Any

import numpy as np

from hfdl.config.schema import Recipe
from hfdl.data.corpus.masking import Masking
from hfdl.data.encode import read_template
from hfdl.errors import ConfigError, ModelError
from hfdl.tasks.language_modeling.masked_split import Asking
from hfdl.weights.pretrained import length_limit

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


def asking(recipe: Recipe, tokenizer: Any, config: Any) -> Asking:
    """How a model is asked for tokens.

    Raises:
        ConfigError: rows are longer than the model takes, or have no room for a text.
        ModelError: the tokenizer has no mask.
    """
    require_mask(tokenizer, recipe.model.name)
    template = read_template(tokenizer, pair=False)
    special = np.zeros(max(len(tokenizer), max(tokenizer.get_vocab().values()) + 1), dtype=bool)
    special[tokenizer.all_special_ids] = True
    known = np.array(sorted(tokenizer.get_vocab().values()))
    masking = Masking(recipe.data.mask_share, tokenizer.mask_token_id, known[~special[known]])
    return Asking(
        tokenizer, template, masking, whole_words=recipe.data.whole_words, special=special,
        length=_row_length(recipe, tokenizer, config, template.size), seed=recipe.train.seed,
    )  # fmt: skip


def _row_length(recipe: Recipe, tokenizer: Any, config: Any, specials: int) -> int:
    limit = length_limit(tokenizer, config)
    length = recipe.data.max_length or limit or LONGEST
    if limit is not None and length > limit:
        raise ConfigError(
            f"{length} tokens are more than the model takes",
            where="data.max_length",
            rule=f"the model's limit is {limit}; longer documents are cut into windows",
            remedy=f"set data.max_length={limit} or less",
        )
    if length < specials + 2:
        raise ConfigError(
            f"{length} tokens leave no room for a text",
            where="data.max_length",
            rule=f"at least {specials + 2}: special tokens are counted",
            remedy="raise it",
        )
    return length
