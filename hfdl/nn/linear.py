"""The linear layer, Y = X W^T + b, by the faster of two libraries where torch has both.

On a CPU torch multiplies float32 matrices with MKL, where oneDNN may be faster: see
``hfdl/nn/cpu/onednn.py``.

Of few rows the time is that of reading the weight. MKL's product of matrices reads it nearly twice
as fast as its product of a matrix and a vector, which torch would call for one row; and oneDNN
reads columns half as fast again as rows, so that models that only answer have their weights laid
out by columns (``Linear.lay_by_columns``).

The gradient is that of any linear layer:

    dX = dY W,  dW = dY^T X,  db = sum of the rows of dY

Shapes: *N any axes, I inputs, O outputs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeGuard, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from hfdl.nn.cpu import onednn

SMALLEST, SMALLEST_BY_COLUMNS = 1 << 21, 1 << 19
"""Fewest multiplications for which oneDNN is called: its call takes some 12 microseconds more."""
WIDER = 16
"""From how many times as many outputs as inputs the gradient of a weight is computed transposed: it
is a head over a vocabulary, and the copy of its outputs' gradient would be large."""
ONE_ROW = 1 << 16
"""Fewest numbers of a weight that one row is multiplied by as a product of matrices; a smaller one
stays in a core's cache, from where a product with a vector is as fast."""

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


class Linear(nn.Linear):
    """``nn.Linear``, its products by the faster library. Weights and arguments are the same."""

    def forward(self, input: Float[Tensor, "*N I"]) -> Float[Tensor, "*N O"]:
        """Y = X W^T + b."""
        return linear(input, self.weight, self.bias)

    def lay_by_columns(self) -> None:
        """Lay the weight out by columns in memory: the same parameter, faster for few rows.

        ``train()`` lays it out by rows again, as optimizers want it.
        """
        if self.weight.is_contiguous():
            self.weight.data = self.weight.data.t().contiguous().t()

    def train(self, mode: bool = True) -> Linear:
        """As torch's; see ``lay_by_columns``."""
        if mode and not self.weight.is_contiguous():
            self.weight.data = self.weight.data.contiguous()
        return super().train(mode)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        cast(Any, super())._save_to_state_dict(destination, prefix, keep_vars)
        if not keep_vars and (name := f"{prefix}weight") in destination:
            destination[name] = destination[name].contiguous()  # safetensors takes nothing else


def linear(
    x: Float[Tensor, "*N I"], weight: Float[Tensor, "O I"], bias: Float[Tensor, "O"] | None = None
) -> Float[Tensor, "*N O"]:
    """``F.linear``, by oneDNN where that is faster, and equal to it to rounding.

    It can be differentiated as often as torch's.
    """
    if torch.compiler.is_compiling():  # before sizes are compared: they may be left open
        return F.linear(x, weight, bias)
    (outputs, inputs), numbers = weight.shape, x.numel()
    is_row = numbers == inputs and outputs * inputs >= ONE_ROW
    products = numbers * outputs
    if not ((is_row or products >= SMALLEST_BY_COLUMNS) and _may_choose(x, weight)):
        return F.linear(x, weight, bias)
    is_large = products >= (SMALLEST if weight.stride(-1) == 1 else SMALLEST_BY_COLUMNS)
    if torch.is_grad_enabled():
        return (cast(Any, _Linear).apply if is_large else F.linear)(x, weight, bias)
    if is_row and x.shape[-1] == inputs and weight.is_contiguous():
        return _one_row(x, weight, bias)
    return (onednn.product if is_large else F.linear)(x, weight, bias)


def is_plain_linear(module: nn.Module | None) -> TypeGuard[nn.Linear]:
    """Whether a layer is torch's linear layer or the one here, and no subclass."""
    return type(module) in (nn.Linear, Linear)


def is_bare(projection: nn.Module) -> bool:
    """Whether a layer's call is ``linear`` of its weights and nothing else.

    An adapter, a hook or another ``forward`` wants to be called itself; torch tells of hooks in
    private attributes alone.
    """
    return is_plain_linear(projection) and not is_watched(projection)


def is_watched(module: nn.Module) -> bool:
    """Whether a layer has hooks, or a ``forward`` of its own: its call must be made."""
    own = vars(module)
    return "forward" in own or any(map(own.get, _HOOKS))


