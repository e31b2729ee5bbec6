"""hfdl's own architectures, which transformers does not have, and what their sizes may be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from hfdl.errors import ConfigError, did_you_mean
from hfdl.hf_models.base import HfModel, ScratchConfig
from hfdl.hf_models.encoder_decoder import (
    ScratchTransformerConfig,
    ScratchTransformerForConditionalGeneration,
)
from hfdl.hf_models.one_stack import (
    ScratchDecoderConfig,
    ScratchDecoderForCausalLM,
    ScratchDecoderForSequenceClassification,
    ScratchDecoderForTokenClassification,
    ScratchDecoderModel,
    ScratchEncoderConfig,
    ScratchEncoderForMaskedLM,
    ScratchEncoderForSequenceClassification,
    ScratchEncoderForTokenClassification,
    ScratchEncoderModel,
)
from hfdl.hf_models.recurrent_lm import ScratchRecurrentForCausalLM
from hfdl.hf_models.word_base import (
    ScratchBagOfWordsConfig,
    ScratchDeepAveragingConfig,
    ScratchRecurrentConfig,
    ScratchTextCnnConfig,
    ScratchWordsConfig,
)
from hfdl.hf_models.word_models import (
    ScratchBagOfWordsForSequenceClassification,
    ScratchDeepAveragingForSequenceClassification,
    ScratchRecurrentForSequenceClassification,
    ScratchRecurrentForTokenClassification,
    ScratchTextCnnForSequenceClassification,
)
from hfdl.weights.families.name_table import Head

# Sizes that a recipe does not choose: its data do.
_OF_THE_DATA = ("pad_token_id", "num_labels")


@dataclass(frozen=True)
class OwnArchitecture:
    """An architecture that a recipe may name.

    Args:
        config_class: of its sizes.
        heads: its class for each head.
        preset: sizes that the name itself says.
        may_be_zero: whole numbers among its sizes that may be 0; all others are 1 or more.
    """

    config_class: type[ScratchConfig]
    heads: Mapping[Head, type[HfModel]]
    preset: Mapping[str, Any] = field(default_factory=dict)
    may_be_zero: frozenset[str] = frozenset()

    @property
    def sizes(self) -> dict[str, Any]:
        """The sizes that a recipe may give, with their defaults."""
        every = fields(self.config_class.core_config)
        return {each.name: each.default for each in every if each.name not in _OF_THE_DATA}

    @property
    def reads_words(self) -> bool:
        """Whether its tokens are whole words, where the recipe names no tokenizer."""
        return issubclass(self.config_class, ScratchWordsConfig)

    @property
    def has_vectors(self) -> bool:
        """Whether its embeddings are vectors of words, which may come from elsewhere."""
        return "embedding_size" in self.sizes

    def check_sizes(self, name: str, sizes: Mapping[str, Any]) -> None:
        """Refuse what is no size of it, and values of another type or out of range.

        Args:
            name: of the architecture, for the message.
            sizes: ``model.config`` of a recipe.

        Raises:
            ConfigError: naming the key.
        """
        for key, value in sizes.items():
            where = f"model.config.{key}"
            if key in self.preset:
                raise ConfigError(
                    f"the name {name} already says it", where=where,
                    rule=f"it is {self.preset[key]!r}",
                    remedy="leave it out, or name another model",
                )  # fmt: skip
            if key not in self.sizes:
                raise ConfigError(
                    f"{name} has no size {key!r}", where=where, remedy=did_you_mean(key, self.sizes)
                )
            default = self.sizes[key]
            fits, rule = _rule(key, value, default, least=0 if key in self.may_be_zero else 1)
            if not fits:
                raise ConfigError(
                    f"it cannot be {value!r}",
                    where=where,
                    rule=f"it is {rule}" + ("" if default is None else f", {default!r} by default"),
                    remedy="correct or remove it",
                )
        self._check_together(sizes)

    def _check_together(self, sizes: Mapping[str, Any]) -> None:
        """Refuse names that the model does not know, and sizes that mean nothing together."""
        try:
            self.config_class.core_config(**self.preset, **sizes)
        except ConfigError as error:
            raise ConfigError(
                error.problem,
                where="model.config",
                rule=error.rule,
                remedy=error.remedy or "correct or remove it",
            ) from error


def _rule(key: str, value: Any, default: Any, *, least: int) -> tuple[bool, str]:
    """Whether a size may have a value, by the type of its default; and the rule in words."""
    if isinstance(default, bool):
        return isinstance(value, bool), "true or false"
    if isinstance(default, str):
        return isinstance(value, str), "a name"
    if isinstance(default, float):
        is_probability = "dropout" in key
        fits = type(value) in (int, float) and 0 <= value < (1 if is_probability else math.inf)
        return fits, "from 0 to below 1" if is_probability else "a number, 0 or more"
    if isinstance(default, tuple):
        fits = isinstance(value, list | tuple) and all(_is_count(each, least) for each in value)
        return fits and len(value) > 0, f"a list of whole numbers, each {least} or more"
    fits = _is_count(value, least) or (value is None and default is None)
    return fits, f"a whole number, {least} or more"


def _is_count(value: Any, least: int) -> bool:
    return type(value) is int and value >= least


def _architecture(
    config_class: type[ScratchConfig], *models: type[HfModel], **preset: Any
) -> OwnArchitecture:
    return OwnArchitecture(config_class, {model.head: model for model in models}, preset)


OWN: dict[str, OwnArchitecture] = {
    **{
        kind: _architecture(
            ScratchRecurrentConfig, ScratchRecurrentForSequenceClassification,
            ScratchRecurrentForTokenClassification, ScratchRecurrentForCausalLM, kind=kind,
        )
        for kind in ("lstm", "gru", "rnn")
    },
    "text-cnn": _architecture(ScratchTextCnnConfig, ScratchTextCnnForSequenceClassification),
    "word-average": OwnArchitecture(
        ScratchDeepAveragingConfig, {"sequence": ScratchDeepAveragingForSequenceClassification},
        may_be_zero=frozenset({"num_hidden_layers"}),
    ),
    "bag-of-words": _architecture(
        ScratchBagOfWordsConfig, ScratchBagOfWordsForSequenceClassification
    ),
    "encoder": _architecture(
        ScratchEncoderConfig, ScratchEncoderForMaskedLM, ScratchEncoderForSequenceClassification,
        ScratchEncoderForTokenClassification, ScratchEncoderModel,
    ),
    "decoder": _architecture(
        ScratchDecoderConfig, ScratchDecoderForCausalLM, ScratchDecoderForSequenceClassification,
        ScratchDecoderForTokenClassification, ScratchDecoderModel,
    ),
    "transformer": _architecture(
        ScratchTransformerConfig, ScratchTransformerForConditionalGeneration
    ),
}  # fmt: skip
"""hfdl's own architectures by the name that stands behind ``hfdl://`` in a recipe."""
