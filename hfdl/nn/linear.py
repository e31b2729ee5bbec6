"""The linear layer, Y = X W^T + b, by the faster of two libraries where torch has both.

On a CPU torch multiplies float32 matrices with Intel's MKL, which uses half the width of the vector
units of AMD's processors with AVX-512. oneDNN, which is a part of torch too and multiplies its
bfloat16 matrices, uses the whole width. Both sum in float32, in different orders.

The gradient is that of any linear layer:

    dX = dY W,  dW = dY^T X,  db = sum of the rows of dY

Shapes: *N any axes, I inputs, O outputs; of queries, keys and values *B batch (none where sequences
are packed), T tokens, D width, H heads, G key-value heads, K head width.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol, TypeGuard, cast, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

SMALLEST = 1 << 21
"""Fewest multiplications for which oneDNN is called: its call takes some 12 microseconds more."""

WIDER = 16
"""From how many times as many outputs as inputs the gradient of a weight is computed transposed: it
is a head over a vocabulary, and the copy of its outputs' gradient would be large."""


class Linear(nn.Linear):
    """``nn.Linear``, its products by the faster library. Weights and arguments are the same."""

    def forward(self, input: Float[Tensor, "*N I"]) -> Float[Tensor, "*N O"]:
        """Y = X W^T + b."""
        return linear(input, self.weight, self.bias)


def linear(
    x: Float[Tensor, "*N I"], weight: Float[Tensor, "O I"], bias: Float[Tensor, "O"] | None = None
) -> Float[Tensor, "*N O"]:
    """``F.linear``, by oneDNN where that is faster, and equal to it to rounding.

    It can be differentiated as often as torch's.
    """
    if not _is_faster(x, weight):
        return F.linear(x, weight, bias)
    if torch.is_grad_enabled():
        return cast(Any, _Linear).apply(x, weight, bias)
    return _onednn(x, weight, bias)


def is_plain_linear(module: nn.Module | None) -> TypeGuard[nn.Linear]:
    """Whether a layer is torch's linear layer or the one here, and no subclass."""
    return type(module) in (nn.Linear, Linear)


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


@functools.cache
def onednn_is_faster() -> bool:
    """Whether this is a machine on which oneDNN multiplies float32 matrices faster than MKL."""
    if not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return False
    facts = torch.cpu.get_capabilities()
    is_amd = "AMD" in str(facts.get("cpu_name", ""))
    return is_amd and torch.backends.cpu.get_cpu_capability() == "AVX512"


def _is_faster(x: Float[Tensor, "*N I"], weight: Float[Tensor, "O I"]) -> bool:
    """Whether oneDNN is to be called; never where something else wants to see the call."""
    return (
        x.dtype is torch.float32
        and weight.dtype is torch.float32
        and x.numel() * len(weight) >= SMALLEST
        and x.dim() > 1
        and type(x) is Tensor
        and x.device.type == "cpu"
        and onednn_is_faster()
        and torch.backends.mkldnn.enabled
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and not torch._C._are_functorch_transforms_active()  # pyright: ignore[reportPrivateUsage]
    )


def _onednn(
    x: Float[Tensor, "*N I"], weight: Float[Tensor, "O I"], bias: Float[Tensor, "O"] | None = None
) -> Float[Tensor, "*N O"]:
    """X W^T + b; torch.compile calls the same kernel."""
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


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
        return _onednn(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        # A gradient of a gradient is wanted where grad mode is on here: autograd knows those.
        product = F.linear if torch.is_grad_enabled() else _onednn
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


# ---- Queries, keys and values of self-attention by one product, where that is faster than three --
#     [Q  K  V] = X [W_Q  W_K  W_V]
# ``MultiHeadAttention`` asks here first. Joining copies the three weights in each call, so that
# names and saved files stay as they are; narrow layers in training on a CPU earn the copy back
# where MKL multiplies, or autocast is on.

NARROW = 512
"""Widest input for which weights are joined."""

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


@runtime_checkable
class Projections(Protocol):
    """What is asked of a layer; ``MultiHeadAttention`` is one.

    Attributes:
        q_proj, k_proj, v_proj: the projections, from D to H K, G K and G K.
        num_heads: H.
        num_kv_heads: G.
        head_size: K.
    """

    q_proj: Linear
    k_proj: Linear
    v_proj: Linear
    num_heads: int
    num_kv_heads: int
    head_size: int


def joined_qkv(
    layer: Projections, x: Float[Tensor, "*B T D"]
) -> tuple[Float[Tensor, "*B T H K"], Float[Tensor, "*B T G K"], Float[Tensor, "*B T G K"]] | None:
    """Queries, keys and values of one input by one product.

    None where three products are faster, or where a projection must be called itself.
    """
    if not _pays(layer, x):
        return None
    projections = layer.q_proj, layer.k_proj, layer.v_proj
    heads = [layer.num_heads, layer.num_kv_heads, layer.num_kv_heads]
    weight = torch.cat([p.weight for p in projections])  # ((H + 2 G) K, D)
    biased = layer.q_proj.bias is not None  # pyright: ignore[reportUnnecessaryComparison]
    bias = torch.cat([p.bias for p in projections]) if biased else None
    joined = linear(x, weight, bias)  # (..., T, (H + 2 G) K)
    joined = joined.view(*x.shape[:-1], sum(heads), layer.head_size)  # -> (..., T, H + 2 G, K)
    q, k, v = torch.split(joined, heads, dim=-2)  # -> (..., T, H, K) and twice (..., T, G, K)
    return q, k, v


def _pays(layer: Projections, x: Float[Tensor, "*B T D"]) -> bool:
    """Whether one product is faster, and gives what the three would."""
    return (
        x.device.type == "cpu"
        and x.requires_grad
        and layer.q_proj.in_features <= NARROW
        and torch.is_grad_enabled()
        and not _multiplied_by_onednn(x)
        and all(is_bare(p) for p in (layer.q_proj, layer.k_proj, layer.v_proj))
    )


def _multiplied_by_onednn(x: Float[Tensor, "*B T D"]) -> bool:
    return x.dtype is torch.float32 and onednn_is_faster() and not torch.is_autocast_enabled("cpu")


def is_bare(projection: nn.Module) -> bool:
    """Whether a layer's call is ``linear`` of its weights and nothing else.

    An adapter, a hook or another ``forward`` wants to be called itself; torch tells of hooks in
    private attributes alone.
    """
    own = vars(projection)
    return is_plain_linear(projection) and "forward" not in own and not any(map(own.get, _HOOKS))
