"""Which words of a batch are real, given by a mask or by lengths.

Shapes: B batch, T words, D width.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn

from hfdl.errors import ShapeError
from hfdl.nn.masks import padding_mask


def real_steps(
    x: Float[Tensor, "B T D"], mask: Shaped[Tensor, "B T"] | None
) -> Bool[Tensor, "B T"]:
    """The mask as booleans, True at real words.

    Raises:
        ShapeError: x is not (B, T, D), or the mask not (B, T).
    """
    if x.dim() != 3:
        raise ShapeError(f"a text of shape {tuple(x.shape)}", rule="words are given as (B, T, D)")
    if mask is None:
        return torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
    real = padding_mask(mask)[:, 0, 0]  # (B, T) -> (B, 1, 1, T) -> (B, T)
    if real.shape != x.shape[:2]:
        raise ShapeError(
            f"a mask of shape {tuple(mask.shape)} for words of shape {tuple(x.shape)}",
            rule="the mask has one number for each word, (B, T)",
        )
    return real


def length_mask(lengths: Int[Tensor, "B"], width: int) -> Bool[Tensor, "B width"]:
    """The mask of texts that begin at the left edge.

    Raises:
        ShapeError: the lengths are not (B,), or one is no length of a text of that width.
    """
    if lengths.dim() != 1:
        raise ShapeError(
            f"lengths of shape {tuple(lengths.shape)}", rule="each text has one length, (B,)"
        )
    strange = lengths[(lengths < 0) | (lengths > width)]
    if strange.numel():
        raise ShapeError(
            f"a length of {strange[0].item()} in a batch of width {width}",
            rule=f"a text has 0 to {width} words here",
        )
    return torch.arange(width, device=lengths.device) < lengths[:, None]


# ---- The one check of widths that layers share ---------------------------------------------------


def check_width(x: Float[Tensor, "..."], width: int, layer: str) -> None:
    """Refuse an input whose last dimension is not what a layer was built for.

    torch would multiply a width of 1 into any other without a word, and name neither the layer nor
    the rule for the rest.

    Args:
        x: the input.
        width: what the layer expects.
        layer: what it is called in the message.

    Raises:
        ShapeError: the last dimension differs.
    """
    if x.dim() == 0 or x.shape[-1] != width:
        raise ShapeError(
            f"{layer} of width {width} was given a tensor of shape {tuple(x.shape)}",
            rule=f"the last dimension must be {width}",
        )


# ---- Eval mode for a while -----------------------------------------------------------------------


@contextmanager
def evaluating(model: nn.Module) -> Generator[None]:
    """Eval mode; afterwards every module is in the mode that it was in."""
    training = _training_parts(model)
    if training:  # eval() costs as much as a tenth of a small model's forward pass
        model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def _training_parts(model: nn.Module) -> list[nn.Module]:
    """The modules in training mode; ``modules()``, which makes names, takes thrice as long."""
    found: list[nn.Module] = []
    seen: set[int] = set()  # of ids: a module's own hash is computed in Python
    left = [model]
    while left:
        module = left.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        inner = module._modules.values()  # pyright: ignore[reportPrivateUsage]
        left.extend(child for child in inner if child is not None)
        if module.training:
            found.append(module)
    return found
