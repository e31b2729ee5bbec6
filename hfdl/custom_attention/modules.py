"""Find the attention modules of a model, and whether their attention can be replaced.

A model file of transformers that is ported takes its attention from ``AttentionInterface`` at each
call. One that is not computes it inline and silently ignores a registered function, so hfdl reads
the source of each attention class and does not trust a name in a config.
"""

from __future__ import annotations

import inspect
import sys
from functools import cache

from torch import nn
from transformers import PreTrainedModel

from hfdl.errors import ModelError
from hfdl.nn.attention import MultiHeadAttention

_LOOKUP = ".get_interface("  # how a forward takes its attention from the registry


def base_model(model: nn.Module) -> nn.Module:
    """The transformers model inside PEFT's, torch.compile's or another wrapper; else ``model``."""
    return next((m for m in model.modules() if isinstance(m, PreTrainedModel)), model)


def ported_modules(model: nn.Module) -> dict[str, nn.Module]:
    """The attention modules that a registered function serves, by name within ``base_model``."""
    return {name: m for name, m in base_model(model).named_modules() if takes_registered(type(m))}


def unported_modules(model: nn.Module) -> dict[str, nn.Module]:
    """The innermost modules called attention that no registered function reaches, by name."""
    unported = {}
    for name, module in base_model(model).named_modules():
        inner = [m for m in module.modules() if "Attention" in type(m).__name__]
        if inner == [module] and not takes_registered(type(module)):
            unported[name] = module
    return unported


@cache
def takes_registered(module_class: type[nn.Module]) -> bool:
    """Whether a module of this class asks transformers' registry for its attention.

    hfdl's own is passed its kernel by the model around it.
    """
    if issubclass(module_class, MultiHeadAttention):
        return True
    try:
        return _LOOKUP in inspect.getsource(module_class.forward)
    except (OSError, TypeError):  # typed into an interpreter: no source to read
        return False


def check_supported(model: nn.Module | type[PreTrainedModel]) -> None:
    """Refuse a model whose attention a registered function would not, or only partly, replace.

    Args:
        model: a model, or a class of one before it is built. For a class the attention modules of
            its file are looked at, for a model its own.

    Raises:
        ModelError: GPT-Neo, GPT-J, DeBERTa, BLOOM, Falcon, MPT, XLNet and others that compute
            attention inline. transformers itself would log a warning at most.
    """
    if isinstance(model, type):
        classes = _attention_classes(model)
        if classes and not any(takes_registered(c) for c in classes):
            raise _unsupported(model, sorted(c.__name__ for c in classes))
        return
    unported = unported_modules(model)
    if unported or not ported_modules(model):
        names = [f"{name or 'itself'} ({type(m).__name__})" for name, m in unported.items()]
        raise _unsupported(type(base_model(model)), names)


def _attention_classes(model_class: type[PreTrainedModel]) -> list[type[nn.Module]]:
    """The attention classes that the file of a model's class defines."""
    file = sys.modules[model_class.__module__]
    return [
        value
        for name, value in vars(file).items()
        if "Attention" in name
        and isinstance(value, type)
        and issubclass(value, nn.Module)
        and value.__module__ == file.__name__
    ]


def _unsupported(model_class: type, names: list[str]) -> ModelError:
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return ModelError(
        f"the attention of {model_class.__name__} cannot be replaced"
        + (f": it is computed inline in {shown}" if names else ": none was found in it"),
        rule="a registered attention reaches only modules that take theirs from transformers' "
        "AttentionInterface",
        remedy="choose an architecture that does, such as BERT, GPT-2, Llama or T5",
    )
