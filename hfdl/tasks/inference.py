"""Running a model over a split without training it: evaluation and the pipelines share this."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch

from hfdl.data.arrays import ComputedArray
from hfdl.errors import NotFiniteError
from hfdl.nn.lengths import evaluating
from hfdl.progress import track
from hfdl.tasks.protocol import Batch, Split

# Padded tokens in one forward pass: enough to fill two cores or a GPU, little enough that one long
# text among short ones cannot blow up memory.
CPU_TOKENS = 4096
GPU_TOKENS = 65536

SPLITS = ("train", "validation", "test")
"""Splits that have answers; texts that a pipeline was given are in none of them."""


def inference_batches(
    lengths: np.ndarray | ComputedArray, token_budget: int, limit: int | None = None
) -> list[np.ndarray]:
    """Examples sorted by length, cut so that no batch pads to more than ``token_budget`` tokens.

    Args:
        lengths: tokens of each example, shape (N,).
        token_budget: largest number of padded tokens in a batch; a longer example stands alone.
        limit: largest number of examples in a batch.

    Returns:
        arrays of example numbers, longest first; every example stands in exactly one.
    """
    lengths = np.asarray(lengths)
    order = np.argsort(-lengths, kind="stable")
    batches: list[np.ndarray] = []
    start = 0
    while start < len(order):
        longest = max(1, int(lengths[order[start]]))  # a text can have no token at all
        size = max(1, token_budget // longest)
        size = size if limit is None else min(size, limit)
        batches.append(order[start : start + size])
        start += size
    return batches


@torch.inference_mode()
def forward_batches(
    model: torch.nn.Module,
    split: Split,
    batches: list[np.ndarray],
    device: torch.device,
    autocast: AbstractContextManager[Any] | None = None,
) -> Iterator[tuple[Any, Batch]]:
    """The model's outputs for each batch, in eval mode; then every part is in its mode again."""
    with evaluating(model):
        for examples in track(
            batches, _work(split), total=sum(map(len, batches)), unit="texts", size=len
        ):
            batch = split.batch(examples.tolist(), seed=0, epoch=0).to(device)
            with autocast or nullcontext():
                outputs = model(**batch.inputs)
            yield outputs, batch


def refuse_non_finite(
    scores: torch.Tensor, examples: Sequence[int], text_of: Callable[[int], str]
) -> None:
    """Refuse answers that are no numbers, naming the first text that has one.

    Args:
        scores: of each example, (B, ...).
        examples: their numbers, B of them.
        text_of: the text of a number.

    Raises:
        NotFiniteError: a score is NaN or infinite.
    """
    finite = torch.isfinite(scores).flatten(1).all(dim=1)  # (B,)
    if not bool(finite.all()):
        number = examples[int((~finite).nonzero()[0])]
        raise NotFiniteError(number, text_of(number))


@contextmanager
def naming_texts(examples: Sequence[int], text_of: Callable[[int], str]) -> Iterator[None]:
    """While active, an answer that is no number is told with its text, not its row in a batch.

    Args:
        examples: the numbers of the batch's texts; several rows after each other may be of one.
        text_of: the text of a number.
    """
    try:
        yield
    except NotFiniteError as error:
        number = examples[error.row * len(examples) // error.rows]
        raise NotFiniteError(number, text_of(number)) from None


def _work(split: Split) -> str:
    return f"evaluating {split.name}" if split.name in SPLITS else "predicting"


def token_budget(device: torch.device) -> int:
    """Padded tokens per forward pass on a device."""
    return CPU_TOKENS if device.type == "cpu" else GPU_TOKENS
