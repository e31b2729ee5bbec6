"""What is compared: a model with one of its attentions, that can be run on a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from hfdl.custom_attention.switch import use_attention
from hfdl.models.common import first_token
from hfdl.nn.cache import KVCache
from hfdl.nn.functional import AttentionKernel, attention
from hfdl.nn.fused import fused_attention
from hfdl.parity.ask import ask
from hfdl.parity.components import Trace, join_passes
from hfdl.parity.float64 import float64_throughout
from hfdl.parity.layouts import SCRATCH, backbone, family_of_model, hf_layout
from hfdl.parity.losses import labels_for, loss_of
from hfdl.parity.recorder import (
    Recorder,
    Scores,
    numpy_scores,
    recorded_attention,
    recorded_modules,
    recording_kernel,
    torch_scores,
)
from hfdl.parity.twin import Twin, head_of
from hfdl.parity.variants import Batch
from hfdl.weights.families.name_table import Head

KERNELS: dict[str, AttentionKernel] = {"explicit": attention, "fused": fused_attention}
# Implementations within Hugging Face's model: the name of the attention in its registry.
REGISTERED = {"eager": "eager", "sdpa": "sdpa", "numpy": "hfdl_numpy"}
_SCORES: dict[str, Scores] = {"eager": torch_scores, "numpy": numpy_scores}

Step = Callable[[dict[str, Tensor]], tuple[Tensor, Tensor | None]]
"""The inputs of a pass -> logits or last hidden states, and the loss where there is one."""


class Implementation(Protocol):
    """Something that is run on a batch and recorded."""

    @property
    def name(self) -> str:
        """What its rows are called."""
        ...

    def trace(self, batch: Batch) -> Trace:
        """What it makes of a batch, with gradients where it has them."""
        ...


class HuggingFace:
    """A transformers model with one attention of the registry.

    Args:
        model: in eval mode; its attention is switched.
        name: a key of ``REGISTERED``.
    """

    def __init__(self, model: Any, name: str) -> None:
        self.model, self.name = model, name
        self._head: Head = head_of(model)
        self._layout = hf_layout(family_of_model(model).table)

    def trace(self, batch: Batch) -> Trace:
        """Run it; NumPy has no gradients, and cached decoding asks for none."""
        use_attention(self.model, REGISTERED[self.name])
        recorder = Recorder(_SCORES.get(self.name))
        with (
            torch.set_grad_enabled(self.name != "numpy" and not batch.is_cached),
            float64_throughout(self.model),
            recorded_attention(self.model, REGISTERED[self.name], recorder),
            recorded_modules(self.model.base_model, self._layout, recorder),
        ):
            trace, loss = _run(batch, recorder, self._step(batch, recorder), self._head)
        trace.expected_calls = self.model.config.num_hidden_layers * len(batch.passes)
        if loss is not None and loss.requires_grad:
            # What has none took no part, such as the spare bias of an untied head for words.
            found = _gradients(self.model, loss)
            trace.gradients = {name: g for name, g in found.items() if g is not None}
        return trace

    def _step(self, batch: Batch, recorder: Recorder) -> Step:
        config, head = self.model.config, self._head
        labels = None if batch.is_cached else labels_for(head, batch, config)
        options: dict[str, Any] = {"use_cache": False} if _decodes(head, config) else {}
        if labels is not None:
            options["labels"] = (
                labels.to(self.model.dtype) if labels.is_floating_point() else labels
            )
        if batch.is_cached:
            options |= {"past_key_values": DynamicCache(config=config), "use_cache": True}

        def step(inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor | None]:
            output = self.model(**inputs, **options)
            if (pooled := getattr(output, "pooler_output", None)) is not None:
                recorder.module("pooler", None, pooled)
            if head != "base":
                return output.logits, output.loss
            hidden = output.last_hidden_state
            return hidden, None if batch.is_cached else loss_of(hidden, None, batch, head, config)

        return step


class Scratch:
    """hfdl's model with one of its kernels.

    Args:
        twin: the model, and its names.
        name: what its rows are called.
        kernel: the attention.
        config: of the transformers model.
    """

    def __init__(self, twin: Twin, name: str, kernel: AttentionKernel, config: Any) -> None:
        self.twin, self.name = twin, name
        self._kernel, self._config = kernel, config

    def trace(self, batch: Batch) -> Trace:
        """Run it; cached decoding asks for no gradients."""
        core = self.twin.core
        recorder = Recorder(None if self._kernel is fused_attention else torch_scores)
        with (
            torch.set_grad_enabled(not batch.is_cached),
            recorded_modules(backbone(core), SCRATCH, recorder),
        ):
            trace, loss = _run(batch, recorder, self._step(batch, recorder), self.twin.head)
        trace.expected_calls = self._config.num_hidden_layers * len(batch.passes)
        if loss is not None:
            trace.gradients = self.twin.table.to_hf(_filled(core, _gradients(core, loss)))
        return trace

    def _step(self, batch: Batch, recorder: Recorder) -> Step:
        core, head, config = self.twin.core, self.twin.head, self._config
        labels = labels_for(head, batch, config)
        options: dict[str, Any] = {"kernel": recording_kernel(self._kernel, recorder)}
        if batch.is_cached:
            options["cache"] = KVCache()

        def step(inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor | None]:
            answer = core(**inputs, **options)
            if isinstance(pooler := getattr(core, "pooler", None), nn.Module):
                recorder.module("pooler", None, pooler(first_token(answer, None)))
            if batch.is_cached:
                return answer, None
            return answer, loss_of(answer, labels, batch, head, config)

        return step


class Foreign:
    """Somebody's module: only its answer is seen.

    Args:
        model: called with transformers' keywords, see ``hfdl.parity.ask.ask``.
        name: what its rows are called.
        hf_model: the transformers model that it is to equal.
    """

    def __init__(self, model: nn.Module, name: str, hf_model: Any) -> None:
        self.model, self.name = model, name
        self._head: Head = head_of(hf_model)
        self._config = hf_model.config
        names = {name for name, _ in hf_model.named_parameters()}
        self._same_names = names <= {name for name, _ in model.named_parameters()}

    def trace(self, batch: Batch) -> Trace:
        """Run it; gradients where its parameters have transformers' names."""
        recorder = Recorder(None)
        labels = labels_for(self._head, batch, self._config)

        def step(inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor | None]:
            recorder.calls += 1
            answer = ask(self.model, inputs)
            return answer, loss_of(answer, labels, batch, self._head, self._config)

        trace, loss = _run(batch, recorder, step, self._head)
        trace.expected_calls = len(batch.passes)
        if self._same_names and loss is not None and loss.requires_grad:
            trace.gradients = _filled(self.model, _gradients(self.model, loss))
        return trace


