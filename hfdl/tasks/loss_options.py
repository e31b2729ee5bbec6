"""What the ``tune`` section asks of the loss that a model is trained on.

Held-out losses are plain cross-entropy: they say how good a model is, whatever it was trained with.
"""

from __future__ import annotations

from hfdl.config.schema import TuneConfig
from hfdl.errors import ConfigError


def loss_options(tune: TuneConfig) -> dict[str, float]:
    """``label_smoothing`` and ``focal_gamma``, as ``hfdl.nn.losses.token_losses`` takes them."""
    gamma = tune.focal_gamma if tune.loss == "focal" else 0.0
    return {"label_smoothing": tune.label_smoothing, "focal_gamma": gamma}


def refuse_class_weights(tune: TuneConfig, task: str) -> None:
    """Refuse to weigh the labels of a task that has none.

    Raises:
        ConfigError: ``tune.class_weights`` is given.
    """
    if tune.class_weights is not None:
        raise ConfigError(
            f"{task} has no labels to weigh",
            where="tune.class_weights",
            rule="class weights belong to labels",
            remedy="remove it",
        )
