"""The feed-forward part of a block: each token by itself, through a wider layer and back.

Shapes: *B any axes of tokens, D width, F hidden width.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from hfdl.nn.activations import activation as activation_of
from hfdl.nn.dropout import Dropout
from hfdl.nn.lengths import check_width
from hfdl.nn.linear import Linear


class FeedForward(nn.Module):
    """activation(x W_up + b_up) W_down + b_down.

    Vaswani et al. 2017, section 3.3 (https://arxiv.org/abs/1706.03762), with ReLU there.

    Args:
        width: D.
        hidden: F, as a rule 4 D.
        activation: its Hugging Face name.
        dropout: probability of dropping a hidden number in training.
        bias: whether both projections have a bias.

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

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        """The formula, for each token.

        Raises:
            ShapeError: the last dimension is not D.
        """
        check_width(x, self.up_proj.in_features, "FeedForward")
        hidden = self.activation(self.up_proj(x))  # (..., F)
        return self.down_proj(self.dropout(hidden))

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

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        """The formula, for each token.

        Raises:
            ShapeError: the last dimension is not D.
        """
        check_width(x, self.up_proj.in_features, "GatedFeedForward")
        gate = self.activation(self.gate_proj(x))  # (..., F)
        return self.down_proj(self.dropout(gate * self.up_proj(x)))

    def extra_repr(self) -> str:
        """The gate's activation, for ``print(model)``."""
        return f"activation={self.activation_name!r}"
