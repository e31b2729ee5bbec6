"""What the small models over words share in transformers' clothes: opening, saving, first weights.

A model of ``hfdl.models`` stands in ``self.core`` and does the work.
"""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn
from transformers import PreTrainedModel

from hfdl.errors import ModelError
from hfdl.models.bag_of_words import BagOfWordsForSequenceClassification
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
        """Draw what a file lacks, such as a head for other labels, as a fresh model draws it.

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
