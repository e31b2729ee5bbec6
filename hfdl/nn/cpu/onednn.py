"""oneDNN's product of float32 matrices, on machines where it is faster than MKL's.

On a CPU torch multiplies float32 matrices with Intel's MKL, which uses half the width of the vector
units of AMD's processors with AVX-512. oneDNN, which is a part of torch too and multiplies its
bfloat16 matrices, uses the whole width. Both sum in float32, in different orders.

Shapes: *N any axes, I inputs, O outputs.
"""

from __future__ import annotations

import functools
import os

import torch
from jaxtyping import Float
from torch import Tensor

KERNELS = 64
"""Most products that oneDNN, and torch beside it, keep the machine code of."""


@functools.cache
def is_faster() -> bool:
    """Whether this is a machine on which oneDNN multiplies float32 matrices faster than MKL."""
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    facts = torch.cpu.get_capabilities()
    is_amd = "AMD" in str(facts.get("cpu_name", ""))
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
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
