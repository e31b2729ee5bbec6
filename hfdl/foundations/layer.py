"""Base class of all layers: a forward pass that returns its own backward pass.

    Y, backprop = layer.forward(X)      # the output, and the backward pass from it
    dX = backprop(dY)                   # adds to each parameter's grad, gives the input's gradient

``backprop`` is a function inside ``forward``, right under the code that it differentiates, and
remembers what it needs of the forward pass. A gradient is written dX: the derivative of the loss,
a single number, by X, of the shape of X.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Booleans = NDArray[np.bool_]

Backprop = Callable[[Floats], Floats]
"""From the gradient of an output to the gradient of the input."""


class Parameter:
    """Numbers that are learned, and their gradient, which backward passes add to.

    Args:
        value: of any shape; it is changed in place by optimisers.
    """

    def __init__(self, value: Floats) -> None:
        self.value = value
        self.grad: Floats = np.zeros_like(value)

    def __repr__(self) -> str:
        return f"Parameter(shape={self.value.shape}, dtype={self.value.dtype})"


class Layer:
    """A part of a network. Its attributes of type ``Parameter`` are learned.

    Layers may hold layers, in attributes or in lists of them; ``named_parameters`` finds all.
    """

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        """The output for X, and the backward pass.

        Args:
            X: the layer's input.
            train: whether this is training: dropout drops, batch normalisation takes the batch's
                own mean and variance.
        """
        raise NotImplementedError

    def __call__(self, X: Any) -> Floats:
        """The output alone, outside training."""
        return self.forward(X)[0]

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        """Every parameter with its path, such as ``layers.0.W``, in the order of assignment.

        A parameter that is reached by two paths comes once, under the first.
        """
        seen: set[int] = set()
        for name, owner, _ in arrays_of(self, prefix):
            if isinstance(owner, Parameter) and id(owner) not in seen:
                seen.add(id(owner))
                yield name, owner

    def parameters(self) -> list[Parameter]:
        """The same without names."""
        return [parameter for _, parameter in self.named_parameters()]

    def zero_grad(self) -> None:
        """Set the gradients to zero."""
        for parameter in self.parameters():
            parameter.grad[...] = 0.0

    def astype(self, dtype: Any) -> Layer:
        """Cast every parameter, in place; float32 is faster, float64 is for proofs."""
        for parameter in self.parameters():
            parameter.value = parameter.value.astype(dtype)
            parameter.grad = parameter.grad.astype(dtype)
        return self


def arrays_of(part: Any, path: str = "") -> Iterator[tuple[str, Any, str]]:
    """Every array of a layer: its path, the object that holds it, and the attribute there.

    An array is the ``value`` of a ``Parameter``, or an attribute of a layer that is not learned,
    such as a running mean.
    """
    if isinstance(part, Parameter):
        yield path, part, "value"
    elif isinstance(part, Layer):
        for name, inner in vars(part).items():
            inner_path = f"{path}.{name}" if path else name
            if isinstance(inner, np.ndarray):
                yield inner_path, part, name
            else:
                yield from arrays_of(inner, inner_path)
    elif isinstance(part, (list, tuple)):
        for i, item in enumerate(cast("Sequence[Any]", part)):
            yield from arrays_of(item, f"{path}.{i}")


# ---- Coerce to a float array ---------------------------------------------------------------------


def floats(x: Any, otherwise: DTypeLike = np.float64) -> Floats:
    """An array of floats keeps its precision; anything else becomes one of type ``otherwise``."""
    x = np.asarray(x)
    return x if x.dtype.kind == "f" else x.astype(otherwise)
