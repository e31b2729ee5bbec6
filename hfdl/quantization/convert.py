"""A model with the linear layers in int8: which of them, and what is refused."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from hfdl.errors import ConfigError, ModelError
from hfdl.nn.feed_forward import FeedForward, GatedFeedForward
from hfdl.nn.linear import is_plain_linear
from hfdl.quantization.int8_linear import ROWS, Int8Linear, multiplies_exactly

_ADAPTER = "base_layer"  # what peft calls the layer within an adapter
_COUNT = "parameters_in_float32"


def int8_copy(model: nn.Module, where: str, *, words: bool = False) -> nn.Module:
    """A model as ``to_int8`` makes it; the given one stays as it is, and shares what is alike.

    Args:
        model: on the CPU.
        where: its name, for messages.
        words: as for ``to_int8``.

    Raises:
        ModelError: as ``to_int8``.
    """
    _refuse_unfit(model, where)
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    return to_int8(copy.deepcopy(model, shared), where, words=words)


def to_int8(model: nn.Module, where: str, *, words: bool = False) -> nn.Module:
    """Put ``Int8Linear`` in the place of every linear layer, and the model into eval mode.

    Layers of a class of their own, and what is no linear layer, stay.

    Args:
        model: on the CPU; changed in place.
        where: its name, for messages.
        words: whether the layer of words of a language model is one of them. It shares its weight
            with the embeddings, which stay, so a copy in int8 is more memory; where texts are
            written it is read once a token, up to a third of all weights of a small model.

    Raises:
        ModelError: it has no linear layer, adapters that are not merged, or is a graph; or this
            CPU does not multiply 8-bit integers exactly.
    """
    _refuse_unfit(model, where)
    left = None if words else _layer_of_words(model)
    found = [
        (parent, name, layer)
        for parent in model.modules()
        for name, layer in parent._modules.items()  # named_children gives a shared one once
        if is_plain_linear(layer) and layer is not left
    ]
    if not found:
        raise ModelError(
            "it has no linear layer",
            where=where,
            rule="precision int8 is of the products of linear layers",
            remedy="leave precision out",
        )
    # Before: weights in int8 are no parameters to torch, and that of the words is then there twice.
    setattr(model, _COUNT, parameter_count(model))
    made: dict[int, Int8Linear] = {}  # a layer that is used twice stays one
    for parent, name, layer in found:
        setattr(parent, name, made.setdefault(id(layer), Int8Linear(layer)))
    for module in model.modules():
        if isinstance(module, (FeedForward, GatedFeedForward)):
            module.chunk_size = ROWS  # the activation takes as long as a product in int8 else
    return model.eval()


def parameter_count(model: nn.Module) -> int:
    """How many parameters a model has, as in float32: those that are in int8 now are among them.

    One that is shared counts once. 0: it is a graph, whose weights torch does not know.
    """
    known: int | None = getattr(model, _COUNT, None)
    return sum(one.numel() for one in model.parameters()) if known is None else known


def int8_layers(model: nn.Module) -> list[str]:
    """The names of the layers that are in int8."""
    return [name for name, each in model.named_modules() if isinstance(each, Int8Linear)]


def int8_device(device: Any) -> torch.device:
    """Where a model in int8 runs.

    Raises:
        ConfigError: another device than the CPU is asked for.
    """
    if device in (None, -1) or torch.device(device).type == "cpu":
        return torch.device("cpu")
    raise ConfigError(
        f"int8 on {torch.device(device)}",
        where="precision",
        rule="the products in int8 are a CPU's",
        remedy='give device="cpu"',
    )


def _layer_of_words(model: Any) -> nn.Module | None:
    """The layer that scores the words of the vocabulary; None: it has none."""
    try:
        return model.get_output_embeddings()
    except (AttributeError, NotImplementedError):
        return None


def _refuse_unfit(model: nn.Module, where: str) -> None:
    if any(hasattr(module, "session") for module in model.modules()):
        raise ModelError(
            "a graph has the precision that it was exported in",
            where=where,
            rule="precision int8 is of a model with weights; hfdl export --int8 makes such a graph",
            remedy="leave precision out",
        )
    if any(hasattr(module, _ADAPTER) for module in model.modules()):
        raise ModelError(
            "it has adapters that are not merged",
            where=where,
            rule="a layer in int8 is one product",
            remedy="merge them first: model = model.merge_and_unload()",
        )
    if not multiplies_exactly():
        raise ModelError(
            "this CPU, or this torch, does not multiply 8-bit integers exactly",
            where=where,
            rule="sums of their products must not saturate",
            remedy="leave precision out",
        )
