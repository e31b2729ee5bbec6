"""What the machine can do at best: a matrix product of a model's shapes, a copy of memory.

A ratio says who is faster. Beside it stands how far both are from what the processor can do, and
that is measured in the same run: the machine may be another, or slower today.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Shape = tuple[int, int, int]
"""(m, k, n): a product of (m, k) and (k, n)."""
COPIED = 2**28  # bytes: far more than any cache holds


@dataclass(frozen=True)
class Limit:
    """What is measured to know the limit.

    Args:
        shapes: of the products that the model consists of.
        dtype: of these.
        copy: measure the bandwidth of a copy instead: reading weights is what generation does.
    """

    shapes: tuple[Shape, ...] = ()
    dtype: str = "float32"
    copy: bool = False


def measure(limit: Limit, seconds: float = 0.4) -> dict[str, float]:
    """``flops_per_second`` of the products, or ``bytes_per_second`` of a copy.

    A second is one of the processor, which two threads that are busy spend two of.
    """
    if limit.copy:
        return {"bytes_per_second": copy_rate(seconds)}
    return {"flops_per_second": matrix_rate(limit.shapes, limit.dtype, seconds)}


def matrix_rate(shapes: Sequence[Shape], dtype: str, seconds: float) -> float:
    """Floating-point operations a processor second of products of these shapes, in turn."""
    import torch

    made: list[tuple[Any, Any, Any]] = []
    for m, k, n in shapes:
        left, right = torch.randn(m, k), torch.randn(k, n)
        kind = getattr(torch, dtype)
        made.append((left.to(kind), right.to(kind), torch.empty(m, n, dtype=kind)))
    flops = sum(2.0 * m * k * n for m, k, n in shapes)

    def work() -> float:
        for left, right, out in made:
            torch.mm(left, right, out=out)
        return flops

    return _rate(work, seconds)


def copy_rate(seconds: float) -> float:
    """Bytes read a processor second while memory is copied: what is written is not counted."""
    import torch

    source = torch.ones(COPIED, dtype=torch.uint8)
    target = torch.empty_like(source)

    def work() -> float:
        target.copy_(source)
        return float(COPIED)

    return _rate(work, seconds)


def _rate(work: Any, seconds: float) -> float:
    work()  # the first call allocates
    done, began = 0.0, time.process_time()
    while (took := time.process_time() - began) < seconds or not done:
        done += work()
    return done / max(took, 1e-9)


def layer_shapes(tokens: int, width: int, inner: int) -> tuple[Shape, ...]:
    """The products of a transformer layer: q, k and v together, the output, the two of the MLP."""
    return (
        (tokens, width, 3 * width), (tokens, width, width), (tokens, width, inner),
        (tokens, inner, width),
    )  # fmt: skip


def forward_flops(lengths: Sequence[int], layers: int, width: int, inner: int) -> float:
    """What a transformer's layers multiply and add for sequences of these lengths, no padding."""
    weights = 4 * width * width + 2 * width * inner
    return float(sum(layers * (2 * weights * n + 4 * width * n * n) for n in lengths))
