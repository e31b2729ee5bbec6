"""A linear layer whose product is of 8-bit integers.

    y = s_x (q_x q_w^T) s_w + b,    q = round(v / s),    s = max |v| / 127

Each output channel of the weight has a scale, found once, and each token one of its own, found when
it is there (dynamic quantisation; Dettmers et al. 2022, https://arxiv.org/abs/2208.07339, section
2, "vector-wise"). So a token's answer does not depend on what it is batched with.

Shapes: N tokens, D inputs, O outputs.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

LARGEST = 127
"""-128 is left out, so that a number and its negative are equally far from their integers."""
ROWS = 256
"""Tokens of one product: what lies between its steps then stays in a core's cache."""


class Int8Linear(nn.Module):
    """``nn.Linear`` for inference, its weight in int8.

    Args:
        linear: the layer that it stands for; its bias is shared, its weight is not kept.

    Attributes:
        quantised: (O, D) of int8.
        scale: (O,) of float32.
    """

    quantised: Tensor
    scale: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        quantised, scale = quantised_rows(linear.weight.detach().float())
        self.register_buffer("quantised", quantised)
        self.register_buffer("scale", scale[:, 0])
        self.bias = linear.bias
        self.eval()

    @property
    def weight(self) -> Tensor:
        """(O, D) in float32, rounded as it is: for who reads the weight of a layer."""
        return self.quantised.float() * self.scale[:, None]

    def forward(self, x: Tensor) -> Tensor:
        """The layer's answer, of the type of ``x``: (..., D) -> (..., O)."""
        return self.together(x)[0]

    def together(self, x: Tensor, *others: Int8Linear) -> list[Tensor]:
        """The answers of this layer and of others to one input, which is quantised once."""
        layers = (self, *others)
        flat = x.reshape(-1, self.in_features).float()  # (..., D) -> (N, D)
        outs = int8_products(flat, layers)  # each (N, O)
        return [
            out.view(*x.shape[:-1], layer.out_features).to(x.dtype)
            for out, layer in zip(outs, layers, strict=True)
        ]

    def extra_repr(self) -> str:
        """The sizes, as ``nn.Linear`` shows them."""
        return f"in_features={self.in_features}, out_features={self.out_features}"


def quantised_rows(values: Tensor) -> tuple[Tensor, Tensor]:
    """Rows as integers of 8 bits, and the scale of each.

    Args:
        values: (N, D), of float32.

    Returns:
        (N, D) of int8, and (N, 1) of float32: their product is close to ``values``. A row that is
        not finite has a scale that is not.
    """
    # Two passes that write nothing are faster than one over a tensor of absolute values.
    largest = values.amax(-1, keepdim=True)
    torch.maximum(largest, values.amin(-1, keepdim=True).neg_(), out=largest)
    # A row of zeros has a scale, too: dividing by 0 would make it NaN.
    scale = largest.clamp_(min=torch.finfo(torch.float32).tiny * 256).div_(LARGEST)
    return values.mul(scale.reciprocal()).round_().to(torch.int8), scale


def int8_products(x: Tensor, layers: Sequence[Int8Linear]) -> list[Tensor]:
    """``x`` times the weights of layers, each row of ``x`` quantised by itself.

    Args:
        x: (N, D), of float32.
        layers: each with a quantised weight (O, D), its scale (O,) and a bias (O,) or None.

    Returns:
        (N, O) of each, of float32.
    """
    outs = [x.new_empty(len(x), layer.out_features) for layer in layers]
    for start in range(0, len(x), ROWS):
        rows = slice(start, start + ROWS)
        integers, scale_of_rows = quantised_rows(x[rows])
        for layer, out in zip(layers, outs, strict=True):
            _product(integers, scale_of_rows, layer, out[rows])
    return outs


def _product(integers: Tensor, scale_of_rows: Tensor, layer: Int8Linear, out: Tensor) -> None:
    """The formula at the top, of rows (n, D) of int8 and their scales (n, 1), into (n, O)."""
    product = torch._int_mm(integers, layer.quantised.t())  # pyright: ignore[reportPrivateImportUsage]
    torch.mul(product, layer.scale, out=out)
    if layer.bias is None:  # pyright: ignore[reportUnnecessaryComparison]
        out.mul_(scale_of_rows)
    else:
        torch.addcmul(layer.bias.float(), out, scale_of_rows, out=out)


@functools.cache
def multiplies_exactly() -> bool:
    """Whether torch's product of 8-bit integers is there, and exact on this CPU.

    Where a CPU adds products in 16 bits, sums of the largest integers saturate.
    """
    if not hasattr(torch, "_int_mm"):
        return False
    largest = torch.full((33, 128), LARGEST, dtype=torch.int8)
    try:
        products = [
            torch._int_mm(largest * sign, largest.t())  # pyright: ignore[reportPrivateImportUsage]
            for sign in (1, -1)
        ]
    except RuntimeError:  # built without it
        return False
    right = 128 * LARGEST**2
    return bool((products[0] == right).all() and (products[1] == -right).all())
