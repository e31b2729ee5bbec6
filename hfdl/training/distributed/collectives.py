"""What the processes of a run tell each other."""

from __future__ import annotations

import torch
from accelerate import Accelerator


def sum_over_processes(accelerator: Accelerator, values: torch.Tensor) -> torch.Tensor:
    """The sum of a tensor over the processes, on each of them."""
    summed = accelerator.reduce(values.to(accelerator.device), reduction="sum")
    assert isinstance(summed, torch.Tensor)
    return summed


def any_process(accelerator: Accelerator, flag: bool) -> bool:
    """Whether the flag is up on any process: all must stop at the same step."""
    if accelerator.num_processes == 1:
        return flag
    return bool(sum_over_processes(accelerator, torch.tensor([float(flag)])).item())
