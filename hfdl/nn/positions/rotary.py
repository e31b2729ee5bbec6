"""Rotary positions (Su et al. 2021, section 3.2.2, https://arxiv.org/abs/2104.09864).

Columns of a query or key are taken in pairs, and pair i of the token at position p is turned by the
angle p f_i, with f_i = base^(-2i / K):

    (a, b) -> (a cos - b sin, b cos + a sin)

The score of a turned query and a turned key then depends on their distance alone. The paper pairs
neighbours, (0, 1), (2, 3), ...: ``rotate_interleaved``. Llama and all that follow it pair the two
halves, (0, K/2), (1, K/2 + 1), ...: ``rotate``. They differ by a permutation of columns, so weights
made for one are wrong under the other.

Shapes: *B batch (none where sequences are packed), T tokens, H heads, K head width, P = K / 2
pairs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hfdl.errors import ConfigError, ShapeError

Scaling = Callable[[Float[Tensor, "P"]], Float[Tensor, "P"]]
"""Changes the frequencies of a model for texts longer than those it was trained on."""

Rotation = tuple[Float[Tensor, "*#B T K"], Float[Tensor, "*#B T K"]]
"""Cosines and sines of the angles of each token."""


@dataclass(frozen=True)
class LinearScaling:
    """All frequencies divided by a factor, as if positions stood closer together.

    Chen et al. 2023 (https://arxiv.org/abs/2306.15595).

    Args:
        factor: how many times longer texts may be.
    """

    factor: float

    def __call__(self, frequencies: Float[Tensor, "P"]) -> Float[Tensor, "P"]:
        return frequencies / self.factor


@dataclass(frozen=True)
class Llama3Scaling:
    """Llama 3.1's: only the slow frequencies are divided, with a smooth passage between.

    With wavelength w = 2 pi / f and L the length of training, a frequency that turns more than
    ``high_freq_factor`` times in L stays, one that turns less than ``low_freq_factor`` times is
    divided, and between them the two are mixed in proportion to L / w. Grattafiori et al. 2024
    (https://arxiv.org/abs/2407.21783) and the configuration of the model.

    Args:
        factor: what slow frequencies are divided by.
        low_freq_factor, high_freq_factor: the two turns between which the passage lies.
        original_max_position_embeddings: L.

    Raises:
        ConfigError: ``low_freq_factor`` is not the smaller one.
    """

    factor: float
    low_freq_factor: float
    high_freq_factor: float
    original_max_position_embeddings: int

    def __post_init__(self) -> None:
        if not self.low_freq_factor < self.high_freq_factor:
            raise ConfigError(
                f"low_freq_factor {self.low_freq_factor} and high_freq_factor "
                f"{self.high_freq_factor}",
                rule="low_freq_factor must be the smaller one",
            )

    def __call__(self, frequencies: Float[Tensor, "P"]) -> Float[Tensor, "P"]:
        wavelengths = 2 * math.pi / frequencies
        turns = self.original_max_position_embeddings / wavelengths
        share = (turns - self.low_freq_factor) / (self.high_freq_factor - self.low_freq_factor)
        share = share.clamp(0.0, 1.0)  # of the frequency as it was
        return (1 - share) * frequencies / self.factor + share * frequencies


def rotary_frequencies(
    head_size: int,
    base: float = 10000.0,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | None = None,
) -> Float[Tensor, "P"]:
    """f_i = base^(-2i / K), from 1 downwards.

    Raises:
        ShapeError: K is odd.
    """
    if head_size % 2:
        raise ShapeError(
            f"a head of width {head_size}", rule="rotary positions pair columns: the width is even"
        )
    even = torch.arange(0, head_size, 2, dtype=dtype, device=device)  # 2i
    return 1.0 / base ** (even / head_size)


class Rotary(nn.Module):
    """Cosines and sines of the angles, once for all layers of a forward pass.

    Nothing is stored: frequencies kept in a buffer would be rounded by ``model.half()`` and be lost
    where a model is built on the meta device.

    Args:
        head_size: K.
        base: ``rope_theta`` of a configuration.
        scaling: applied to the frequencies, or None.
        dtype: in which frequencies and angles are computed. float32 is what transformers takes,
            whatever the model's type is, so only that gives its numbers; float64 gives the
            formula's.

    Raises:
        ShapeError: K is odd.
    """

    def __init__(
        self,
        head_size: int,
        base: float = 10000.0,
        scaling: Scaling | None = None,
        *,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        rotary_frequencies(head_size)  # refuses an odd width here and not in the first forward
        self.head_size, self.base, self.scaling, self.dtype = head_size, base, scaling, dtype

    def frequencies(self, device: torch.device | None = None) -> Float[Tensor, "P"]:
        """The scaled frequencies."""
        plain = rotary_frequencies(self.head_size, self.base, dtype=self.dtype, device=device)
        return plain if self.scaling is None else self.scaling(plain)

    @torch.no_grad()
    def forward(self, positions: Int[Tensor, "*B T"]) -> Rotation:
        """Cosines and sines for ``rotate`` or ``rotate_interleaved``, which cast them to x's type.

        Args:
            positions: (T,), (B, T), or (N,) of a packed batch.

        Returns:
            both tables; the second half of the columns repeats the first.
        """
        angles = positions[..., None].to(self.dtype) * self.frequencies(positions.device)
        angles = torch.cat([angles, angles], dim=-1)  # (..., T, K / 2) -> (..., T, K)
        return angles.cos(), angles.sin()

    def extra_repr(self) -> str:
        """Width, base and scaling, for ``print(model)``."""
        return f"{self.head_size}, base={self.base:g}, scaling={self.scaling}"


def rotate(
    x: Float[Tensor, "*B T H K"], cos: Float[Tensor, "*#B T K"], sin: Float[Tensor, "*#B T K"]
) -> Float[Tensor, "*B T H K"]:
    """Turn pairs of columns (i, K/2 + i), as Llama.

    Args:
        x: queries or keys.
        cos, sin: of ``Rotary``.

    Raises:
        ShapeError: the table has another width than x.
    """
    cos, sin = _for_heads(x, cos), _for_heads(x, sin)
    a, b = x.chunk(2, dim=-1)  # (..., T, H, K / 2) each
    return x * cos + torch.cat([-b, a], dim=-1) * sin


def rotate_interleaved(
    x: Float[Tensor, "*B T H K"], cos: Float[Tensor, "*#B T K"], sin: Float[Tensor, "*#B T K"]
) -> Float[Tensor, "*B T H K"]:
    """Turn pairs of columns (2i, 2i + 1), as the paper; everything else as ``rotate``."""
    half = x.shape[-1] // 2
    # Neighbours share an angle, where the table has it half a width apart.
    cos = _for_heads(x, cos)[..., :half].repeat_interleave(2, dim=-1)
    sin = _for_heads(x, sin)[..., :half].repeat_interleave(2, dim=-1)
    turned = torch.stack([-x[..., 1::2], x[..., 0::2]], dim=-1)  # (..., T, H, K / 2, 2)
    return x * cos + turned.flatten(-2) * sin


def _for_heads(
    x: Float[Tensor, "*B T H K"], table: Float[Tensor, "*#B T K"]
) -> Float[Tensor, "*#B T 1 K"]:
    """The table in the type of x, the same for all heads."""
    if table.shape[-1] != x.shape[-1] or table.shape[-2] != x.shape[-3]:
        raise ShapeError(
            f"a table of shape {tuple(table.shape)} for heads of shape {tuple(x.shape)}",
            rule="rotary tables (..., T, K) turn queries and keys (..., T, H, K)",
        )
    return table.to(x.dtype).unsqueeze(-2)
