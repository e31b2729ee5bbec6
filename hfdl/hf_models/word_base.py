"""Base class and configs of the models over words."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn
from transformers.utils.generic import can_return_tuple

from hfdl.errors import ModelError
from hfdl.hf_models.backbone_io import check_one_input
from hfdl.hf_models.base import HfModel, ScratchConfig
from hfdl.models.bag_of_words import (
    BagOfWordsConfig,
    BagOfWordsForSequenceClassification,
    DeepAveragingConfig,
)
from hfdl.models.init import init_weights
from hfdl.models.recurrent import RecurrentConfig
from hfdl.models.text_cnn import TextCnnConfig
from hfdl.models.word_embeddings import WordEmbeddingConfig
from hfdl.nn.recurrent import Recurrent


class SmallModel(HfModel):
    """A model over words with a head."""

    base_model_prefix = "core.backbone"

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
    ) -> Any:
        """Logits, (B, C) of texts or (B, T, C) of words, as transformers' classes give them.

        Args:
            input_ids: (B, T); or ``inputs_embeds`` (B, T, E).
            attention_mask: (B, T), 1 at real words; None where all are.
            token_type_ids: passed over: these models know no segments.
            inputs_embeds: see ``input_ids``.
            labels: of texts by ``config.problem_type``; of words (B, T), -100 where none is asked
                for.
            num_items_in_batch: what the summed loss is divided by; None: the labels.
            output_attentions, output_hidden_states: refused where True.

        Raises:
            ModelError: neither ids nor embeddings, both of them, or an output that there is not.
        """
        self.refuse_outputs(output_attentions, output_hidden_states)
        check_one_input(input_ids, inputs_embeds)
        logits = self.core(input_ids, attention_mask, inputs_embeds=inputs_embeds)
        return self.with_loss(logits, labels, num_items_in_batch)

    @property
    def base_model(self) -> nn.Module:
        """What the head stands upon."""
        return self.backbone

    def _init_weights(self, module: nn.Module) -> None:
        """Draw what a file lacks, such as a head for other labels, as a new model draws it.

        transformers guards what the file holds: ``nn.init`` passes over it meanwhile.
        """
        if isinstance(module, nn.Linear | nn.Conv1d):
            module.reset_parameters()
        elif isinstance(module, nn.Embedding):
            init_weights(module, self.config.initializer_range)
        elif isinstance(module, Recurrent):
            bound = module.hidden_size**-0.5
            for parameter in module.parameters(recurse=False):
                nn.init.uniform_(parameter, -bound, bound)
        elif isinstance(module, BagOfWordsForSequenceClassification):
            nn.init.zeros_(module.bias)

    def refuse_outputs(self, attentions: bool | None, hidden_states: bool | None) -> None:
        """Refuse outputs that these models do not have.

        Raises:
            ModelError: one of the two is True.
        """
        requests = {"output_attentions": attentions, "output_hidden_states": hidden_states}
        for name, requested in requests.items():
            if requested:
                raise ModelError(
                    f"{name} is asked of {type(self).__name__}",
                    rule="it answers with logits",
                    remedy="put a forward hook on the layer that is of interest",
                )


# ---- Configs of the models over words: the sizes of ``hfdl.models``, as transformers configs ----


class ScratchWordsConfig(ScratchConfig):
    """What all of them share; see ``hfdl.models.word_embeddings.WordEmbeddingConfig``."""

    core_config: ClassVar[type[WordEmbeddingConfig]] = WordEmbeddingConfig

    vocab_size: int = 20_000
    pad_token_id: int | None = 0
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None
    freeze_embeddings: bool = False
    initializer_range: float | int = 0.1


class ScratchRecurrentConfig(ScratchWordsConfig):
    """``hfdl.models.recurrent.RecurrentConfig``."""

    model_type = "hfdl-recurrent"
    core_config = RecurrentConfig

    kind: str = "lstm"
    embedding_size: int | None = None
    hidden_size: int = 256
    num_hidden_layers: int = 1
    bidirectional: bool = False
    dropout: float | int = 0.2
    pooling: str = "last"
    tie_word_embeddings: bool = True


class ScratchTextCnnConfig(ScratchWordsConfig):
    """``hfdl.models.text_cnn.TextCnnConfig``."""

    model_type = "hfdl-text-cnn"
    core_config = TextCnnConfig

    embedding_size: int = 300
    widths: list[int] | tuple[int, ...] = (3, 4, 5)
    num_filters: int = 100
    hidden_act: str = "relu"
    dropout: float | int = 0.5


class ScratchBagOfWordsConfig(ScratchWordsConfig):
    """``hfdl.models.bag_of_words.BagOfWordsConfig``."""

    model_type = "hfdl-bag-of-words"
    core_config = BagOfWordsConfig

    initializer_range: float | int = 0.0
    counts: str = "sum"


class ScratchDeepAveragingConfig(ScratchWordsConfig):
    """``hfdl.models.bag_of_words.DeepAveragingConfig``."""

    model_type = "hfdl-word-average"
    core_config = DeepAveragingConfig

    embedding_size: int = 300
    hidden_size: int = 300
    num_hidden_layers: int = 2
    hidden_act: str = "relu"
    word_dropout: float | int = 0.3
    dropout: float | int = 0.0
