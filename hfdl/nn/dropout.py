"""Dropout (Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html).

    y = x * m / (1 - p),  m ~ Bernoulli(1 - p), drawn for each element

In training each element is zeroed with probability p and the others are divided by 1 - p, so that
the expectation stays. ``torch.nn.functional.dropout`` is the reference; where the random bits come
from is the business of ``hfdl/nn/cpu/cheap_dropout.py``.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from hfdl.nn.cpu.cheap_dropout import cheap_dropout


class Dropout(nn.Module):
    """Dropout with the same distribution as ``nn.Dropout``, from another stream of random bits.

    Args:
        p: probability of zeroing an element, in [0, 1]. On a CPU it is rounded to a multiple of
            2**-16, and the scale is that of the rounded value: the expectation is exact.

    Raises:
        ValueError: p is not in [0, 1].
    """

    def __init__(self, p: float = 0.1) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"p is {p}; a probability lies between 0 and 1")
        self.p = p

    def forward(self, x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Drop elements in training; else give x back."""
        return dropout(x, self.p, training=True) if self.drops else x

    @property
    def drops(self) -> bool:
        """Whether it changes what it is given now."""
        return self.training and self.p > 0.0

    def extra_repr(self) -> str:
        """The probability, for ``print(model)``."""
        return f"p={self.p}"


def dropout(x: Float[Tensor, "*shape"], p: float, *, training: bool) -> Float[Tensor, "*shape"]:
    """The formula in training; outside it ``x`` itself.

    Args:
        x: what is dropped from.
        p: probability of zeroing an element.
        training: False gives ``x`` back.
    """
    return cheap_dropout(x, p) if training else x


# ---- Put hfdl's dropout in the place of torch's: the same distribution for a third of the time ---


def use_cheap_dropout(model: nn.Module) -> int:
    """Replace every ``nn.Dropout`` of a model by ``hfdl.nn.Dropout`` of the same probability.

    Dropout has no weights, so names and saved files stay as they are. Subclasses are left alone,
    and so is dropout inside fused attention.

    Returns:
        how many were replaced.
    """
    replaced = 0
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Dropout:
                setattr(module, name, Dropout(child.p).train(child.training))
                replaced += 1
    return replaced
