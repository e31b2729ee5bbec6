"""Record the outputs of a model's modules and the inputs and outputs of its attention."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface

from hfdl.errors import ModelError
from hfdl.foundations.transformer import attention as numpy_formula
from hfdl.nn.attend import AttentionLayer
from hfdl.nn.functional import AttentionKernel, repeat_heads, scale_of
from hfdl.parity.components import Key
from hfdl.parity.layouts import Layout, find

Scores = Callable[[Tensor, Tensor, float], Tensor]
"""(q (B, H, T, K), k (B, H, S, K), scale) -> (B, H, T, S)."""


class Recorder:
    """Collects the values of one forward pass at a time, and counts attentions over all of them.

    Args:
        scores: how scores are computed from the queries and keys that an attention was given;
            None where the attention is a fused kernel, which has none. Kept only where it gives
            its weights.
    """

    def __init__(self, scores: Scores | None) -> None:
        self.values: dict[Key, Tensor] = {}
        self.calls = 0
        self._scores = scores
        self._layer = 0
        self._runs: dict[str, int] = {}

    def next_pass(self) -> None:
        """Forget the values of the pass before."""
        self.values, self._layer, self._runs = {}, 0, {}

    def module(self, component: str, layer: int | None, value: Any) -> None:
        """Keep what a module gave out; of several tensors the first, of cos and sin both."""
        if component == "rotary":
            value = torch.cat(value, dim=-1)  # (..., T, K) twice -> (..., T, 2 K)
            value = value if value.dim() == 3 else value[None]  # (1, T, 2 K)
        elif not isinstance(value, Tensor):
            value = value[0]
        self.values[component, layer] = value.detach()

    def block_part(self, component: str, value: Any) -> None:
        """Keep what a part of a block gave out.

        Its layer is how often that component came before in this pass: one block may run as several
        layers, as ALBERT's does.
        """
        layer = self._runs.get(component, 0)
        self._runs[component] = layer + 1
        self.module(component, layer, value)

    def attention(
        self, q: Tensor, k: Tensor, v: Tensor, scale: float, context: Tensor, weights: Tensor | None
    ) -> None:
        """Keep one attention: q (B, H, T, K), k and v (B, G, S, K), context (B, T, H, K)."""
        layer = self._layer
        self._layer, self.calls = layer + 1, self.calls + 1
        tensors = {"query": q, "key": k, "value": v, "context": context.flatten(-2)}
        if self._scores is not None and weights is not None:
            repeated = repeat_heads(k.detach(), q.shape[1] // k.shape[1])  # (B, H, S, K)
            tensors["scores"] = self._scores(q.detach(), repeated, scale)
            tensors["weights"] = weights
        self.values |= {(name, layer): value.detach() for name, value in tensors.items()}


def torch_scores(q: Tensor, k: Tensor, scale: float) -> Tensor:
    """scale * Q K^T in torch."""
    return q @ k.transpose(-2, -1) * scale


def numpy_scores(q: Tensor, k: Tensor, scale: float) -> Tensor:
    """scale * Q K^T in NumPy."""
    return torch.from_numpy(numpy_formula.scores(q.numpy(), k.numpy()) * scale)


@dataclass(frozen=True)
class RecordingKernel:
    """A kernel that reports its inputs and outputs.

    Args:
        kernel: what computes; one that asks for the layer that it runs in is told.
        recorder: takes what it computed.
    """

    kernel: AttentionKernel
    recorder: Recorder

    def in_layer(self, module: AttentionLayer) -> RecordingKernel:
        """The kernel for one layer."""
        told = getattr(self.kernel, "in_layer", None)
        return self if told is None else replace(self, kernel=told(module))

    def __call__(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, **options: Any
    ) -> tuple[Tensor, Tensor | None]:
        """Attend; arguments and result as in ``hfdl.nn.functional.AttentionKernel``."""
        out, weights = self.kernel(q, k, v, mask, **options)
        scale = scale_of(q, options.get("scale"))
        self.recorder.attention(q, k, v, scale, out.transpose(1, 2), weights)  # (B, T, H, K)
        return out, weights


@contextmanager
def recorded_attention(model: nn.Module, name: str, recorder: Recorder) -> Iterator[None]:
    """Report every attention that a transformers model takes from the registry under ``name``.

    What the registry returns is wrapped, not replaced: the model keeps its own attention, and the
    numbers are those that it computes with. Other models are not recorded.

    Raises:
        ModelError: a module of the model asked for another attention than ``name``.
    """
    ours = {id(module) for module in model.modules()}
    original = AttentionInterface.get_interface

    def handing_out(self: AttentionInterface, attn_implementation: str, default: Any) -> Any:
        attention = original(self, attn_implementation, default)

        def reporting(
            module: nn.Module, q: Tensor, k: Tensor, v: Tensor, *rest: Any, **options: Any
        ) -> tuple[Tensor, Tensor | None]:
            out, weights = attention(module, q, k, v, *rest, **options)
            if id(module) in ours:
                _check_name(attn_implementation, name)
                recorder.attention(q, k, v, scale_of(q, options.get("scaling")), out, weights)
            return out, weights

        return reporting

    AttentionInterface.get_interface = handing_out
    try:
        yield
    finally:
        AttentionInterface.get_interface = original


@contextmanager
def recorded_modules(model: nn.Module, layout: Layout, recorder: Recorder) -> Iterator[None]:
    """Report what the modules of a model without its head give out; those it has not are left."""
    blocks = model.get_submodule(layout.blocks)
    assert isinstance(blocks, nn.ModuleList)
    handles = [blocks[0].register_forward_pre_hook(_inputs_to(recorder), with_kwargs=True)]
    for component, path in layout.model_parts.items():
        if (module := find(model, path)) is not None:
            handles.append(module.register_forward_hook(_output_to(recorder, component)))
    for block in blocks:
        handles.append(block.register_forward_hook(_block_output_to(recorder, "residual")))
        for component, path in layout.block_parts.items():
            if (module := find(block, path)) is not None:
                handles.append(module.register_forward_hook(_block_output_to(recorder, component)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _inputs_to(recorder: Recorder) -> Callable[..., None]:
    def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if ("embeddings", None) not in recorder.values:  # a shared block runs again
            recorder.module("embeddings", None, args[0] if args else next(iter(kwargs.values())))

    return hook


def _output_to(recorder: Recorder, component: str) -> Callable[..., None]:
    def hook(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        recorder.module(component, None, output)

    return hook


def _block_output_to(recorder: Recorder, component: str) -> Callable[..., None]:
    def hook(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        recorder.block_part(component, output)

    return hook


def _check_name(asked: str, meant: str) -> None:
    if asked != meant:
        raise ModelError(
            f"the model asked for the attention {asked!r} where {meant!r} was meant",
            rule="an implementation that did not run proves nothing",
        )
