"""PreTrainedModel classes of the models over words: recurrent, convolutions, averages, word counts.

transformers has no such models, so they bring their own ``model_type``.
"""

from __future__ import annotations

from transformers.modeling_outputs import SequenceClassifierOutput, TokenClassifierOutput

from hfdl.hf_models.word_base import (
    ScratchBagOfWordsConfig,
    ScratchDeepAveragingConfig,
    ScratchRecurrentConfig,
    ScratchTextCnnConfig,
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
