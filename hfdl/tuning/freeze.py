"""Freezing of parameters, as the recipe's ``tune.freeze`` chooses them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from torch import nn

from hfdl.errors import ConfigError, nearest
from hfdl.tuning.layers import body_names, body_of, layer_count, positions
from hfdl.weights.parameter_names import all_names

KEY = "tune.freeze"
_LAYERS = re.compile(r"layers\.(\d+)(?:-(\d+))?")
_WORDS = ("body", "embeddings", "layers.0-3", "*.bias")


@dataclass
class Frozen:
    """What was frozen.

    Args:
        names: the parameters.
        eval_modules: modules that stay in eval mode while the rest is trained: a body that is
            only a feature extractor gives the same features each time, so its dropout is off.
    """

    names: list[str] = field(default_factory=list)
    eval_modules: list[nn.Module] = field(default_factory=list)


def freeze(model: nn.Module, what: str | Sequence[str], *, new: Collection[str] = ()) -> Frozen:
    """Take parameters out of training.

    Args:
        model: the model; ``requires_grad`` of the chosen parameters becomes False. A body that is
            frozen whole then builds no autograd graph.
        what: ``body``, ``embeddings``, ``layers.0-3``, a pattern of parameter names as transformers
            or the model's own code has them, or a list.
        new: parameters without pretrained weights, under transformers' names.

    Raises:
        ConfigError: a choice matches nothing, names layers that the model does not have or a body
            of random weights, or nothing is left to train.
    """
    chosen = [what] if isinstance(what, str) else list(what)
    frozen = Frozen()
    names = {name for item in chosen for name in _matched(model, item, new)}
    for name, parameter in model.named_parameters():
        if name in names:
            parameter.requires_grad_(False)
            frozen.names.append(name)
    if "body" in chosen:
        frozen.eval_modules = body_of(model)
    if chosen and not any(parameter.requires_grad for parameter in model.parameters()):
        raise ConfigError(
            f"{_quoted(chosen)} leaves nothing to train",
            where=KEY,
            rule="at least one parameter must learn",
            remedy="freeze less",
        )
    return frozen


def refuse_random_body(model: nn.Module, new: Collection[str], key: str) -> None:
    """Refuse to freeze a body of random weights.

    Raises:
        ConfigError: all of the model's weights are random.
    """
    if new and not body_names(model, new):
        raise ConfigError(
            "all weights of this model are random",
            where=key,
            rule="only a pretrained body is worth keeping as it is",
            remedy=f"set {key}=null, or name a pretrained model: model.name=NAME model.config=null",
        )


def _matched(model: nn.Module, item: str, new: Collection[str]) -> list[str]:
    if item == "body":
        refuse_random_body(model, new, KEY)
        return body_names(model, new)
    if item == "embeddings":
        return _at(model, lambda depth: depth == 0)
    if match := _LAYERS.fullmatch(item):
        first, last = int(match[1]), int(match[2] or match[1])
        _check_range(item, first, last, layer_count(model))
        return _at(model, lambda depth: first + 1 <= depth <= last + 1)
    called = all_names(model)
    matched = [
        name for name, names in called.items() if any(fnmatchcase(each, item) for each in names)
    ]
    if not matched:
        raise ConfigError(
            f"{item!r} matches no parameter",
            where=KEY,
            rule="it is 'body', 'embeddings', 'layers.0-3' or a pattern of names such as '*.bias'",
            remedy=_suggest(item, [names[0] for names in called.values()]),
        )
    return matched


def _at(model: nn.Module, is_chosen: Callable[[int], bool]) -> list[str]:
    """The parameters of embeddings and layers at the chosen depths; never what is above them."""
    return [
        name for name, at in positions(model).items() if is_chosen(at.depth) and at.depth < at.top
    ]


def _check_range(item: str, first: int, last: int, layers: int) -> None:
    if first > last or last >= layers:
        raise ConfigError(
            f"{item!r} is no range of this model's layers",
            where=KEY,
            rule=f"it has {layers}, layers.0 to layers.{layers - 1}, counted from the input",
            remedy="correct the numbers",
        )


def _suggest(item: str, names: Sequence[str]) -> str:
    """One of the keywords, or the parameters with the most similar names."""
    if close := nearest(item, _WORDS):
        return f"did you mean {close!r}?"
    parts = list(dict.fromkeys(part for name in names for part in _ends(name)))
    plain = item.strip("*.")
    if close := nearest(plain, parts):
        return f"did you mean '*{close}*'?"
    return f"for instance '{names[0]}'"


def _ends(name: str) -> list[str]:
    """All runs of parts of a dotted name, numbers left out: what a pattern is likely to hold."""
    parts = [part for part in name.split(".") if not part.isdigit()]
    return [".".join(parts[i:j]) for i in range(len(parts)) for j in range(i + 1, len(parts) + 1)]


def _quoted(items: Sequence[str]) -> str:
    return " and ".join(repr(item) for item in items)
