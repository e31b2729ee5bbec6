"""The implementations that are compared: a model with one of its attentions, run on a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from hfdl.custom_attention.switch import use_attention
from hfdl.hf_models.load import hf_class_of
from hfdl.models.common import first_token
from hfdl.nn.cache import KVCache
from hfdl.nn.functional import AttentionKernel, attention
from hfdl.nn.fused import fused_attention
from hfdl.parity.ask import ask
from hfdl.parity.components import Trace, join_passes
from hfdl.parity.float64 import float64_throughout
from hfdl.parity.layouts import SCRATCH, backbone, hf_layout
from hfdl.parity.losses import labels_for, loss_of
from hfdl.parity.recorder import (
    Recorder,
    RecordingKernel,
    Scores,
    numpy_scores,
    recorded_attention,
    recorded_modules,
    torch_scores,
)
from hfdl.parity.variants import Batch
from hfdl.weights.families.name_table import Head

KERNELS: dict[str, AttentionKernel] = {"explicit": attention, "fused": fused_attention}
# Implementations within Hugging Face's model: the name of the attention in its registry.
REGISTERED = {"eager": "eager", "sdpa": "sdpa", "numpy": "hfdl_numpy"}
_SCORES: dict[str, Scores] = {"eager": torch_scores, "numpy": numpy_scores}

Step = Callable[[dict[str, Tensor]], tuple[Tensor, Tensor | None]]
"""The inputs of a pass -> logits or last hidden states, and the loss where there is one."""


class HuggingFace:
    """A transformers model with one attention of the registry.

    Args:
        model: in eval mode; its attention is switched.
        name: of the implementation in a row.
        registered: the name of its attention in the registry; None: that of ``REGISTERED``.
    """

    def __init__(self, model: Any, name: str, registered: str | None = None) -> None:
        self.model, self.name = model, name
        self._registered = registered or REGISTERED[name]
        own_class = hf_class_of(model)
        self._head: Head = own_class.head
        self._layout = hf_layout(own_class.family.table)

    def trace(self, batch: Batch) -> Trace:
        """Run a batch; with NumPy and with cached decoding there are no gradients."""
        use_attention(self.model, self._registered)
        recorder = Recorder(_SCORES.get(self.name))
        with (
            torch.set_grad_enabled(self.name != "numpy" and not batch.is_cached),
            float64_throughout(self.model),
            recorded_attention(self.model, self._registered, recorder),
            recorded_modules(self.model.base_model, self._layout, recorder),
        ):
            trace, loss = _run(batch, recorder, self._step(batch, recorder), self._head)
        trace.expected_calls = self.model.config.num_hidden_layers * len(batch.passes)
        if loss is not None and loss.requires_grad:
            # A parameter without one took no part, such as the spare bias of an untied LM head.
            trace.gradients = _gradients(self.model, loss, zeros=False)
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
        core: a model of ``hfdl.models``.
        name: of the implementation in a row.
        kernel: the attention.
        hf_model: the transformers model that it is to equal.
    """

    def __init__(self, core: nn.Module, name: str, kernel: AttentionKernel, hf_model: Any) -> None:
        self.core, self.name = core, name
        self._kernel, self._config = kernel, hf_model.config
        own_class = hf_class_of(hf_model)
        self._head: Head = own_class.head
        shapes = {key: tensor.shape for key, tensor in core.state_dict().items()}
        tied = bool(self._config.tie_word_embeddings)
        self._table = own_class.family.table.table(self._head, shapes, tied=tied)

    def trace(self, batch: Batch) -> Trace:
        """Run a batch; with cached decoding there are no gradients."""
        recorder = Recorder(None if self._kernel is fused_attention else torch_scores)
        with (
            torch.set_grad_enabled(not batch.is_cached),
            recorded_modules(backbone(self.core), SCRATCH, recorder),
        ):
            trace, loss = _run(batch, recorder, self._step(batch, recorder), self._head)
        trace.expected_calls = self._config.num_hidden_layers * len(batch.passes)
        if loss is not None:
            trace.gradients = self._table.to_hf(_gradients(self.core, loss))
        return trace

    def _step(self, batch: Batch, recorder: Recorder) -> Step:
        core, head, config = self.core, self._head, self._config
        labels = labels_for(head, batch, config)
        options: dict[str, Any] = {"kernel": RecordingKernel(self._kernel, recorder)}
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
    """A module as a user calls it: only its output is seen.

    Args:
        model: called with transformers' keywords, see ``hfdl.parity.ask.ask``.
        name: of the implementation in a row.
        hf_model: the transformers model that it is to equal.
    """

    def __init__(self, model: nn.Module, name: str, hf_model: Any) -> None:
        self.model, self.name = model, name
        self._head: Head = hf_class_of(hf_model).head
        self._config = hf_model.config
        names = {name for name, _ in hf_model.named_parameters()}
        self._same_names = names <= {name for name, _ in model.named_parameters()}

    def trace(self, batch: Batch) -> Trace:
        """Run a batch; gradients where its parameters have transformers' names."""
        recorder = Recorder(None)
        labels = labels_for(self._head, batch, self._config)

        def step(inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor | None]:
            recorder.calls += 1
            answer = ask(self.model, inputs)
            return answer, loss_of(answer, labels, batch, self._head, self._config)

        trace, loss = _run(batch, recorder, step, self._head)
        trace.expected_calls = len(batch.passes)
        if self._same_names and loss is not None and loss.requires_grad:
            trace.gradients = _gradients(self.model, loss)
        return trace


Implementation = HuggingFace | Scratch | Foreign


def _run(batch: Batch, recorder: Recorder, step: Step, head: Head) -> tuple[Trace, Tensor | None]:
    """Run every pass of a batch; a loss only where there is one pass."""
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


def _gradients(model: nn.Module, loss: Tensor, *, zeros: bool = True) -> dict[str, Tensor]:
    """The gradient of every parameter, under all of its names.

    A parameter that has none gets zeros, or is left out.
    """
    model.zero_grad()
    loss.backward()
    gradients = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if parameter.grad is not None:
            gradients[name] = parameter.grad
        elif zeros:
            gradients[name] = torch.zeros_like(parameter)
    model.zero_grad()  # drops the references, not the tensors
    return gradients


def _decodes(head: Head, config: Any) -> bool:
    return head in ("base", "causal_lm") and hasattr(config, "use_cache")
