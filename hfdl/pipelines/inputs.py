"""What the pipelines share: the device they run on, and how a stream of inputs is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

import torch

from hfdl.errors import ConfigError

Input = TypeVar("Input")
Answer = TypeVar("Answer")

WINDOW = 256
"""Inputs of a stream that are read at once, without a batch_size: enough to sort by length."""


def torch_device(device: str | int | torch.device | None) -> torch.device:
    """The device that a pipeline was asked for; None: a GPU if there is one."""
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if isinstance(device, int):  # transformers counts GPUs from 0; -1 is the CPU
        return torch.device("cpu" if device < 0 else f"cuda:{device}")
    return torch.device(device)


def checked_batch_size(size: int | None) -> int | None:
    """The size itself, or None.

    Raises:
        ConfigError: it is below 1.
    """
    if size is not None and size < 1:
        raise ConfigError(
            f"batch_size cannot be {size}",
            rule="it is the most texts in one forward pass",
            remedy="give 1 or more, or leave it out",
        )
    return size


def can_iterate(inputs: Any) -> bool:
    """Whether inputs are several.

    By iter(), for transformers' KeyDataset has ``__getitem__`` alone and is no typing Iterable.
    """
    try:
        iter(inputs)
    except TypeError:
        return False
    return True


def stream(
    inputs: Iterable[Input], answer: Callable[[list[Input]], list[Answer]], size: int | None
) -> Iterator[Answer]:
    """Answers one by one, the inputs read as they are asked for.

    Args:
        inputs: what is read on, ``size`` of them at a time.
        answer: gives the answers of some inputs.
        size: how many; None: ``WINDOW``.
    """
    rest = iter(inputs)
    while window := list(islice(rest, size or WINDOW)):
        yield from answer(window)