def _run(batch: Batch, recorder: Recorder, step: Step, head: Head) -> tuple[Trace, Tensor | None]:
    """Every pass of a batch; the loss is that of the only one."""
    passes, loss = [], None
    for stop, inputs in batch.steps():
        recorder.next_pass()
        answer, loss = step(inputs)
        recorder.module("hidden" if head == "base" else "logits", None, answer)
        passes.append((stop, recorder.values))
    values = join_passes(passes)
    if loss is not None:
        values["loss", None] = loss.detach()
    return Trace(values, calls=recorder.calls), loss


def _gradients(model: nn.Module, loss: Tensor) -> dict[str, Tensor | None]:
    """The gradient of every parameter, under all of its names; None where it has none."""
    model.zero_grad()
    loss.backward()
    found = {name: p.grad for name, p in model.named_parameters(remove_duplicate=False)}
    model.zero_grad()  # drops the references, not the tensors
    return found


def _filled(model: nn.Module, gradients: dict[str, Tensor | None]) -> dict[str, Tensor]:
    """Gradients with zeros where a parameter has none."""
    parameters = dict(model.named_parameters(remove_duplicate=False))
    return {
        name: torch.zeros_like(parameters[name]) if g is None else g
        for name, g in gradients.items()
    }


def _decodes(head: Head, config: Any) -> bool:
    return head in ("base", "causal_lm") and hasattr(config, "use_cache")
