"""A torch module as a layer of ``hfdl.foundations``, trained by the same loop.

    network = Sequential(TorchLayer(nn.Conv2d(1, 16, 3)), ReLU(), Flatten(), Dense(...))
    fit(network, ...)                 # trains the convolution as well

Inputs and outputs are NumPy arrays. The torch tensor of a weight and its ``Parameter.value`` share
memory, so that an optimizer's step in place updates the module.
The gradients come from torch's autograd and are added to ``Parameter.grad``.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hfdl.errors import ConfigError
from hfdl.foundations.layer import Backprop, Floats, Layer, Parameter

DTYPES = (torch.float32, torch.float64)


class TorchLayer(Layer):
    """A module with one tensor in and one tensor out.

    Weights that do not require a gradient are no parameters of the layer: freeze before you wrap.
    The layer's parameters have torch's names after ``module.``: ``module.0.weight``. torch's own
    ``.grad`` is left alone. Buffers, such as running means, are attributes too and arrays, for
    ``foundations.state``. Dropout inside the module draws from torch's global generator.

    Args:
        module: in float32 or float64, on the CPU. Let ``astype`` cast it, not ``module.double()``.

    Raises:
        ConfigError: a weight is of another type, or elsewhere: NumPy cannot look at it.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        for name, tensor in [*_weights(module), *module.named_buffers()]:
            floats = tensor.dtype.is_floating_point
            if tensor.device.type != "cpu" or (floats and tensor.dtype not in DTYPES):
                raise ConfigError(
                    f"{name} is {tensor.dtype} on {tensor.device}",
                    where=type(module).__name__,
                    rule="NumPy shares memory with float32 and float64 on the CPU",
                    remedy="wrap module.float().cpu()",
                )
        # Attributes, so that named_parameters finds them. With its dot no name can hide one of the
        # layer's own attributes.
        for name, tensor in _weights(module):
            vars(self)[f"module.{name}"] = Parameter(tensor.detach().numpy())
        self._share_buffers()

    def forward(self, X: Any, *, train: bool = False) -> tuple[Floats, Backprop]:
        """The module's output for X.

        Floats are cast to the type of the module's weights; whole numbers go in as they are (an
        embedding's), and have a gradient of zeros.
        """
        weights = self._share()
        floats = np.issubdtype(np.asarray(X).dtype, np.floating)
        own = next((p.dtype for p in self.module.parameters()), None)
        x = _tensor(X, own if floats else None).requires_grad_(floats)
        self.module.train(train)
        with torch.enable_grad():
            y = self.module(x)
        if not isinstance(y, Tensor):
            raise ConfigError(
                f"{type(self.module).__name__} gives a {type(y).__name__}",
                rule="a layer gives one array",
                remedy="wrap a module that picks one tensor out of it",
            )

        def backprop(dY: Floats) -> Floats:
            dX = np.zeros(x.shape, dY.dtype)
            inputs = [x, *weights] if floats else weights
            if not inputs:
                return dX
            gradients = list(
                torch.autograd.grad(
                    y, inputs, _tensor(dY, y.dtype), retain_graph=True, allow_unused=True
                )
            )  # None for an input that Y does not depend on
            if floats and (dx := gradients.pop(0)) is not None:
                dX = dx.numpy().astype(dY.dtype, copy=False)
            for parameter, gradient in zip(self._parameters(), gradients, strict=True):
                if gradient is not None:
                    parameter.grad += gradient.numpy()
            return dX

        return y.detach().numpy(), backprop

    def __deepcopy__(self, memo: dict[int, Any]) -> TorchLayer:
        """A layer with a module of its own, with which its arrays share memory."""
        self._share()
        other = type(self)(copy.deepcopy(self.module, memo))
        for old, new in zip(self._parameters(), other._parameters(), strict=True):
            new.grad[...] = old.grad
            memo[id(old)] = new  # so that an optimizer copied along has the new ones
        return other

    def _parameters(self) -> list[Parameter]:
        return [vars(self)[f"module.{name}"] for name, _ in _weights(self.module)]

    def _share(self) -> list[Tensor]:
        """The module's weights; where a ``Parameter`` got a new array, they become that array.

        ``astype`` gives new arrays. The module's buffers then follow in type.
        """
        tensors = [tensor for _, tensor in _weights(self.module)]
        arrays = [torch.from_numpy(parameter.value) for parameter in self._parameters()]
        pairs = list(zip(tensors, arrays, strict=True))
        if cast := [array.dtype for tensor, array in pairs if tensor.dtype != array.dtype]:
            self.module.to(cast[0])
            self._share_buffers()
        for tensor, array in pairs:
            if tensor.data_ptr() != array.data_ptr():
                tensor.data = array
        return tensors

    def _share_buffers(self) -> None:
        for name, buffer in self.module.named_buffers():
            vars(self)[f"module.{name}"] = buffer.numpy()


def _tensor(X: Any, dtype: torch.dtype | None) -> Tensor:
    # Copied by NumPy first: torch takes no reversed or read-only array.
    return torch.from_numpy(np.array(X, order="C")).to(dtype)


def _weights(module: nn.Module) -> list[tuple[str, Tensor]]:
    return [(name, p) for name, p in module.named_parameters() if p.requires_grad]
