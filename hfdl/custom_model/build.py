"""From a class or an object of the user's to a model that is trained, or opened again."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from transformers import PreTrainedModel

from hfdl.config.own_code import line_of_own_code
from hfdl.custom_model.load import KEY, OwnClass, class_of_object
from hfdl.custom_model.module import WEIGHTS, OwnModel, accepted, same_tensor
from hfdl.errors import ConfigError, ModelError
from hfdl.weights.families.registry import FAMILIES
from hfdl.weights.names import CLASS_RECORD, SCHEME
from hfdl.weights.vocabulary_size import tokenizer_size


def new_instance(
    own: OwnClass, config: Any, folder: Path | None, dtype: str
) -> tuple[OwnModel, list[str], str | None]:
    """A model of a class that is no transformers class, for training.

    Args:
        own: the class.
        config: of the model, with the labels of the data.
        folder: whose weights its ``from_pretrained`` may take; None: random ones are asked for.
        dtype: of the weights.

    Returns:
        the model, the names of its random parameters, and a line for a person, where needed.

    Raises:
        ConfigError: the class cannot be made from a config.
    """
    pretrained: Any = getattr(own.value, "from_pretrained", None)
    reads = folder is not None and pretrained is not None
    if reads and pretrained is not None:
        module = _made(own, lambda: pretrained(str(folder), config=config))
    else:
        module = _made(own, lambda: own.value(config))
    model = OwnModel(module.to(getattr(torch, dtype)), config)
    new = [] if reads else [name for name, _ in model.named_parameters()]
    fact = None
    if folder is not None and not reads:
        fact = f"{own.name} has no from_pretrained: {folder} gives its tokenizer and config alone"
    return model, new, fact


def saved_instance(own: OwnClass, config: Any, folder: Path) -> OwnModel:
    """A saved model of a class that is no transformers class, in eval mode.

    Raises:
        ModelError: its weights do not fit.
        ConfigError: the class cannot be made from a config.
    """
    module = _made(own, lambda: own.value(copy.deepcopy(config)))
    if config.dtype is not None:
        module = module.to(config.dtype)
    try:
        _load(module, folder / WEIGHTS)
    except (RuntimeError, OSError, SafetensorError) as error:
        raise ModelError(
            f"the weights do not fit {own.name}: {str(error).splitlines()[-1].strip()}",
            where=str(folder / WEIGHTS),
            rule=f"they belong to the class that they were saved from, made as {own.name}(config)",
            remedy=f"name the class that they were trained with: {KEY}=FILE.py:CLASS",
        ) from error
    return OwnModel(module.eval(), config)


def _load(module: nn.Module, file: Path) -> None:
    """Read a module's weights; a tensor that stands under several names was written once.

    Raises:
        RuntimeError: a name is missing, is one too many, or has another shape.
    """
    lacking, unknown = module.load_state_dict(load_file(file), strict=False)
    state = module.state_dict()
    read = {same_tensor(state[name]) for name in state.keys() - set(lacking)}
    lacking = [name for name in lacking if same_tensor(state[name]) not in read]
    if lacking or unknown:
        what = f"{lacking[0]} is not in the file" if lacking else f"there is no {unknown[0]} in it"
        raise RuntimeError(what)


def given(model: nn.Module, config: Any, settings: Mapping[str, Any], dtype: str) -> Any:
    """A model that was given as an object, for the labels of the data; it is not copied.

    Args:
        model: a transformers model, or any torch module.
        config: its config, where it has none of its own.
        settings: keys of the config: labels, problem type.
        dtype: of the weights.
    """
    if not isinstance(model, PreTrainedModel | OwnModel):
        model = OwnModel(model, config)
    for name, value in settings.items():
        setattr(model.config, name, value)
    own = class_of_object(model.module if isinstance(model, OwnModel) else model)
    if own is not None:
        setattr(model.config, CLASS_RECORD, own.record)
    return model.to(getattr(torch, dtype))


def keep_to_signature(model: Any) -> None:
    """Let a transformers class of the user's get only those inputs that its ``forward`` takes."""

    def chosen(module: nn.Module, args: Any, inputs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        kept = accepted(module, inputs)
        if "_chunked_loss" in vars(module):
            kept |= {name: inputs[name] for name in ("positions", "targets") if name in inputs}
        return args, kept

    model.register_forward_pre_hook(chosen, with_kwargs=True)


def config_of(own: OwnClass, config: Any, tokenizer: Any, sizes: Mapping[str, Any]) -> Any:
    """The config that a class is made from: that of ``model.name``, or of its own kind.

    Args:
        own: the class.
        config: of ``model.name``.
        tokenizer: gives the vocabulary and the special ids of a config of its own kind.
        sizes: ``model.config`` of the recipe.

    Raises:
        ConfigError: the class takes another kind of config, which is transformers'.
    """
    kind = own.config_class
    if kind is None or isinstance(config, kind):
        return config
    if kind.__module__.startswith("transformers."):
        families = [family.model_type for family in FAMILIES]
        is_known = kind.model_type in families
        new = f", or model.name={SCHEME}{kind.model_type} for random weights" if is_known else ""
        raise ConfigError(
            f"{own.name} takes a {kind.__name__}, and model.name has a {type(config).__name__}",
            where=KEY,
            rule="a transformers class is made from a config of its own family",
            remedy=f"name a model of the family {kind.model_type}: model.name=FOLDER" + new,
        )
    ids = ("bos_token_id", "eos_token_id", "pad_token_id")
    special = {name: getattr(tokenizer, name) for name in ids}
    return kind(**special, **{"vocab_size": tokenizer_size(tokenizer), **sizes})


def own_sizes(config: Any, sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Those of ``model.config`` that the config of ``model.name`` does not know."""
    known = {*config.to_dict(), *config.attribute_map}
    return {name: value for name, value in sizes.items() if name not in known}


def _made(own: OwnClass, make: Any) -> nn.Module:
    try:
        made = make()
    except TypeError as error:
        if line_of_own_code(error) is not None:
            raise  # it was made, and its own code failed
        raise ConfigError(
            f"{own.name} cannot be made: {error}",
            where=KEY,
            rule=f"hfdl calls {own.name}(config), with the transformers config of model.name and "
            "the sizes of model.config",
            remedy="give its __init__ one argument, the config",
        ) from error
    if not isinstance(made, nn.Module):
        raise ConfigError(
            f"{own.name} gave {type(made).__name__}",
            where=KEY,
            rule="from_pretrained gives the model",
            remedy="return it",
        )
    return made
