"""Base classes that wrap a model of ``hfdl.models`` as a PreTrainedModel."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, ClassVar

from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.utils.generic import ModelOutput

from hfdl.hf_models import losses
from hfdl.hf_models.backbone_io import BackboneOutput, inputs_of, is_requested
from hfdl.hf_models.kernels import kernel_named
from hfdl.models.position_choice import LEARNED_POSITIONS
from hfdl.weights.families.name_table import Head

TIED_WORDS = {"core.head.decoder.weight": "core.backbone.embeddings.tokens.weight"}
"""Of a language model whose last linear layer may share the matrix of its embeddings."""


class ScratchConfig(PreTrainedConfig):
    """The sizes of a model of ``hfdl.models`` that transformers does not have, as its config."""

    core_config: ClassVar[type[Any]]

    def core(self) -> Any:
        """What the model itself needs of it.

        Raises:
            ConfigError: it asks for what does not exist.
        """
        values = {field.name: getattr(self, field.name) for field in fields(self.core_config)}
        lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
        return self.core_config(**{**values, **lists})


class PositionedConfig(ScratchConfig):
    """One whose positions are chosen by name; see ``hfdl.models.position_choice``."""

    def __setattr__(self, key: str, value: Any) -> None:
        """Set it. Learned positions have a limit, which all that read configs then find here."""
        super().__setattr__(key, value)
        is_learned = getattr(self, "position_embedding_type", None) == "learned"
        if is_learned and getattr(self, "max_position_embeddings", None) is None:
            super().__setattr__("max_position_embeddings", LEARNED_POSITIONS)


class HfModel(PreTrainedModel):
    """A model of ``hfdl.models``, in ``self.core``, with the interface of transformers' models.

    Subclasses say what is in ``core_class``, ``head`` and ``output_class``, and have a forward
    that gives its logits to ``with_loss``.

    Args:
        config: its sizes.

    Raises:
        ConfigError: it asks for what does not exist.
        ShapeError: a size that no layer can have.
    """

    core_class: ClassVar[Any]
    head: ClassVar[Head]
    output_class: ClassVar[type[ModelOutput]]
    base_model_prefix = "core"
    accepts_loss_kwargs = True  # the Trainer then says how many items the whole batch has
    core: Any

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.core = self._new_core(config)
        if self.head == "causal_lm":
            # By which the Trainer knows that labels are shifted, and counts them so.
            self.loss_type = "ForCausalLM"
        self.post_init()

    @classmethod
    def _new_core(cls, config: Any) -> nn.Module:
        return cls.core_class(config.core())

    @property
    def backbone(self) -> Any:
        """The bare model within, such as ``hfdl.models``' Bert, Gpt2 or Llama."""
        return getattr(self.core, "backbone", self.core)

    @property
    def embeddings(self) -> Any:
        """What makes vectors of ids."""
        return self.backbone.embeddings

    def with_loss(
        self, logits: Tensor, labels: Tensor | None, items: Tensor | int | None, **recorded: Any
    ) -> Any:
        """The logits in an ``output_class``, with their loss where there are labels.

        Args:
            logits: (B, C) of texts, else (B, T, C).
            labels: as the head's loss takes them; see ``hfdl.hf_models.losses``.
            items: what the summed loss is divided by; None: the labels that count.
            recorded: the other fields of ``output_class``.
        """
        loss = None
        if labels is not None:
            loss = losses.of_head(self.head, logits, labels, self.config, items)
        return self.output_class(loss=loss, logits=logits, **recorded)

    # ---- what transformers asks of its models --------------------------------------------------

    def init_weights(self) -> None:
        """Nothing: ``hfdl.models`` draw their own first weights."""

    def get_input_embeddings(self) -> nn.Module:
        """The embedding of tokens."""
        return self.embeddings.tokens

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the embedding of tokens."""
        self.embeddings.tokens = value

    def get_output_embeddings(self) -> nn.Module | None:
        """The LM head's output projection, or None."""
        return self.core.head.decoder if self._tied_weights_keys is not None else None

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        """Replace the output projection."""
        self.core.head.decoder = new_embeddings


class BackboneModel(HfModel):
    """A transformer of one stack, an encoder or a decoder, behind transformers' arguments."""

    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_attention_backend = True
    _no_split_modules = ["PostNormBlock", "PreNormBlock"]  # noqa: RUF012  # transformers' form

    def run_backbone(self, *args: Any, **kwargs: Any) -> BackboneOutput:
        """The forward pass without the head; arguments as those of ``forward``."""
        raise NotImplementedError

    def logits_of(self, output: BackboneOutput) -> Tensor:
        """What the head makes of the last hidden states: (B, T, C), or (B, C) of texts."""
        return output.padded(self.core.head(output.last))

    def last_states(self, *args: Any, **kwargs: Any) -> Tensor:
        """What the head is given: the last hidden states, (B, T, D)."""
        output = self.run_backbone(*args, **kwargs)
        return output.padded(output.last)

    def answer(
        self, output: BackboneOutput, labels: Tensor | None, items: Tensor | int | None
    ) -> Any:
        """The result of ``forward``; arguments as in ``with_loss``."""
        recorded = output.recorded(self.output_class)
        return self.with_loss(self.logits_of(output), labels, items, **recorded)

    def _recording(self, keywords: dict[str, Any]) -> tuple[bool, bool]:
        """Whether attention weights and hidden states are requested; taken from the keywords."""
        attentions, hidden_states = (
            is_requested(keywords.pop(name, None), getattr(self.config, name))
            for name in ("output_attentions", "output_hidden_states")
        )
        return attentions, hidden_states

    def _run(
        self, arguments: dict[str, Any], recording: tuple[bool, bool], keywords: dict[str, Any]
    ) -> BackboneOutput:
        """Run the backbone.

        Args:
            arguments: the backbone's.
            recording: whether attention weights and hidden states are requested.
            keywords: for a registered attention function.
        """
        output_attentions, output_hidden_states = recording
        collect: list[Tensor | None] | None = [] if output_attentions else None
        kernel = kernel_named(self.config._attn_implementation, output_attentions, keywords)
        with inputs_of(self.backbone.layers, output_hidden_states) as states:
            last = self.backbone(**arguments, collect=collect, kernel=kernel)
        return BackboneOutput(
            last, arguments.get("packing"), arguments["input_ids"], arguments["attention_mask"],
            arguments.get("cache"),
            hidden_states=(*states, last) if output_hidden_states else None,
            attentions=None if collect is None else tuple(collect),
        )  # fmt: skip
