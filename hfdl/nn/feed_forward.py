"""The feed-forward part of a block: each token by itself, through a wider layer and back.

Shapes: *B any axes of tokens, D width, F hidden width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hfdl.nn.activations import activation as activation_of
from hfdl.nn.dropout import Dropout
from hfdl.nn.lengths import check_width
from hfdl.nn.linear import Linear, is_bare, linear


class FeedForward(nn.Module):
    """activation(x W_up + b_up) W_down + b_down.

    Vaswani et al. 2017, section 3.3 (https://arxiv.org/abs/1706.03762), with ReLU there.

    Args:
        width: D.
        hidden: F, as a rule 4 D.
        activation: its Hugging Face name.
        dropout: probability of dropping a hidden number in training.
        bias: whether both projections have a bias.

    Attributes:
        chunk_size: how many tokens go through at a time where nothing is differentiated, so that
            their hidden numbers stay in a core's cache; 0: all. It changes no result.

    Raises:
        ConfigError: there is no such activation.
    """

    def __init__(
        self, width: int, hidden: int, activation: str, dropout: float = 0.0, bias: bool = True
    ) -> None:
        super().__init__()
        self.activation_name, self.activation = activation, activation_of(activation)
        self.up_proj = Linear(width, hidden, bias=bias)
        self.down_proj = Linear(hidden, width, bias=bias)
        self.dropout = Dropout(dropout)
        self.chunk_size = 0

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        """The formula, for each token.

        Raises:
            ShapeError: the last dimension is not D.
        """
        check_width(x, self.up_proj.in_features, "FeedForward")
        return _in_chunks(self._of_tokens, x, self.chunk_size)

    def _of_tokens(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        hidden = self.up_proj(x)  # (..., F)
        if not self.dropout.drops and _activates_again(hidden, self.down_proj):
            return _activated_linear(self.activation, self.down_proj, hidden)
        return self.down_proj(self.dropout(self.activation(hidden)))

    def extra_repr(self) -> str:
        """The activation, for ``print(model)``."""
        return f"activation={self.activation_name!r}"


class GatedFeedForward(nn.Module):
    """(activation(x W_gate) * (x W_up)) W_down: one projection opens and closes the other.

    Shazeer 2020, equations 5 and 6 (https://arxiv.org/abs/2002.05202); SwiGLU with ``silu``, as in
    Llama; GeGLU with ``gelu``, as in ModernBERT.

    Args:
        width: D.
        hidden: F; 8/3 D costs as much as an ungated layer with 4 D.
        activation: the gate's, by its Hugging Face name.
        bias: whether the three projections have a bias.
        dropout: probability of dropping a hidden number in training.

    Attributes:
        chunk_size: how many tokens go through at a time where nothing is differentiated, so that
            their hidden numbers stay in a core's cache; 0: all. It changes no result.

    Raises:
        ConfigError: there is no such activation.
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        activation: str = "silu",
        bias: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.activation_name, self.activation = activation, activation_of(activation)
        self.gate_proj = Linear(width, hidden, bias=bias)
        self.up_proj = Linear(width, hidden, bias=bias)
        self.down_proj = Linear(hidden, width, bias=bias)
        self.dropout = Dropout(dropout)
        self.chunk_size = 0

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        """The formula, for each token.

        Raises:
            ShapeError: the last dimension is not D.
        """
        check_width(x, self.up_proj.in_features, "GatedFeedForward")
        return _in_chunks(self._of_tokens, x, self.chunk_size)

    def _of_tokens(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        gate, up = self.gate_proj(x), self.up_proj(x)  # (..., F)
        if not self.dropout.drops and _activates_again(gate, self.down_proj):
            return _activated_linear(self._gated, self.down_proj, gate, up)
        return self.down_proj(self.dropout(self._gated(gate, up)))

    def _gated(
        self, gate: Float[Tensor, "*B F"], up: Float[Tensor, "*B F"]
    ) -> Float[Tensor, "*B F"]:
        return self.activation(gate) * up

    def extra_repr(self) -> str:
        """The gate's activation, for ``print(model)``."""
        return f"activation={self.activation_name!r}"


OfTokens = Callable[[Float[Tensor, "*B D"]], Float[Tensor, "*B D"]]


def _in_chunks(function: OfTokens, x: Float[Tensor, "*B D"], size: int) -> Float[Tensor, "*B D"]:
    """``function`` of the tokens, so many at a time."""
    if not size or torch.is_grad_enabled() or torch.compiler.is_compiling():
        return function(x)
    chunks = torch.split(x.flatten(0, -2), size)  # (..., D) -> (n, D) and fewer
    return torch.cat([function(chunk) for chunk in chunks]).view(x.shape)


# ---- The activation computed again in the backward pass, in the place of keeping what it gave ----

HELD = 1 << 24
"""Most bytes that an activation's output holds until the backward pass."""


Hidden = Callable[..., Tensor]
"""From what one or two projections gave to the hidden numbers, (..., F)."""


def _activates_again(hidden: Float[Tensor, "*B F"], layer: nn.Linear) -> bool:
    """Whether that spares memory, and nothing else wants to see the output or the layer's call."""
    return (
        hidden.requires_grad
        and torch.is_grad_enabled()
        and hidden.numel() * hidden.element_size() > HELD
        and type(hidden) is Tensor
        and hidden.device.type == "cpu"
        and is_bare(layer)
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and not torch._C._are_functorch_transforms_active()  # pyright: ignore[reportPrivateUsage]
    )


def _activated_linear(
    function: Hidden, layer: nn.Linear, *parts: Float[Tensor, "*B F"]
) -> Float[Tensor, "*B D"]:
    """``layer(function(*parts))``, with the parts alone kept for the backward pass."""
    return cast(Any, _ActivatedLinear).apply(function, layer.weight, layer.bias, *parts)


class _ActivatedLinear(torch.autograd.Function):
    """Y = H W^T + b, H = f(parts): dW = dY^T H and dH = dY W as of any linear layer."""

    @staticmethod
    def forward(
        ctx: Any,
        function: Hidden,
        weight: Float[Tensor, "D F"],
        bias: Float[Tensor, "D"] | None,
        *parts: Float[Tensor, "*B F"],
    ) -> Float[Tensor, "*B D"]:
        ctx.function = function
        ctx.save_for_backward(weight, *parts)
        return linear(function(*parts), weight, bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        weight, *parts = ctx.saved_tensors
        again = torch.is_grad_enabled()  # a gradient of a gradient is wanted
        needed = ctx.needs_input_grad
        if not again:
            parts = [x.detach().requires_grad_(n) for x, n in zip(parts, needed[3:], strict=True)]
        with torch.enable_grad():
            hidden = ctx.function(*parts)  # (..., F)
        kept = hidden if again else hidden.detach()
        (of_y,) = grads
        rows = of_y.flatten(0, -2)  # (..., D) -> (N, D)
        of_weight = linear(rows.t(), kept.flatten(0, -2).t()) if needed[1] else None
        of_bias = rows.sum(0) if needed[2] else None
        sought = [x for x in parts if x.requires_grad]
        found: list[Tensor] = []
        if sought:
            of_hidden = linear(of_y, weight.t())  # (..., D) (D, F) -> (..., F)
            found = list(torch.autograd.grad(hidden, sought, of_hidden, create_graph=again))
        of_parts = [found.pop(0) if x.requires_grad else None for x in parts]
        return None, of_weight, of_bias, *of_parts
