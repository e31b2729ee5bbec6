"""The loss of labelled texts: cross-entropy, binary cross-entropy or squared error."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from hfdl.config.schema import TuneConfig
from hfdl.errors import ConfigError
from hfdl.nn.losses import token_losses
from hfdl.tasks.text_classification.data import MULTI, REGRESSION, SINGLE


def row_losses(
    logits: torch.Tensor,
    labels: torch.Tensor,
    problem_type: str,
    *,
    classes: torch.Tensor | None = None,
    label_smoothing: float = 0.0,
    focal_gamma: float = 0.0,
) -> torch.Tensor:
    """The loss of each row, not yet divided by the weights of the labels; shape (R,).

    Args:
        logits: (R, C).
        labels: (R,) ids, (R, C) of 0 and 1, or (R,) numbers, by the problem's type.
        problem_type: as in a transformers config.
        classes: the weight of each label, (C,).
        label_smoothing: share of a target that is spread over all labels; of a label that holds or
            not, over the two.
        focal_gamma: how much less counts what is predicted well (Lin et al. 2017,
            https://arxiv.org/abs/1708.02002, equation 4).
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    classes = None if classes is None else classes.to(logits.dtype)
    if problem_type == SINGLE:
        return token_losses(
            logits, labels, weight=classes, label_smoothing=label_smoothing, focal_gamma=focal_gamma
        )
    targets = labels.to(logits.dtype)
    if problem_type == MULTI:
        return binary_losses(logits, targets, classes, label_smoothing, focal_gamma).mean(dim=-1)
    return (logits[:, 0] - targets) ** 2  # (R,)


def binary_losses(
    logits: torch.Tensor,
    targets: torch.Tensor,
    positives: torch.Tensor | None = None,
    label_smoothing: float = 0.0,
    focal_gamma: float = 0.0,
) -> torch.Tensor:
    """Whether each label holds, each a question of its own; shape (R, C).

    With p the probability that a label holds and y its target, y (1 - e) + e / 2 where smoothed:
    -w y (1 - p)^g log p - (1 - y) p^g log(1 - p).

    Args:
        logits: (R, C).
        targets: (R, C), 0 or 1.
        positives: w, the weight of the labels where they hold, (C,).
        label_smoothing: e.
        focal_gamma: g.
    """
    targets = targets * (1 - label_smoothing) + label_smoothing / 2
    if focal_gamma == 0:
        return F.binary_cross_entropy_with_logits(
            logits, targets, reduction="none", pos_weight=positives
        )
    yes, no = -F.logsigmoid(logits), -F.logsigmoid(-logits)  # (R, C) each: -log p, -log(1 - p)
    holds = targets * torch.exp(-focal_gamma * no) * yes  # (1 - p)^g, p being far from overflow
    fails = (1 - targets) * torch.exp(-focal_gamma * yes) * no
    return holds + fails if positives is None else positives * holds + fails


def refuse_on_numbers(tune: TuneConfig, problem_type: str) -> None:
    """Refuse what only labels can have.

    Raises:
        ConfigError: a regression with focal loss, label smoothing or class weights.
    """
    if problem_type != REGRESSION:
        return
    refused = {
        "loss": tune.loss == "focal",
        "label_smoothing": tune.label_smoothing > 0,
        "class_weights": tune.class_weights is not None,
    }
    for key, is_given in refused.items():
        weighs = key == "class_weights"
        if is_given:
            raise ConfigError(
                f"a regression has no classes to {'weigh' if weighs else 'foresee'}",
                where=f"tune.{key}",
                rule=f"{'class weights' if weighs else 'focal loss and label smoothing'} belong to "
                "labels",
                remedy=f"set tune.{key}=null",
            )
