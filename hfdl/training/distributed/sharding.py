"""Training with a part of the model in each process: torch's FSDP2 (``fully_shard``).

Each process keeps its part of every parameter, of its gradient and of the optimizer's state. A
layer is put together for its own pass, and let go of after it (Zhao et al. 2023,
https://arxiv.org/abs/2304.11277).

Not by Accelerate's plug-in: it shards on GPUs alone, and puts an output layer into a unit of its
own, which torch refuses where its bias is tied to another module's (BERT's masked head).

Whoever evaluates, writes texts or saves takes the whole model: a copy without FSDP's hooks, whose
parameters are filled for that time alone. So what is measured is what a single process would run,
and processes may need unlike numbers of passes.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from hfdl.config.schema import TrainConfig
from hfdl.errors import ConfigError
from hfdl.training.distributed.parts import full
from hfdl.training.optimizers import plain_name
from hfdl.tuning.layers import layers_of

FSDP = "fsdp"
UNSHARDED = ("adafactor", "muon", "rprop")
"""Optimizers that look at whole matrices, and one whose step torch has not for parts of them."""


def check_strategy(config: TrainConfig) -> None:
    """Refuse what cannot be had beside ``train.strategy=fsdp``.

    Args:
        config: the recipe's ``train`` section.

    Raises:
        ConfigError: an optimizer of whole matrices, fp16, or compilation.
    """
    if config.strategy != FSDP:
        return
    faults = {
        f"train.optimizer={config.optimizer}": (
            plain_name(config.optimizer) in UNSHARDED,
            "its step is not known for a matrix of which each process has a part",
            "train.optimizer=adamw",
        ),
        "train.precision=fp16": (
            config.precision == "fp16",
            "its scaler would see a part of the gradient in each process",
            "train.precision=bf16",
        ),
        "train.compile=true": (
            config.compile, "a compiled model is not shared out", "train.compile=false",
        ),
    }  # fmt: skip
    for what, (is_asked, rule, instead) in faults.items():
        if is_asked:
            raise ConfigError(
                f"fsdp cannot be had beside {what}", where="train.strategy", rule=rule,
                remedy=f"set {instead}, or train.strategy=ddp",
            )  # fmt: skip


def strategy_fact(accelerator: Accelerator, config: TrainConfig) -> list[str]:
    """A line on how processes share a model, where a recipe asks for FSDP."""
    if config.strategy != FSDP:
        return []
    count = accelerator.num_processes
    if count == 1:
        return ["strategy: fsdp shares a model among processes, and there is one"]
    return [
        f"strategy: fsdp, each of {count} processes keeps one part in {count} of the weights, "
        "gradients and optimizer state"
    ]


# ---- The model that is trained, and its whole copy -----------------------------------------------


class ShardedModel:
    """A model in parts, and a whole copy of it whose memory is taken only while it is used.

    Args:
        model: on the CPU, the same in all processes.
        accelerator: of several processes.
    """

    def __init__(self, model: nn.Module, accelerator: Accelerator) -> None:
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        def with_autocast(plain: nn.Module) -> nn.Module:
            return accelerator.prepare_model(plain, device_placement=False, evaluation_mode=True)

        # Nothing here changes a model's outputs in place, which is what it warns of.
        warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view")
        self._whole = with_autocast(_empty_copy(model, accelerator.device))
        self.trained = with_autocast(model)
        mesh = init_device_mesh(accelerator.device.type, (accelerator.num_processes,))
        for layer in layers_of(model):
            fully_shard(layer, mesh=mesh)
        fully_shard(model, mesh=mesh)  # what is in no layer, tied weights among it

    @contextmanager
    def whole(self) -> Iterator[nn.Module]:
        """The copy with the weights of this moment. Every process must come here."""
        self._fill()
        try:
            yield self._whole
        finally:
            for parameter in self._whole.parameters():
                _let_go(parameter)

    @torch.no_grad()
    def _fill(self) -> None:
        whole = dict(self._whole.named_parameters())
        for name, parameter in self.trained.named_parameters():
            copied = whole[name]
            copied.untyped_storage().resize_(copied.numel() * copied.element_size())
            copied.copy_(full(parameter))
        buffers = dict(self._whole.named_buffers())
        for name, buffer in self.trained.named_buffers():
            buffers[name].copy_(buffer)


def _empty_copy(model: nn.Module, device: torch.device) -> nn.Module:
    """A copy on a device whose parameters have no memory; those that are shared stay shared."""
    known: dict[int, Any] = {}
    for parameter in model.parameters():
        empty = nn.Parameter(torch.empty_like(parameter, device=device), parameter.requires_grad)
        _let_go(empty)
        known[id(parameter)] = empty
    copied = copy.deepcopy(model, known)
    for module in copied.modules():
        for name, buffer in module._buffers.items():
            module._buffers[name] = None if buffer is None else buffer.to(device)
    return copied


def _let_go(parameter: Tensor) -> None:
    parameter.untyped_storage().resize_(0)
