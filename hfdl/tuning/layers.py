"""The position of each parameter of a model: embeddings, a layer, or above all layers.

Nothing is known of any architecture but what its names and containers show: layers stand in a
``ModuleList`` (transformers' models, hfdl's own), embeddings have "emb" in their names or are
``nn.Embedding``. Adapters that were put into a layer stand where the layer stands.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from torch import nn

# Beside "emb": OPT's way from narrow embeddings to its first layer, DeBERTa's norm of its relative
# positions.
_INPUT = re.compile(r"emb|(^|\.)project_in\.|(^|\.)encoder\.LayerNorm\.", re.IGNORECASE)


@dataclass(frozen=True)
class Position:
    """The position of a parameter in its stack.

    Args:
        depth: 0 in the embeddings, 1 to n in the layers, n + 1 above them: final norm, pooler,
            head.
        top: n + 1.
    """

    depth: int
    top: int


@dataclass(frozen=True)
class _LayerList:
    """A ``ModuleList`` of layers: its path, the stack that it is in, and its length."""

    path: str
    stack: str
    length: int


def positions(model: nn.Module) -> dict[str, Position]:
    """The position of every parameter by name.

    Encoder and decoder are counted each from its own input; what they share has the top of the
    higher one. A layer that is run several times (ALBERT's) is one.
    """
    lists = _layer_lists(model)
    body = {id(p) for part in body_of(model) for p in part.parameters()}
    tables = {id(p) for m in model.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
    by_name = {}
    for name, parameter in model.named_parameters():
        top = _top(name, lists)
        own = next((each for each in lists if name.startswith(f"{each.path}.")), None)
        if own is not None:
            depth = int(name[len(own.path) + 1 :].partition(".")[0]) + 1
        else:
            below = id(parameter) in body and (
                id(parameter) in tables or _INPUT.search(name) is not None
            )
            depth = 0 if below else top
        by_name[name] = Position(depth, top)
    return by_name


def layer_count(model: nn.Module) -> int:
    """The layers of a model; of its higher stack, where it has two."""
    return max((each.length for each in _layer_lists(model)), default=0)


def layers_of(model: nn.Module) -> list[nn.Module]:
    """The layers of all stacks, from the inputs of each upwards."""
    lists = [model.get_submodule(each.path) for each in _layer_lists(model)]
    return [layer for layers in lists for layer in layers.children()]


def body_of(model: Any) -> list[nn.Module]:
    """The modules that a task's head stands upon.

    They are transformers' base model, hfdl's backbone, or, where a model has no such part (T5's
    encoder-decoder), all of its parts but the output projection.
    """
    base = getattr(model, "base_model", model)
    base = getattr(base, "backbone", base)
    words = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    parts = dict(base.named_children())
    heads = {name for name, part in parts.items() if part is words or name == "head"}
    if not heads:
        return [base]
    return [part for name, part in parts.items() if name not in heads]


def body_names(model: nn.Module, new: Collection[str] = ()) -> list[str]:
    """The parameters of the body: those that are not the head's.

    Args:
        model: the model.
        new: parameters without pretrained weights, under transformers' names. Where there are
            some, they are the head and all others the body: a pretrained pooler is body, a new
            one head. Without any the model itself says where its head begins.
    """
    own = own_names(model, new)
    names = [name for name, _ in model.named_parameters()]
    if own:
        return [name for name in names if name not in own]
    body = {id(p) for part in body_of(model) for p in part.parameters()}
    return [name for name, parameter in model.named_parameters() if id(parameter) in body]


def own_names(model: Any, names: Collection[str]) -> set[str]:
    """transformers' names in those of the model itself, which may be one of hfdl's own."""
    table = getattr(model, "table", None)
    if table is None:
        return set(names)
    return {f"core.{ours}" for ours in table.ours_of(names)}


def _layer_lists(model: nn.Module) -> list[_LayerList]:
    """The outermost ``ModuleList`` of each path: experts and sub-layers are part of a layer."""
    lists: list[_LayerList] = []
    for path, module in model.named_modules():
        inner = any(path.startswith(f"{outer.path}.") for outer in lists)
        if isinstance(module, nn.ModuleList) and len(module) and not inner:
            lists.append(_LayerList(path, path.rpartition(".")[0], len(module)))
    return lists


def _top(name: str, lists: Iterable[_LayerList]) -> int:
    """One above the last layer of the stack that a parameter is in, else of the highest one."""
    own = [each.length for each in lists if name.startswith(f"{each.stack}.")]
    return max(own or [each.length for each in lists], default=0) + 1
