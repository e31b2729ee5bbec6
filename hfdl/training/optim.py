"""The optimizer and its learning rate."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from hfdl.config.schema import TrainConfig
from hfdl.errors import ConfigError, did_you_mean
from hfdl.training.muon import matrix_groups
from hfdl.training.optimizers import make_optimizer, plain_name
from hfdl.tuning.layers import positions

# Schedules of transformers that ignore every option.
_WITHOUT_OPTIONS = ("constant", "constant_with_warmup")
_NORMS = ("LayerNorm", "RMSNorm", "GroupNorm", "BatchNorm", "NoNorm")


def decay_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Trainable parameters in two groups: decayed, and not (biases and norms).

    Decay pulls towards zero; for a norm's scale, whose neutral value is one, and for a bias
    that only costs accuracy (the practice since BERT's own optimizer). A table of biases, such
    as T5's ``relative_attention_bias``, is one.
    """
    exempt = {
        id(parameter)
        for path, module in model.named_modules()
        for name, parameter in module.named_parameters(recurse=False)
        if "bias" in f"{path}.{name}" or any(norm in type(module).__name__ for norm in _NORMS)
    }
    trainable = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trainable if id(p) not in exempt], "weight_decay": weight_decay},
        {"params": [p for p in trainable if id(p) in exempt], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def layer_groups(
    model: nn.Module, groups: list[dict[str, Any]], rate: float, layer_decay: float
) -> list[dict[str, Any]]:
    """Each group in parts by the depth of its parameters, each part with a rate of its own.

    The rate is ``rate * layer_decay ** k``, k layers below the head; the first part is the
    highest, whose rate the log shows. Lower layers hold what is common to all tasks (Howard &
    Ruder 2018, https://arxiv.org/abs/1801.06146, section 3.2; as here: Clark et al. 2020,
    https://arxiv.org/abs/2003.10555, appendix B).

    Args:
        model: the model.
        groups: of its parameters, as ``decay_groups`` gives them.
        rate: of the head.
        layer_decay: above 0, at most 1.
    """
    at = positions(model)
    below = {id(p): at[name].top - at[name].depth for name, p in model.named_parameters()}
    parts: dict[tuple[int, int], list[nn.Parameter]] = {}
    for number, group in enumerate(groups):
        for parameter in group["params"]:
            parts.setdefault((below[id(parameter)], number), []).append(parameter)
    return [
        {**groups[number], "params": parts[k, number], "lr": rate * layer_decay**k}
        for k, number in sorted(parts)
    ]


def build_optimizer(
    model: nn.Module, config: TrainConfig, layer_decay: float | None = None
) -> torch.optim.Optimizer:
    """The optimizer that the recipe names, over groups of parameters; see ``make_optimizer``.

    Raises:
        ConfigError: as ``make_optimizer`` and, for Muon, ``matrix_groups``.
    """
    groups = decay_groups(model, config.weight_decay)
    if layer_decay is not None:
        groups = layer_groups(model, groups, config.learning_rate, layer_decay)
    if plain_name(config.optimizer) == "muon":
        groups = matrix_groups(model, groups)
    return make_optimizer(config, groups)


def warmup_steps(warmup: float, steps: int) -> int:
    """Updates of warm-up: a share of ``steps`` where ``warmup`` is below 1, else a number."""
    return round(warmup * steps) if warmup < 1 else int(warmup)


def build_schedule(
    config: TrainConfig, optimizer: torch.optim.Optimizer, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """One of transformers' schedules by name, over ``steps`` updates.

    Raises:
        ConfigError: unknown name, or options that the schedule does not take.
    """
    if config.schedule == "linear" and not config.schedule_options:
        # The default is here, too: transformers' module of schedules imports PEFT's adapters.
        warmup = warmup_steps(config.warmup, steps)
        return LambdaLR(optimizer, partial(_linear, warmup=warmup, steps=steps))
    from transformers.optimization import get_scheduler
    from transformers.trainer_utils import SchedulerType

    names = [kind.value for kind in SchedulerType]
    if config.schedule not in names:
        raise ConfigError(
            f"unknown schedule {config.schedule!r}",
            where="train.schedule",
            remedy=did_you_mean(config.schedule, names),
        )
    options = _options(config, steps)
    try:
        if options and config.schedule in _WITHOUT_OPTIONS:
            raise TypeError("it takes no options")  # transformers would pass over them in silence
        schedule = get_scheduler(
            config.schedule,
            optimizer,
            num_warmup_steps=warmup_steps(config.warmup, steps),
            num_training_steps=steps,
            scheduler_specific_kwargs=options,
        )
        # An option of the wrong type would show when warm-up is over, in the middle of the run.
        for factor in getattr(schedule, "lr_lambdas", []):
            factor(steps - 1)
        return schedule
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ConfigError(
            f"{config.schedule!r} does not take {config.schedule_options}: {error}",
            where="train.schedule_options",
            rule="the options are the arguments of transformers' schedule of that name",
            remedy="correct or remove them",
        ) from error


def _linear(step: int, *, warmup: int, steps: int) -> float:
    """The share of the rate at a step: up from 0 during warm-up, then down to 0 at the end."""
    if step < warmup:
        return step / warmup
    return max(0.0, (steps - step) / max(1, steps - warmup))


def watches_a_metric(schedule: Any) -> bool:
    """Whether a schedule moves with evaluations (plateau, greedy) instead of updates.

    transformers builds all those that move with updates as functions of the step.
    """
    return not isinstance(schedule, LambdaLR)


def _options(config: TrainConfig, steps: int) -> dict[str, Any]:
    """The schedule's options, with a default where transformers insists on one."""
    options = dict(config.schedule_options)
    if config.schedule == "warmup_stable_decay":
        # The last tenth decays, as in the paper's runs (Hu et al. 2024, MiniCPM, section 4).
        options.setdefault("num_decay_steps", max(1, steps // 10))
    has_minimum = "min_lr" in options or "min_lr_rate" in options
    if "with_min_lr" in config.schedule and not has_minimum:
        options["min_lr_rate"] = 0.1
    return options
