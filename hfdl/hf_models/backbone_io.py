"""Inputs and outputs of the backbones, and the hooks that record hidden states."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, Self

from torch import Tensor, nn
from transformers.utils.generic import ModelOutput

from hfdl.errors import ModelError
from hfdl.nn.packing import Packing

_ENCODER_DECODER = ("encoder_hidden_states", "encoder_attention_mask")


@dataclass(frozen=True)
class Inputs:
    """What a backbone is given, under transformers' names.

    Args:
        input_ids, token_type_ids, position_ids: (B, T); (N,) of an unpadded batch.
        attention_mask: (B, past + T).
        inputs_embeds: (B, T, E), in the place of ids.
    """

    input_ids: Tensor | None
    attention_mask: Tensor | None
    token_type_ids: Tensor | None
    position_ids: Tensor | None
    inputs_embeds: Tensor | None

    @classmethod
    def taken_from(cls, args: tuple[Any, ...], keywords: dict[str, Any]) -> Self:
        """Those of a call; the ones that are named are taken out of its keywords."""
        names = [field.name for field in fields(cls)][len(args) :]
        return cls(*args, **{name: keywords.pop(name, None) for name in names})


@dataclass(frozen=True)
class BackboneOutput:
    """What a backbone answers.

    Args:
        last: the last hidden states, (B, T, D) or (N, D).
        packing: of an unpadded batch.
        input_ids: (B, T), what was read, if not embeddings.
        attention_mask: (B, past + T), as given; None of an unpadded batch.
        past_key_values: keys and values, past and new.
        hidden_states: what goes into each block, and ``last``.
        attentions: the weights of each layer, (B, H, T, S).
    """

    last: Tensor
    packing: Packing | None = None
    input_ids: Tensor | None = None
    attention_mask: Tensor | None = None
    past_key_values: Any = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor | None, ...] | None = None

    def padded(self, x: Tensor) -> Tensor:
        """Per-token results of an unpadded batch, with zeros at the padding; (..., C)."""
        return x if self.packing is None else self.packing.unpack(x)  # (N, C) -> (B, T, C)

    def recorded(self, output_class: type[ModelOutput]) -> dict[str, Any]:
        """Cache, hidden states and attention weights, as far as ``output_class`` has them."""
        return {name: getattr(self, name) for name in _recorded_fields(output_class)}


@functools.cache
def _recorded_fields(output_class: type[ModelOutput]) -> tuple[str, ...]:
    fields_of_output = inspect.signature(output_class).parameters
    names = ("past_key_values", "hidden_states", "attentions")
    return tuple(name for name in names if name in fields_of_output)


@contextmanager
def inputs_of(blocks: Iterable[nn.Module], record: bool) -> Iterator[list[Tensor]]:
    """A list that takes what goes into each block while the context is open, where ``record``."""
    taken: list[Tensor] = []

    def take(module: nn.Module, args: tuple[Any, ...]) -> None:
        taken.append(args[0])

    handles = [block.register_forward_pre_hook(take) for block in blocks] if record else []
    try:
        yield taken
    finally:
        for handle in handles:
            handle.remove()


def check_inputs(inputs: Inputs, keywords: dict[str, Any]) -> None:
    """Refuse what no model of hfdl's takes.

    Raises:
        ModelError: not exactly one of ids and embeddings, a mask that is not (B, T), or the
            output of an encoder.
    """
    check_one_input(inputs.input_ids, inputs.inputs_embeds)
    mask = inputs.attention_mask
    if mask is not None and mask.dim() != 2:
        raise ModelError(
            f"an attention_mask of shape {tuple(mask.shape)}",
            rule="hfdl's models take (batch, length), 1 at real tokens, and make the rest of it",
        )
    for name in _ENCODER_DECODER:
        if keywords.get(name) is not None:
            raise ModelError(f"{name} is given", rule="hfdl's model has no cross-attention")


def check_one_input(input_ids: Tensor | None, inputs_embeds: Tensor | None) -> None:
    """Refuse all but one of ids and embeddings.

    Raises:
        ModelError: neither of them, or both.
    """
    if (input_ids is None) == (inputs_embeds is None):
        raise ModelError(
            "neither input_ids nor inputs_embeds, or both of them",
            rule="a model is given exactly one of the two",
        )


def is_requested(argument: bool | None, default: bool | None) -> bool:
    """Whether an output is requested, by the argument of a call or else by the config."""
    return bool(default if argument is None else argument)
