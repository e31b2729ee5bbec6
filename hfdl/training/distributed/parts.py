"""Tensors of which each process has a part: torch's DTensor, where a model is sharded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from accelerate import Accelerator
from torch import Tensor


def is_part(tensor: Any) -> bool:
    """Whether it is a DTensor; asked without its import, which a single process can do without."""
    return hasattr(tensor, "device_mesh") and hasattr(tensor, "full_tensor")


def full(tensor: Tensor) -> Tensor:
    """The whole of a tensor. Where processes have parts of it every one must ask for it."""
    return cast(Any, tensor).full_tensor() if is_part(tensor) else tensor


def local(tensor: Tensor) -> Tensor:
    """This process's part of a tensor, sharing its memory; all of one that is not in parts."""
    return cast(Any, tensor).to_local() if is_part(tensor) else tensor


def part_like(tensor: Tensor, like: Tensor) -> Tensor:
    """This process's part of a whole tensor, shared out as another one is; no one is asked."""
    if not is_part(like) or tensor.shape != like.shape:
        return tensor.to(like.device)
    from torch.distributed.tensor import distribute_tensor

    shared: Any = like
    return distribute_tensor(
        tensor.to(like.device), shared.device_mesh, shared.placements, src_data_rank=None
    )


def only_first(tensors: Mapping[str, Tensor], accelerator: Accelerator) -> dict[str, Tensor]:
    """The whole tensors on the CPU in the first process, and none in the others."""
    kept = {}
    for name, tensor in tensors.items():
        gathered = full(tensor.detach())
        if accelerator.is_main_process:
            kept[name] = gathered.to("cpu").contiguous()
    return kept
