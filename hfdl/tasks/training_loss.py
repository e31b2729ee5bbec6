"""What the ``tune`` section asks of the loss that a model is trained on.

Held-out losses are plain cross-entropy: they say how good a model is, whatever it was trained with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from hfdl.config.schema import TuneConfig
from hfdl.errors import ConfigError, did_you_mean, listed


def loss_options(tune: TuneConfig) -> dict[str, Any]:
    """``label_smoothing`` and ``focal_gamma``, as ``hfdl.nn.losses.token_losses`` takes them."""
    gamma = tune.focal_gamma if tune.loss == "focal" else 0.0
    return {"label_smoothing": tune.label_smoothing, "focal_gamma": gamma}


def class_weights(
    weights: str | Mapping[str, float],
    labels: ArrayLike,
    names: Sequence[str],
    types: Sequence[str] = (),
) -> torch.Tensor:
    """The weight of each label in the loss; shape (C,).

    Args:
        weights: ``balanced``, scikit-learn's n / (C * n_label): every label counts the same in
            sum; or weights by label, 1 for those left out. Where labels have types also by type,
            for all labels of it; a label's own weight goes before that of its type.
        labels: the label ids of train, shape (N,).
        names: the C labels.
        types: the type of each, where they have types (tags of entities); empty for ``O``.

    Raises:
        ConfigError: a name is neither a label nor a type.
    """
    if isinstance(weights, str):
        counts = np.bincount(np.asarray(labels, dtype=np.int64), minlength=len(names))  # (C,)
        shares = [counts.sum() / (len(names) * count) if count else 0.0 for count in counts]
        return torch.tensor(shares, dtype=torch.float32)
    known = [*names, *sorted({*types} - {*names, ""})]
    for name in weights:
        if name not in known:
            raise ConfigError(
                f"no {'tag or type' if types else 'label'} {name!r}",
                where="tune.class_weights",
                rule=f"{'they' if types else 'the labels'} are: {listed(known)}",
                remedy=did_you_mean(name, known),
            )
    groups = types or names
    chosen = [weights.get(n, weights.get(g, 1.0)) for n, g in zip(names, groups, strict=True)]
    return torch.tensor(chosen, dtype=torch.float32)


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
            remedy="set tune.class_weights=null",
        )


def on_device(weights: torch.Tensor | None, like: torch.Tensor) -> torch.Tensor | None:
    """Class weights on the device of the logits that they weigh."""
    return None if weights is None else weights.to(like.device, non_blocking=True)
