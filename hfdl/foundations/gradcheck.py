"""Checks hand-written gradients against central differences.

    df/dx_i  is close to  (f(x + eps e_i) - f(x - eps e_i)) / (2 eps)

The error of the formula shrinks as eps^2, that of the subtraction grows as 1 / eps; in float64
1e-6 makes both about 1e-10. In float32 no eps is good, so float32 is refused.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from hfdl.errors import DataError
from hfdl.foundations.layer import Floats, Layer


def central_differences(f: Callable[[Floats], Any], x: Floats, eps: float = 1e-6) -> Floats:
    """The gradient of a scalar function, number by number.

    Args:
        f: from x to one number. It is called with ``x`` itself, changed in place, so it may also
            ignore its argument and read the array from where it lives (a parameter's value).
        x: float64, any shape; as before when this returns or raises.
        eps: half the distance between the two points.

    Returns:
        float64, the shape of x.

    Raises:
        DataError: x is not float64.
    """
    _require_float64(x, "x")
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        kept = x[index]
        try:
            x[index] = above = kept + eps
            higher = float(f(x))
            x[index] = below = kept - eps
            lower = float(f(x))
        finally:
            x[index] = kept
        # Not 2 eps: what the rounded points are really apart.
        gradient[index] = (higher - lower) / (above - below)
    return gradient


def check_layer(
    layer: Layer, X: Any, *, train: bool = False, seed: int = 0, **more: Any
) -> dict[str, float]:
    """How far a layer's backward pass is from the differences of its forward pass.

    The scalar is sum(Y * dY) with a random dY, whose gradient by Y is dY. Every pass runs on a
    copy of the layer: a dropout mask is drawn the same each time, running statistics do not move,
    and the layer is untouched. Gradients begin at one, not at zero, so that a backward pass which
    overwrites where it should add is found out.

    Args:
        layer: with float64 parameters.
        X: its input, float64, or whole numbers (an embedding's), which have no gradient.
        train: passed to ``forward``.
        seed: of dY.
        more: further arguments of ``forward``, such as lengths or a mask.

    Returns:
        the largest absolute error of each gradient: under "X" (absent for whole numbers) and
        under the name of each parameter.

    Raises:
        DataError: a parameter, the input or the output is float32.
    """

    def forward(of: Layer) -> tuple[Floats, Callable[[Floats], Floats]]:
        return of.forward(X, train=train, **more)

    probe = copy.deepcopy(layer)
    Y, backprop = forward(probe)
    _require_float64(Y, "the output")
    dY = np.random.default_rng(seed).standard_normal(Y.shape)
    for parameter in probe.parameters():
        parameter.grad[...] = 1.0
    dX = backprop(dY)

    def scalar(_: Floats) -> float:
        return float(np.sum(forward(copy.deepcopy(layer))[0] * dY))

    errors: dict[str, float] = {}
    if np.issubdtype(np.asarray(X).dtype, np.floating):
        errors["X"] = _largest(dX - central_differences(scalar, X))
    analytic = dict(probe.named_parameters())
    for name, parameter in layer.named_parameters():
        numeric = central_differences(scalar, parameter.value)
        errors[name] = _largest(analytic[name].grad - 1.0 - numeric)
    return errors


def _largest(difference: Floats) -> float:
    # NaN would slip through a comparison with a bound; infinity does not.
    return float(np.max(np.nan_to_num(np.abs(difference), nan=np.inf), initial=0.0))


def _require_float64(x: Floats, name: str) -> None:
    if x.dtype != np.float64:
        raise DataError(
            f"{name} is {x.dtype}",
            rule="differences of 1e-6 are lost in anything coarser than float64",
            remedy="use .astype(np.float64)",
        )
