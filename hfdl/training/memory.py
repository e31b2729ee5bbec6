"""Running out of memory: how it shows, and what is left to try."""

from __future__ import annotations

import gc

import torch

# What torch says where it has no class of its own for it: on a CPU, and in some libraries below.
_SAYINGS = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory did not suffice."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _SAYINGS)


def forget_what_failed() -> None:
    """Give back what a failed pass still holds, on the host and on a GPU."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def half(size: int) -> int | None:
    """The next smaller size to try; None where one is all that there is."""
    return None if size <= 1 else -(-size // 2)
