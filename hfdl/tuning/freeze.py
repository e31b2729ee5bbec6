"""Parameters that are left as they are, chosen by the recipe's ``tune.freeze``."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from torch import nn

from hfdl.errors import ConfigError, did_you_mean, nearest
from hfdl.tuning.layers import body_names, body_of, layer_count, places

KEY = "tune.freeze"
_LAYERS = re.compile(r"layers\.(\d+)(?:-(\d+))?")
_WORDS = ("body", "embeddings", "layers.0-3", "*.bias")


@dataclass
class Frozen:
    """What was frozen.

    Args:
        names: the parameters.
        still: modules that stay in eval mode while the rest is trained: a body that is nothing
            but a feature extractor gives the same features each time, so its dropout is off.
    """

    names: list[str] = field(default_factory=list)
    still: list[nn.Module] = field(default_factory=list)


def freeze(model: nn.Module, what: str | Sequence[str], *, fresh: Collection[str] = ()) -> Frozen:
    """Take parameters out of training.

    Args:
        model: the model; ``requires_grad`` of the chosen parameters becomes False. A body that is
            frozen whole then builds no autograd graph.
        what: ``body``, ``embeddings``, ``layers.0-3``, a pattern of parameter names, or a list.
        fresh: parameters without pretrained weights, under transformers' names.

    Raises:
        ConfigError: a choice matches nothing, layers that the model has not, a body whose weights
            are random, or nothing is left to train.
    """
    chosen = [what] if isinstance(what, str) else list(what)
    frozen = Frozen()
    names = {name for item in chosen for name in _matched(model, item, fresh)}
    for name, parameter in model.named_parameters():
        if name in names:
            parameter.requires_grad_(False)
            frozen.names.append(name)
    if "body" in chosen:
        frozen.still = body_of(model)
    if chosen and not any(parameter.requires_grad for parameter in model.parameters()):
        raise ConfigError(
            f"{_quoted(chosen)} leaves nothing to train",
            where=KEY,
            rule="at least one parameter must learn",
            remedy="freeze less",
        )
    return frozen


def refuse_random_body(model: nn.Module, fresh: Collection[str], key: str) -> None:
    """Refuse to leave a body as it is that nobody has trained.

    Raises:
        ConfigError: all of the model's weights are fresh.
    """
    if fresh and not body_names(model, fresh):
        raise ConfigError(
            "all weights of this model are random",
            where=key,
            rule="only a pretrained body is worth keeping as it is",
            remedy=f"leave {key} out, or name a pretrained model without model.config",
        )


def _matched(model: nn.Module, item: str, fresh: Collection[str]) -> list[str]:
    if item == "body":
        refuse_random_body(model, fresh, KEY)
        return body_names(model, fresh)
    if item == "embeddings":
        return _at(model, lambda depth: depth == 0)
    if found := _LAYERS.fullmatch(item):
        first, last = int(found[1]), int(found[2] or found[1])
        _check_range(item, first, last, layer_count(model))
        return _at(model, lambda depth: first + 1 <= depth <= last + 1)
    names = [name for name, _ in model.named_parameters()]
    matched = [name for name in names if fnmatchcase(name, item)]
    if not matched:
        raise ConfigError(
            f"{item!r} matches no parameter",
            where=KEY,
            rule="it is 'body', 'embeddings', 'layers.0-3' or a pattern of names such as '*.bias'",
            remedy=_suggest(item, names),
        )
    return matched


def _at(model: nn.Module, wanted: Callable[[int], bool]) -> list[str]:
    """The parameters of embeddings and layers at the wanted depths; never what is above them."""
    return [
        name
        for name, place in places(model).items()
        if wanted(place.depth) and place.depth < place.top
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
    """A word of ours, or the parameters that are named most like it."""
    if close := nearest(item, _WORDS):
        return f"did you mean {close!r}?"
    parts = list(dict.fromkeys(part for name in names for part in _ends(name)))
    plain = item.strip("*.")
    if close := nearest(plain, parts):
        return f"did you mean '*{close}*'?"
    return did_you_mean(item, names[:3]) + ", ..."


def _ends(name: str) -> list[str]:
    """All runs of parts of a dotted name, numbers left out: what a pattern is likely to hold."""
    parts = [part for part in name.split(".") if not part.isdigit()]
    return [".".join(parts[i:j]) for i in range(len(parts)) for j in range(i + 1, len(parts) + 1)]


def _quoted(items: Sequence[str]) -> str:
    return " and ".join(repr(item) for item in items)