def use_faster_linear(model: nn.Module) -> int:
    """Make every ``nn.Linear`` of a model a ``Linear``; its weights and hooks stay in place.

    Subclasses are left alone: their forward is their own.

    Returns:
        how many there were.
    """
    plain = [module for module in model.modules() if type(module) is nn.Linear]
    for module in plain:
        module.__class__ = Linear
    return len(plain)


def use_columns(model: nn.Module) -> int:
    """Lay the weights of a model's layers out by columns, where that is faster; no answer changes.

    It pays in models that read several tokens at a time. A weight that serves as an embedding too
    stays, as do layers that are not ``Linear``.

    Returns:
        how many were laid out.
    """
    if not onednn.is_faster():
        return 0
    every = [p for module in model.modules() for p in module.parameters(recurse=False)]
    uses = Counter(id(parameter) for parameter in every)
    chosen = [
        module for module in model.modules()
        if type(module) is Linear and uses[id(module.weight)] == 1
        and module.weight.dtype is torch.float32 and module.weight.device.type == "cpu"
    ]  # fmt: skip
    for module in chosen:
        module.lay_by_columns()
    return len(chosen)


def _may_choose(x: Float[Tensor, "*N I"], weight: Float[Tensor, "O I"]) -> bool:
    """Whether there is a choice between libraries."""
    return weight.dtype is torch.float32 and x.dim() > 1 and onednn.takes(x)


def _one_row(
    x: Float[Tensor, "*N I"], weight: Float[Tensor, "O I"], bias: Float[Tensor, "O"] | None
) -> Float[Tensor, "*N O"]:
    """X W^T + b of one row: both halves of W times X^T, as products of matrices.

    X^T is described as a column that is laid out by columns: described by rows, which is the same
    memory, MKL takes six times as long.
    """
    outputs, inputs = weight.shape
    if outputs % 2:
        last = F.linear(x, weight[-1:], None if bias is None else bias[-1:])  # (..., 1, 1)
        rest = _one_row(x, weight[:-1], None if bias is None else bias[:-1])
        return torch.cat([rest, last], dim=-1)
    halves = weight.view(2, outputs // 2, inputs)
    column = x.reshape(-1).contiguous().as_strided((2, inputs, 1), (0, 1, inputs))
    if bias is None:
        y = torch.bmm(halves, column)
    else:
        y = torch.baddbmm(bias.view(2, -1, 1), halves, column)
    return y.view(*x.shape[:-1], outputs)  # (2, O / 2, 1) -> (..., 1, O)


class _Linear(torch.autograd.Function):
    """The formulas above, each product by oneDNN."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Float[Tensor, "*N I"],
        weight: Float[Tensor, "O I"],
        bias: Float[Tensor, "O"] | None,
    ) -> Float[Tensor, "*N O"]:
        ctx.save_for_backward(
            x if ctx.needs_input_grad[1] else None, weight if ctx.needs_input_grad[0] else None
        )
        return onednn.product(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        # A gradient of a gradient is wanted where grad mode is on here: autograd knows those.
        product = F.linear if torch.is_grad_enabled() else onednn.product
        (of_y,) = grads
        rows = of_y.flatten(0, -2)  # (..., O) -> (N, O)
        of_x = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            of_x = product(of_y, weight.t())  # (..., O) (O, I) -> (..., I)
        if ctx.needs_input_grad[1]:
            of_weight = _of_weight(product, rows, x.flatten(0, -2))  # (O, I)
        if ctx.needs_input_grad[2]:
            of_bias = rows.sum(0)
        return of_x, of_weight, of_bias


Product = Callable[[Tensor, Tensor], Tensor]
"""(X, W) -> X W^T."""


def _of_weight(
    product: Product, rows: Float[Tensor, "N O"], x: Float[Tensor, "N I"]
) -> Float[Tensor, "O I"]:
    """dY^T X. The left factor of a product is copied where it is transposed: the small one is."""
    if rows.shape[1] >= WIDER * x.shape[1]:
        return product(x.t(), rows.t()).t()  # (I, N) (N, O) -> (I, O) -> (O, I)
    return product(rows.t(), x.t())  # (O, N) (N, I) -> (O, I)
