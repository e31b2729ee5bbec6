"""The one check of widths that layers share."""

from __future__ import annotations

from torch import Tensor

from hfdl.errors import ShapeError


def check_width(x: Tensor, width: int, layer: str) -> None:
    """Refuse an input whose last dimension is not what a layer was built for.

    torch would multiply a width of 1 into any other without a word, and name neither the layer nor
    the rule for the rest.

    Args:
        x: (..., D).
        width: the D that the layer expects.
        layer: what it is called in the message.

    Raises:
        ShapeError: D differs.
    """
    if x.dim() == 0 or x.shape[-1] != width:
        raise ShapeError(
            f"{layer} of width {width} was given a tensor of shape {tuple(x.shape)}",
            rule=f"the last dimension must be {width}",
        )
