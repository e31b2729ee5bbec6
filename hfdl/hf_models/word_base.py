"""What the small models over words share in transformers' clothes: opening, saving, first weights.

A model of ``hfdl.models`` stands in ``self.core`` and does the work.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, ClassVar

from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel

from hfdl.errors import ModelError
from hfdl.models.bag_of_words import (
    BagOfWordsConfig,
    BagOfWordsForSequenceClassification,
    DeepAveragingConfig,
)
from hfdl.models.recurrent import RecurrentConfig
from hfdl.models.text_cnn import TextCnnConfig
from hfdl.models.word_embeddings import WordEmbeddingConfig
from hfdl.nn.embeddings import Embeddings
from hfdl.nn.init import init_weights
from hfdl.nn.recurrent import Recurrent


class SmallModel(PreTrainedModel):
    """A small model with a head.

    Args:
        config: its sizes.

    Raises:
        ConfigError: it asks for what does not exist.
        ShapeError: a size that no layer can have.
    """

    core_class: ClassVar[Any]
    base_model_prefix = "core.backbone"
    main_input_name = "input_ids"
    accepts_loss_kwargs = True  # the Trainer then says how many items the whole batch has
    core: Any

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.core = self.core_class(config.core())
        self.post_init()

    @property
    def base_model(self) -> nn.Module:
        """What the head stands upon."""
        return self.core.backbone

    @property
    def embeddings(self) -> Embeddings:
        """The vector, or weights, of each word."""
        return getattr(self.core, "backbone", self.core).embeddings

    # ---- what transformers asks of its models --------------------------------------------------

    def get_input_embeddings(self) -> nn.Module:
        """The embedding of words."""
        return self.embeddings.tokens

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace it."""
        self.embeddings.tokens = value  # pyright: ignore[reportAttributeAccessIssue]

    def init_weights(self) -> None:
        """Nothing: ``hfdl.models`` draw their own first weights."""

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

    # ---- what the heads share ------------------------------------------------------------------

    def answer(
        self, input_ids: Tensor | None, attention_mask: Tensor | None, inputs_embeds: Tensor | None
    ) -> Tensor:
        """The logits.

        Raises:
            ModelError: not exactly one of ids and embeddings.
        """
        refuse_two_inputs(input_ids, inputs_embeds)
        return self.core(input_ids, attention_mask, inputs_embeds=inputs_embeds)

    def refuse_outputs(self, attentions: bool | None, hidden_states: bool | None) -> None:
        """Refuse what these models do not tell.

        Raises:
            ModelError: one of the two is True.
        """
        given = {"output_attentions": attentions, "output_hidden_states": hidden_states}
        for name, asked in given.items():
            if asked:
                raise ModelError(
                    f"{name} is asked of {type(self).__name__}",
                    rule="it answers with logits",
                    remedy="put a forward hook on the layer that is of interest",
                )

    def loss_of(self, name: str, logits: Tensor, labels: Tensor | None, *rest: Any) -> Any:
        """A loss of ``hfdl.hf_models.losses``; None without labels.

        They are looked up when they are wanted: hfdl's own loop has losses of its own, and that
        package loads much.
        """
        if labels is None:
            return None
        from hfdl.hf_models import losses

        return getattr(losses, name)(logits, labels, *rest)


def refuse_two_inputs(input_ids: Tensor | None, inputs_embeds: Tensor | None) -> None:
    """Refuse all but one of ids and embeddings.

    Raises:
        ModelError: neither of them, or both.
    """
    if (input_ids is None) == (inputs_embeds is None):
        raise ModelError(
            "neither input_ids nor inputs_embeds, or both of them",
            rule="a model is given exactly one of the two",
        )


# ---- Configs of the models over words: the sizes of ``hfdl.models``, as transformers configs ----


class ScratchWordsConfig(PreTrainedConfig):
    """What all of them share; see ``hfdl.models.word_embeddings.WordEmbeddingConfig``."""

    core_config: ClassVar[type[WordEmbeddingConfig]] = WordEmbeddingConfig

    vocab_size: int = 20_000
    pad_token_id: int | None = 0
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None
    freeze_embeddings: bool = False
    initializer_range: float | int = 0.1

    def core(self) -> Any:
        """What the model itself needs of it.

        Raises:
            ConfigError: it asks for what does not exist.
        """
        values = {field.name: getattr(self, field.name) for field in fields(self.core_config)}
        lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
        return self.core_config(**{**values, **lists})


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
