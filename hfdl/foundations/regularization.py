"""Weight penalties and early stopping against overfitting, clipping against too large gradients.

Penalties return their value and their gradient. Two slips of the notes are corrected here: the
L1 penalty sums |w| (they sum w), and the gradient of w^2 is 2 w (they write w^2).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hfdl.errors import ConfigError
from hfdl.foundations.layer import Floats, Parameter


def l1(w: Floats, strength: float) -> tuple[float, Floats]:
    """strength * sum(|w|), and strength * sign(w): a constant pull, which ends at zero exactly."""
    return float(strength * np.sum(np.abs(w))), strength * np.sign(w)


def l2(w: Floats, strength: float) -> tuple[float, Floats]:
    """strength * sum(w^2), and 2 * strength * w: a pull that weakens as the weight shrinks.

    Under plain gradient descent it is the optimisers' ``weight_decay`` of 2 * strength. Under
    Adam it is not; ``optimizers.AdamW`` decays weights apart from the gradient.
    """
    return float(strength * np.sum(w**2)), 2.0 * strength * w


def global_norm(parameters: Iterable[Parameter]) -> float:
    """The length of all gradients as one vector, sqrt(sum of all squares)."""
    return float(
        np.sqrt(sum(float(np.sum(np.square(p.grad, dtype=np.float64))) for p in parameters))
    )


def clip_by_norm(parameters: Iterable[Parameter], limit: float) -> float:
    """Shorten all gradients, in place, so that together they are no longer than ``limit``.

    The direction stays. Pascanu et al. 2013, algorithm 1 (https://arxiv.org/abs/1211.5063).

    Returns:
        the norm before.

    Raises:
        ConfigError: the limit is not above 0.
    """
    _above_zero(limit)
    parameters = list(parameters)
    norm = global_norm(parameters)
    if norm > limit:
        for parameter in parameters:
            parameter.grad *= limit / norm
    return norm


def clip_by_value(parameters: Iterable[Parameter], limit: float) -> None:
    """Cut each number of each gradient to [-limit, limit], in place. This bends the direction.

    Raises:
        ConfigError: the limit is not above 0.
    """
    _above_zero(limit)
    for parameter in parameters:
        np.clip(parameter.grad, -limit, limit, out=parameter.grad)


class EarlyStopping:
    """Stop when the validation figure has not improved for ``patience`` epochs.

    Args:
        patience: epochs without an improvement that end training; the notes' 5.
        monitor: "validation_loss" (lower is better) or "validation_accuracy" (higher is).
        minimum_change: what an improvement must be larger than.

    After training: ``best`` is the best figure, ``best_epoch`` its epoch, from 0; None where there
    was none. ``fit`` begins with ``reset``, and puts back the parameters of that epoch.

    Raises:
        ConfigError: patience is below 1, or ``monitor`` is something else.
    """

    def __init__(
        self,
        patience: int = 5,
        *,
        monitor: str = "validation_loss",
        minimum_change: float = 0.0,
    ) -> None:
        if patience < 1:
            raise ConfigError(f"patience is {patience}", rule="it is 1 epoch at least")
        if monitor not in ("validation_loss", "validation_accuracy"):
            raise ConfigError(
                f"monitor is {monitor!r}",
                rule="it is 'validation_loss' or 'validation_accuracy'",
            )
        self.patience = patience
        self.monitor = monitor
        self.minimum_change = minimum_change
        self.reset()

    def reset(self) -> None:
        """Start over, as if no epoch had been seen."""
        self.best: float | None = None
        self.best_epoch: int | None = None
        self.stop = False

    def update(self, epoch: int, value: float) -> bool:
        """Record the figure of an epoch; sets ``stop``.

        Returns:
            whether it is the best so far. NaN never is.
        """
        gain = np.inf if self.best is None else value - self.best
        if self.best is not None and self.monitor == "validation_loss":
            gain = -gain
        if not np.isnan(value) and gain > self.minimum_change:
            self.best, self.best_epoch = value, epoch
            self.stop = False
            return True
        last = -1 if self.best_epoch is None else self.best_epoch
        self.stop = epoch - last >= self.patience
        return False


def _above_zero(limit: float) -> None:
    if not limit > 0.0:
        raise ConfigError(f"the limit is {limit}", rule="gradients are clipped to above 0")
