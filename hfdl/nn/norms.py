"""Layer normalisation and root-mean-square normalisation, as formulas and as modules.

Shapes: *B any axes of tokens, D width.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from hfdl.nn.lengths import check_width


def layer_norm(
    x: Float[Tensor, "*B D"],
    weight: Float[Tensor, "D"],
    bias: Float[Tensor, "D"] | None,
    eps: float,
) -> Float[Tensor, "*B D"]:
    """weight (x - mean) / sqrt(variance + eps) + bias, over the last dimension.

    The variance is the mean square deviation, divided by D and not by D - 1. Ba et al. 2016,
    section 3 (https://arxiv.org/abs/1607.06450).

    Args:
        x: half types are raised to float32 inside.
        weight, bias: the scale and the shift; no shift where it is None.
        eps: keeps the root away from zero; 1e-12 in BERT, 1e-5 in GPT-2.
    """
    inner = _at_least_float32(x)
    centred = inner - inner.mean(-1, keepdim=True)
    variance = centred.square().mean(-1, keepdim=True)
    out = weight * (centred * torch.rsqrt(variance + eps))
    return (out if bias is None else out + bias).to(x.dtype)


def rms_norm(
    x: Float[Tensor, "*B D"], weight: Float[Tensor, "D"], eps: float
) -> Float[Tensor, "*B D"]:
    """weight x / sqrt(mean(x^2) + eps), over the last dimension.

    Zhang and Sennrich 2019, equation 4 (https://arxiv.org/abs/1910.07467): nothing is centred and
    there is no bias.

    Args:
        x: half types are raised to float32 inside and cast back before the weight is
            multiplied, in Llama's order, so that half-precision models give its very numbers.
        weight: the scale.
        eps: keeps the root away from zero.
    """
    inner = _at_least_float32(x)
    inner = inner * torch.rsqrt(inner.square().mean(-1, keepdim=True) + eps)
    return weight * inner.to(x.dtype)


class LayerNorm(nn.Module):
    """``layer_norm`` by torch's fused kernel.

    Args:
        width: D.
        eps: as in ``layer_norm``.
        bias: whether a bias is added.
    """

    def __init__(self, width: int, eps: float = 1e-5, bias: bool = True) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if bias else None

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        """Normalise each token.

        Raises:
            ShapeError: the last dimension is not D.
        """
        check_width(x, self.weight.shape[0], "LayerNorm")
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Width and eps, for ``print(model)``."""
        return f"{len(self.weight)}, eps={self.eps}, bias={self.bias is not None}"


class RMSNorm(nn.Module):
    """``rms_norm`` with its weight.

    Args:
        width: D.
        eps: as in ``rms_norm``.
    """

    def __init__(self, width: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        """Normalise each token.

        Raises:
            ShapeError: the last dimension is not D.
        """
        check_width(x, self.weight.shape[0], "RMSNorm")
        return rms_norm(x, self.weight, self.eps)

    def extra_repr(self) -> str:
        """Width and eps, for ``print(model)``."""
        return f"{len(self.weight)}, eps={self.eps}"


def _at_least_float32(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """float16 and bfloat16 as float32, where a sum of squares neither overflows nor fades."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
