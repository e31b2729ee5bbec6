"""Activation functions, under the names that Hugging Face configurations use.

Phi(x) is the distribution function of the standard normal, sigma(x) = 1 / (1 + exp(-x)). Each
function works element by element on any shape. torch's fused kernels do the work; the formulas
stand here.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from hfdl.errors import ConfigError, did_you_mean

Activation = Callable[[Float[Tensor, "*shape"]], Float[Tensor, "*shape"]]


def relu(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """max(x, 0)."""
    return F.relu(x)


def gelu(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """x Phi(x) = x / 2 (1 + erf(x / sqrt(2))).

    Hendrycks and Gimpel 2016, equation 2 (https://arxiv.org/abs/1606.08415). BERT's.
    """
    return F.gelu(x)


def gelu_tanh(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), within 5e-4 of ``gelu``.

    Hendrycks and Gimpel 2016, section 2. GPT-2's: a model trained with one of the two is not quite
    itself with the other.
    """
    return F.gelu(x, approximate="tanh")


def silu(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """x sigma(x), also called swish.

    Hendrycks and Gimpel 2016, section 2; Ramachandran et al. 2017
    (https://arxiv.org/abs/1710.05941). Llama's.
    """
    return F.silu(x)


def tanh(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x)). BERT's pooler has it."""
    return torch.tanh(x)


ACTIVATIONS: dict[str, Activation] = {
    "relu": relu,
    "gelu": gelu,
    "gelu_python": gelu,
    "gelu_new": gelu_tanh,
    # It rounds sqrt(2 / pi) to ten digits: the same to 1e-10.
    "gelu_fast": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "gelu_python_tanh": gelu_tanh,
    "silu": silu,
    "swish": silu,
    "tanh": tanh,
}


def activation(name: str) -> Activation:
    """The activation that a configuration calls ``name``.

    Raises:
        ConfigError: there is none; the nearest name is proposed.
    """
    if name not in ACTIVATIONS:
        raise ConfigError(
            f"unknown activation {name!r}",
            rule=f"hfdl.nn has {', '.join(ACTIVATIONS)}",
            remedy=did_you_mean(name, ACTIVATIONS),
        )
    return ACTIVATIONS[name]
