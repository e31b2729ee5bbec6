"""PreTrainedModel classes of the models over words: recurrent, convolutions, averages, word counts.

transformers has no such models, so they bring their own ``model_type``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from transformers.modeling_outputs import SequenceClassifierOutput, TokenClassifierOutput

from hfdl.hf_models.recurrent_lm import ScratchRecurrentForCausalLM
from hfdl.hf_models.word_base import (
    ScratchBagOfWordsConfig,
    ScratchDeepAveragingConfig,
    ScratchRecurrentConfig,
    ScratchTextCnnConfig,
    ScratchWordsConfig,
    SmallModel,
)
from hfdl.models.bag_of_words import (
    BagOfWordsForSequenceClassification,
    DeepAveragingForSequenceClassification,
)
from hfdl.models.recurrent import (
    RecurrentForSequenceClassification,
    RecurrentForTokenClassification,
)
from hfdl.models.text_cnn import TextCnnForSequenceClassification
from hfdl.weights.families.name_table import Head


class SmallSequenceModel(SmallModel):
    """It labels texts."""

    head = "sequence"
    output_class = SequenceClassifierOutput


class SmallTokenModel(SmallModel):
    """It labels words."""

    head = "token"
    output_class = TokenClassifierOutput


class ScratchRecurrentForSequenceClassification(SmallSequenceModel):
    """An RNN, LSTM or GRU that labels texts."""

    config_class = ScratchRecurrentConfig
    core_class = RecurrentForSequenceClassification


class ScratchRecurrentForTokenClassification(SmallTokenModel):
    """An RNN, LSTM or GRU that labels words."""

    config_class = ScratchRecurrentConfig
    core_class = RecurrentForTokenClassification


class ScratchTextCnnForSequenceClassification(SmallSequenceModel):
    """Convolutions that label texts."""

    config_class = ScratchTextCnnConfig
    core_class = TextCnnForSequenceClassification


class ScratchDeepAveragingForSequenceClassification(SmallSequenceModel):
    """The mean word vector, and layers that label it."""

    config_class = ScratchDeepAveragingConfig
    core_class = DeepAveragingForSequenceClassification


class ScratchBagOfWordsForSequenceClassification(SmallSequenceModel):
    """A weight for each word and label."""

    config_class = ScratchBagOfWordsConfig
    core_class = BagOfWordsForSequenceClassification
    base_model_prefix = "core"  # all of it is about these very labels


@dataclass(frozen=True)
class SmallArchitecture:
    """What a recipe may name.

    Args:
        config_class: of its sizes.
        heads: its class for each head.
        preset: sizes that the name itself says.
    """

    config_class: type[ScratchWordsConfig]
    heads: Mapping[Head, type[SmallModel]]
    preset: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_vectors(self) -> bool:
        """Whether its embeddings are vectors of words, which may come from elsewhere."""
        return hasattr(self.config_class(), "embedding_size")


def _architecture(
    config_class: type[ScratchWordsConfig], *models: type[SmallModel], **preset: Any
) -> SmallArchitecture:
    return SmallArchitecture(config_class, {model.head: model for model in models}, preset)


SMALL: dict[str, SmallArchitecture] = {
    **{
        kind: _architecture(
            ScratchRecurrentConfig, ScratchRecurrentForSequenceClassification,
            ScratchRecurrentForTokenClassification, ScratchRecurrentForCausalLM, kind=kind,
        )
        for kind in ("lstm", "gru", "rnn")
    },
    "text-cnn": _architecture(ScratchTextCnnConfig, ScratchTextCnnForSequenceClassification),
    "word-average": _architecture(
        ScratchDeepAveragingConfig, ScratchDeepAveragingForSequenceClassification
    ),
    "bag-of-words": _architecture(
        ScratchBagOfWordsConfig, ScratchBagOfWordsForSequenceClassification
    ),
}  # fmt: skip
"""The small models by the name that stands behind ``hfdl://`` in a recipe."""
