"""Optimizers by name: torch's and transformers' names, and classes of the user's own.

A name stands for a class. What the recipe says of decay, betas and epsilon goes to the classes
that take it; a key that a class cannot follow is refused, never passed over.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import torch

from hfdl.config.own_code import load_own
from hfdl.config.own_paths import is_own_path
from hfdl.config.schema import TrainConfig
from hfdl.errors import ConfigError, did_you_mean, shell_word
from hfdl.training.distributed.parts import is_part

KEY, OPTIONS = "train.optimizer", "train.optimizer_options"

OPTIMIZERS: dict[str, str] = {
    "adadelta": "torch.optim:Adadelta",
    # As the Trainer has it: transformers' own, its rate that of the recipe.
    "adafactor": "transformers.optimization:Adafactor",
    "adagrad": "torch.optim:Adagrad",
    "adam": "torch.optim:Adam",
    "adamax": "torch.optim:Adamax",
    "adamw": "torch.optim:AdamW",
    "asgd": "torch.optim:ASGD",
    "muon": "hfdl.training.muon:MuonWithAdamW",
    "nadam": "torch.optim:NAdam",
    "radam": "torch.optim:RAdam",
    "rmsprop": "torch.optim:RMSprop",
    "rprop": "torch.optim:Rprop",
    "sgd": "torch.optim:SGD",
}
"""The class of each name."""
_ALIASES = {"adamw_torch": "adamw", "adamw_torch_fused": "adamw", "adamw_hf": "adamw"}
_PRESET: dict[str, dict[str, Any]] = {
    "adafactor": {"scale_parameter": False, "relative_step": False},
    # torch's own choice on a CPU would be a form three times slower.
    **{name: {"fused": True} for name in ("adam", "adamw", "sgd")},
}
_INSTEAD_OF_FUSED = {"foreach", "fused", "differentiable"}
_UNFIT = {
    "lbfgs": ("it asks for the loss several times an update", "adamw"),
    "muon": ("it takes matrices alone, and a model has vectors too", "muon"),
    "sparseadam": ("it takes sparse gradients alone", "adamw"),
}
"""Classes of torch that cannot train here, why, and what to choose."""
# Arguments of a class that keys of the recipe hold, by key.
_KEYS = {"learning_rate": "lr", "weight_decay": "weight_decay"}
_ADAM = {"adam_betas": "betas", "adam_epsilon": "eps"}


def make_optimizer(config: TrainConfig, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """The optimizer that a recipe names.

    Args:
        config: the recipe's ``train`` section.
        groups: parameters, each group with its ``weight_decay`` and, where layers learn at rates
            of their own, its ``lr``.

    Raises:
        ConfigError: nothing is trained, an unknown name, options that the class does not take, or
            keys of the recipe that it cannot follow.
    """
    if not any(group["params"] for group in groups):
        raise ConfigError(
            "no weight of the model is trained",
            where="model",
            rule="an optimizer needs parameters, and all of these have requires_grad=False",
            remedy="let those that are to be trained have requires_grad=True",
        )
    kind, make = optimizer_class(config.optimizer)
    takes = _parameters(make, config.optimizer)
    _check_options(config, takes)
    preset = dict(_PRESET.get(kind, {}))
    in_parts = any(is_part(parameter) for group in groups for parameter in group["params"])
    unknown_to_dtensor = in_parts and kind == "sgd"  # torch 2.13 shards no fused SGD
    if unknown_to_dtensor or _INSTEAD_OF_FUSED & config.optimizer_options.keys():
        preset.pop("fused", None)
    arguments = {**preset, **_from_recipe(config, takes), **config.optimizer_options}
    if "weight_decay" not in takes:
        groups = [{k: v for k, v in group.items() if k != "weight_decay"} for group in groups]
    try:
        return make(groups, **arguments)
    except (TypeError, ValueError, RuntimeError) as error:
        if is_own_path(config.optimizer) and not config.optimizer_options:
            raise  # the user's own code: its line is what they need
        raise ConfigError(
            f"{config.optimizer!r} does not take {config.optimizer_options}: {error}",
            where=OPTIONS,
            rule=f"the options are arguments of {make.__module__}.{make.__qualname__}",
            remedy="correct or remove them",
        ) from error


def optimizer_class(name: str) -> tuple[str, Callable[..., torch.optim.Optimizer]]:
    """The plain name of an optimizer (empty of one's own), and its class.

    Raises:
        ConfigError: there is none of that name, or it cannot work with this loop.
    """
    plain = plain_name(name)
    if plain is None:
        return "", _own_class(name)
    if plain not in OPTIMIZERS:
        _refuse_unfit(plain.replace("_", ""), name)
        raise ConfigError(
            f"unknown optimizer {name!r}",
            where=KEY,
            rule=_theirs(plain) or "the names are torch's and transformers', in any case",
            remedy=did_you_mean(plain, OPTIMIZERS),
        )
    module, _, attribute = OPTIMIZERS[plain].partition(":")
    return plain, getattr(import_module(module), attribute)


def plain_name(name: str) -> str | None:
    """A recipe's name of an optimizer as ``OPTIMIZERS`` has it; None where it is a class's path."""
    plain = name.removeprefix("torch.optim:")
    if is_own_path(plain):
        return None
    plain = plain.lower().replace("-", "_").removeprefix("torch.optim.")
    plain = _ALIASES.get(plain, plain)
    # A path means the class that it names: torch's Adafactor is not transformers'.
    is_torchs = OPTIMIZERS.get(plain, "torch.optim:").startswith("torch.optim:")
    return plain if is_torchs or ":" not in name else None


def _refuse_unfit(kind: str, name: str) -> None:
    if kind in _UNFIT:
        reason, instead = _UNFIT[kind]
        raise ConfigError(
            f"{name!r} cannot train here",
            where=KEY,
            rule=f"{reason}; the loop makes one step from one gradient of every parameter",
            remedy=f"choose another, such as train.optimizer={instead}",
        )


def _theirs(name: str) -> str | None:
    """A rule for a name that transformers' Trainer knows and that needs another package."""
    from transformers.training_args import OptimizerNames

    if name not in [each.value for each in OptimizerNames]:
        return None
    return (
        "the Trainer takes this one from another package, whose class can be named itself, as in "
        "bitsandbytes.optim:AdamW8bit"
    )


def _own_class(path: str) -> Callable[..., torch.optim.Optimizer]:
    made = load_own(path, KEY, "an optimizer").value
    if not (isinstance(made, type) and issubclass(made, torch.optim.Optimizer)):
        raise ConfigError(
            f"{path} is no optimizer",
            where=KEY,
            rule="an optimizer of your own is a subclass of torch.optim.Optimizer",
            remedy="derive the class from torch.optim.Optimizer",
        )
    for kind in made.__mro__:
        if f"{kind.__module__}.".startswith("torch.optim."):
            _refuse_unfit(kind.__name__.lower(), path)
    if needed := _needed_by_step(made):
        raise ConfigError(
            f"the step of {path} cannot be called without {needed}",
            where=KEY,
            rule="the loop computes the gradients once, then calls step(); there is no loss to "
            "compute again",
            remedy="write: def step(self, closure=None): ... and take the gradients from the "
            "parameters",
        )
    return made


def _needed_by_step(kind: type[torch.optim.Optimizer]) -> str | None:
    """The first argument that ``step`` must be given; None where it needs none."""
    try:
        first, *others = inspect.signature(kind.step).parameters.values()
    except (TypeError, ValueError):
        return None
    del first  # self
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [p.name for p in others if p.default is p.empty and p.kind not in optional]
    return needed[0] if needed else None


def _parameters(make: Callable[..., Any], name: str) -> Mapping[str, inspect.Parameter]:
    takes = inspect.signature(make).parameters
    if "lr" not in takes:
        raise ConfigError(
            f"{name} takes no lr",
            where=KEY,
            rule="train.learning_rate is given to an optimizer as lr",
            remedy="give its __init__ a parameter lr",
        )
    return takes


def _check_options(config: TrainConfig, takes: Mapping[str, inspect.Parameter]) -> None:
    keys = {argument: key for key, argument in _KEYS.items()}
    if "betas" in takes:
        keys |= {argument: key for key, argument in _ADAM.items()}
    known = [name for name in list(takes)[1:] if name not in keys]
    for name, value in config.optimizer_options.items():
        if name in keys:
            raise ConfigError(
                f"{name} is set by train.{keys[name]}",
                where=f"{OPTIONS}.{name}",
                rule="a value stands in one place",
                remedy=f"set {_in_keys(config, name, f'train.{keys[name]}={json.dumps(value)}')}",
            )
        if name not in known:
            raise ConfigError(
                f"{config.optimizer} has no option {name!r}",
                where=OPTIONS,
                remedy=did_you_mean(name, known),
            )


def _in_keys(config: TrainConfig, name: str, key: str) -> str:
    """A key in the place of an option, and the other options."""
    others = {k: v for k, v in config.optimizer_options.items() if k != name}
    return f"{shell_word(key)} and {shell_word(f'{OPTIONS}={json.dumps(others)}')}"


def _from_recipe(config: TrainConfig, takes: Mapping[str, inspect.Parameter]) -> dict[str, Any]:
    """What the recipe's own keys say, as arguments; refused where the class takes none of it."""
    arguments: dict[str, Any] = {"lr": config.learning_rate}
    if "weight_decay" in takes:
        arguments["weight_decay"] = config.weight_decay
    elif config.weight_decay not in (0.0, _default("weight_decay")):
        raise _unused(config, "weight_decay", "weight decay", "train.weight_decay=0")
    if "betas" in takes:
        given = {argument: getattr(config, key) for key, argument in _ADAM.items()}
        return arguments | {name: value for name, value in given.items() if name in takes}
    if unused := [key for key in _ADAM if getattr(config, key) != _default(key)]:
        neutral = " ".join(f"train.{key}=null" for key in unused)
        raise _unused(config, unused[0], unused[0].replace("adam_", ""), neutral)
    return arguments


def _unused(config: TrainConfig, key: str, what: str, neutral: str) -> ConfigError:
    return ConfigError(
        f"{config.optimizer} takes no {what}",
        where=f"train.{key}",
        rule="it would be passed over; Adam and its relatives take it"
        if key in _ADAM
        else "it would be passed over",
        remedy=f"set {neutral}, or train.optimizer=adamw",
    )


def _default(key: str) -> Any:
    return TrainConfig.model_fields[key].get_default()


# ---- The state of any optimizer, without pickle --------------------------------------------------


def group_numbers(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """Numbers of each group that json can write, but for the rate, which the schedule sets.

    Some optimizers count in their groups (schedule-free ones, D-Adaptation).
    """
    return [
        {
            key: value
            for key, value in group.items()
            if key not in ("lr", "initial_lr") and isinstance(value, bool | int | float | str)
        }
        for group in optimizer.param_groups
    ]


def restore_group_numbers(optimizer: torch.optim.Optimizer, saved: list[dict[str, Any]]) -> None:
    """Put back what ``group_numbers`` gave."""
    for group, numbers in zip(optimizer.param_groups, saved, strict=True):
        group.update(numbers)
