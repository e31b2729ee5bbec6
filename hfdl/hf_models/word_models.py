"""PreTrainedModel classes of the models over words: recurrent, convolutions, averages, word counts.

They have no counterpart there, so they bring their own ``model_type``. Importing this module
registers them; from then on the Auto classes, Trainer and PEFT take them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)
from transformers.modeling_outputs import SequenceClassifierOutput, TokenClassifierOutput
from transformers.utils.generic import can_return_tuple

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

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        num_items_in_batch: Tensor | int | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
    ) -> SequenceClassifierOutput:
        """Logits (B, C) of texts, as transformers' classes give them.

        Args:
            input_ids: (B, T); or ``inputs_embeds`` (B, T, E).
            attention_mask: (B, T), 1 at real words; None where all are.
            token_type_ids: passed over: these models know no segments.
            inputs_embeds: see ``input_ids``.
            labels: by ``config.problem_type``.
            num_items_in_batch: what the summed loss is divided by; None: the texts.
            output_attentions, output_hidden_states: refused where True.

        Raises:
            ModelError: neither ids nor embeddings, both of them, or an output that there is not.
        """
        self.refuse_outputs(output_attentions, output_hidden_states)
        logits = self.answer(input_ids, attention_mask, inputs_embeds)
        return SequenceClassifierOutput(
            self.loss_of("sequence", logits, labels, self.config, num_items_in_batch), logits  # pyright: ignore[reportArgumentType]
        )  # fmt: skip


class SmallTokenModel(SmallModel):
    """It labels words."""

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        num_items_in_batch: Tensor | int | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
    ) -> TokenClassifierOutput:
        """Logits (B, T, C) of words; labels (B, T), -100 where none is asked for.

        All else as in ``SmallSequenceModel``.
        """
        self.refuse_outputs(output_attentions, output_hidden_states)
        logits = self.answer(input_ids, attention_mask, inputs_embeds)
        return TokenClassifierOutput(
            self.loss_of("cross_entropy", logits, labels, num_items_in_batch), logits  # pyright: ignore[reportArgumentType]
        )  # fmt: skip


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

    @property
    def base_model(self) -> nn.Module:
        """Body and head are one."""
        return self.core


@dataclass(frozen=True)
class SmallArchitecture:
    """What a recipe may name.

    Args:
        config_class: of its sizes.
        heads: the class for each kind of answer.
        preset: sizes that the name itself says.
    """

    config_class: type[ScratchWordsConfig]
    heads: Mapping[Head, type[SmallModel]]
    preset: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_vectors(self) -> bool:
        """Whether its embeddings are vectors of words, which may come from elsewhere."""
        return hasattr(self.config_class(), "embedding_size")


_RECURRENT: dict[Head, type[SmallModel]] = {
    "sequence": ScratchRecurrentForSequenceClassification,
    "token": ScratchRecurrentForTokenClassification,
    "causal_lm": ScratchRecurrentForCausalLM,
}
SMALL: dict[str, SmallArchitecture] = {
    **{
        kind: SmallArchitecture(ScratchRecurrentConfig, _RECURRENT, {"kind": kind})
        for kind in ("lstm", "gru", "rnn")
    },
    "text-cnn": SmallArchitecture(
        ScratchTextCnnConfig, {"sequence": ScratchTextCnnForSequenceClassification}
    ),
    "word-average": SmallArchitecture(
        ScratchDeepAveragingConfig, {"sequence": ScratchDeepAveragingForSequenceClassification}
    ),
    "bag-of-words": SmallArchitecture(
        ScratchBagOfWordsConfig, {"sequence": ScratchBagOfWordsForSequenceClassification}
    ),
}
"""The small models by the name that stands behind ``hfdl://`` in a recipe."""

_AUTO: dict[Head, Any] = {
    "sequence": AutoModelForSequenceClassification,
    "token": AutoModelForTokenClassification,
    "causal_lm": AutoModelForCausalLM,
}


def _register() -> None:
    for config_class in {each.config_class for each in SMALL.values()}:
        AutoConfig.register(config_class.model_type, config_class)
    for head, model in {pair for each in SMALL.values() for pair in each.heads.items()}:
        _AUTO[head].register(model.config_class, model)


_register()
