"""The recipe's ``tune`` section, applied to a model before it is trained."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from torch import nn

from hfdl.config.schema import TuneConfig
from hfdl.tuning.freeze import Frozen, freeze
from hfdl.tuning.layers import body_names, positions
from hfdl.tuning.lora import add_adapters

_NAMED = 6
"""Most parameters that a line names."""


@dataclass(frozen=True)
class Tuned:
    """What ``tune`` did.

    Args:
        facts: lines for a person.
        eval_modules: modules that stay in eval mode while the rest is trained.
    """

    facts: list[str]
    eval_modules: list[nn.Module]


def tune(model: nn.Module, config: TuneConfig, *, new: Collection[str], rate: float) -> Tuned:
    """Freeze, then adapt what is left.

    Args:
        model: the model, its dropout and its gradient checkpointing already set.
        config: the recipe's section.
        new: parameters without pretrained weights, under transformers' names.
        rate: the peak learning rate, for the facts.

    Raises:
        ConfigError: see ``freeze`` and ``add_adapters``.
        MissingExtraError: as ``add_adapters``.
    """
    total = sum(p.numel() for p in model.parameters())
    frozen = Frozen() if config.freeze is None else freeze(model, config.freeze, new=new)
    adapters = [] if config.lora is None else add_adapters(model, config.lora, new=new)
    facts = []
    if adapters:
        facts.append(_adapted(model, set(adapters), total))
    elif frozen.names:
        facts.append(_frozen(model, total))
    if frozen.eval_modules:
        facts.append("the body is a feature extractor: its dropout is off")
    if config.layer_decay is not None:
        facts.append(_rates(model, config.layer_decay, rate))
    return Tuned(facts, frozen.eval_modules)


def new_weights(model: nn.Module, new: Sequence[str]) -> list[str]:
    """What of a model is random, as a line for a person; no line where nothing is.

    Args:
        model: the model, before ``tune``.
        new: parameters without pretrained weights, under transformers' names.
    """
    if not new:
        return []
    if not body_names(model, new):
        return ["random weights: nothing of the model is pretrained"]
    named, more = ", ".join(new[:_NAMED]), len(new) - _NAMED
    return [
        f"new weights, randomly initialised: {named}" + (f" and {more} more" if more > 0 else "")
    ]


def _adapted(model: nn.Module, adapters: set[str], total: int) -> str:
    own = others = 0
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            own += parameter.numel() if name in adapters else 0
            others += 0 if name in adapters else parameter.numel()
    head = f" and the head's {others:,}" if others else ""
    share = (own + others) / total
    return f"trained: {own:,} adapter weights{head}, {share:.2%} of {_short(total)}"


def _frozen(model: nn.Module, total: int) -> str:
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return f"trained: {trained:,} weights, {trained / total:.2%} of {_short(total)}"


def _rates(model: nn.Module, decay: float, rate: float) -> str:
    at = positions(model)
    trained = [at[name] for name, p in model.named_parameters() if p.requires_grad]
    steps = [position.top - position.depth for position in trained]
    least, most = (rate * decay**step for step in (max(steps), min(steps)))
    return (
        f"learning rates: {most:.3g} at the top down to {least:.3g} at the input "
        f"({decay:g} times a layer)"
    )


def _short(number: int) -> str:
    """22713216 -> 22.7 M."""
    for size, letter in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.1f} {letter}"
    return str(number)
