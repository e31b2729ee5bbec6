"""oneDNN's products of float32 matrices, on machines where they are faster than MKL's.

On a CPU torch multiplies float32 matrices with Intel's MKL, which uses half the width of the vector
units of AMD's processors with AVX-512. oneDNN, which is a part of torch too and multiplies its
bfloat16 matrices, uses the whole width. Both sum in float32, in different orders.

Shapes: *N any axes, I inputs, O outputs.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Generator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

KERNELS = 64
"""Most products that oneDNN, and torch beside it, keep the machine code of."""

_matmul: Any = getattr(torch.backends.mkldnn, "matmul", None)


@functools.cache
def is_faster() -> bool:
    """Whether this is a machine on which oneDNN multiplies float32 matrices faster than MKL.

    A torch that does not name the machine's CPU (2.10) multiplies with MKL.
    """
    facts_of_cpu = getattr(torch.cpu, "get_capabilities", None)
    if facts_of_cpu is None or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    is_amd = "AMD" in str(facts_of_cpu().get("cpu_name", ""))
    if not (is_amd and torch.backends.cpu.get_cpu_capability() == "AVX512"):
        return False
    _keep_few_kernels()
    return True


def _keep_few_kernels() -> None:
    """Bound what oneDNN keeps, before its first product; what the user has set stays.

    It writes machine code for each shape, several hundred KB, and it and torch keep 1,024 of them
    each. Without padding nearly every batch has another number of rows: a model of one layer came
    to 700 MB more after 200,000 texts. An update has few shapes, so keeping fewer costs no time.
    """
    for name in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
        os.environ.setdefault(name, str(KERNELS))


def takes(x: Float[Tensor, "*shape"]) -> bool:
    """Whether oneDNN is to multiply a tensor; never where something else wants to see the call."""
    return (
        x.dtype is torch.float32
        and type(x) is Tensor
        and x.device.type == "cpu"
        and is_faster()
        and torch.backends.mkldnn.enabled
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and not torch._C._are_functorch_transforms_active()  # pyright: ignore[reportPrivateUsage]
    )


def product(
    x: Float[Tensor, "*N I"], weight: Float[Tensor, "O I"], bias: Float[Tensor, "O"] | None = None
) -> Float[Tensor, "*N O"]:
    """X W^T + b, without a gradient; torch.compile calls the same kernel."""
    if not (weight.is_contiguous() or weight.t().is_contiguous()):
        weight = weight.contiguous()  # with gaps between its rows it takes a hundred times as long
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


@contextlib.contextmanager
def batched_products(wanted: bool = True) -> Generator[None]:
    """A block in which oneDNN multiplies batches of float32 matrices (``torch.bmm``), too.

    torch asks oneDNN for them where it may round their factors to bfloat16. oneDNN does that where
    the processor has matrix units for it (AMX), and multiplies in float32 elsewhere: see
    ``is_exact_in_batches``. The permission is the process's: a thread that multiplies meanwhile
    may get oneDNN's product as well.

    Args:
        wanted: False leaves everything as it is.
    """
    if not (wanted and is_exact_in_batches()):
        yield
        return
    before = _matmul.fp32_precision
    _matmul.fp32_precision = "bf16"
    try:
        yield
    finally:
        _matmul.fp32_precision = before


@functools.cache
def is_exact_in_batches() -> bool:
    """Whether batches may be multiplied by oneDNN here, and are not rounded by it."""
    if not hasattr(_matmul, "fp32_precision"):
        return False
    # 1 + 2^-12 needs 12 bits behind the point: bfloat16 keeps 7, TF32 10.
    x = torch.full((12, 64, 64), 1 + 2.0**-12)
    before = _matmul.fp32_precision
    _matmul.fp32_precision = "bf16"
    try:
        found = torch.bmm(x, torch.ones_like(x))
    finally:
        _matmul.fp32_precision = before
    return bool((found == 64 * (1 + 2.0**-12)).all())
