"""The layers behind a pooling, as sentence-transformers saves them: their config and weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from torch.nn.modules import activation

from hfdl.errors import ModelError
from hfdl.models.sentence_head import SentenceDense, SentenceNorm, UnitLength
from hfdl.weights.conversions import pickle_to_safetensors
from hfdl.weights.sentence.files import damaged, missing, read_json, unsupported

_WEIGHTS, _PICKLE = "model.safetensors", "pytorch_model.bin"
_VECTOR = "sentence_embedding"
"""sentence-transformers' name for what a pooling gives; a layer may work on other things too."""
_IDENTITY = ("torch.nn.modules.linear.Identity", "torch.nn.Identity")
_NOT_OF_ONE_INPUT = {"MultiheadAttention", "Threshold", "Softmax2d", "Softmax", "LogSoftmax"}


def read_layer(kind: str, folder: Path, modules: Path) -> nn.Module | None:
    """A layer with its weights; None where it does nothing in inference.

    Args:
        kind: the last part of its type in modules.json.
        folder: its own.
        modules: the file modules.json, for messages.

    Raises:
        ModelError: there is no such layer, or its files are missing or damaged.
    """
    if kind == "Dropout":
        return None
    if kind == "Normalize":
        _refuse_other_inputs(folder, required=False)
        return UnitLength()
    if kind not in ("Dense", "LayerNorm"):
        raise unsupported(modules, f"one of its steps is a {kind}")
    file = folder / "config.json"
    config = read_json(file)
    _refuse_other_inputs(folder)
    try:
        layer = SentenceNorm(config["dimension"]) if kind == "LayerNorm" else _dense(config, file)
    except (KeyError, TypeError) as error:
        raise damaged(file, f"no sizes of a {kind} ({error})") from None
    return _with_weights(layer, folder)


def _dense(config: Mapping[str, Any], file: Path) -> SentenceDense:
    return SentenceDense(
        config["in_features"],
        config["out_features"],
        _activation(config.get("activation_function", "torch.nn.modules.activation.Tanh"), file),
        bias=config.get("bias", True),
        residual=config.get("use_residual", False),
    )


def _activation(path: Any, file: Path) -> nn.Module:
    """The activation by its name in torch; nothing else is looked up, let alone imported."""
    if path in _IDENTITY:
        return nn.Identity()
    home, _, name = str(path).rpartition(".")
    known = set(activation.__all__) - _NOT_OF_ONE_INPUT
    if home not in ("torch.nn.modules.activation", "torch.nn") or name not in known:
        raise unsupported(file, f"its activation_function is {path!r}")
    return getattr(activation, name)()


def _refuse_other_inputs(folder: Path, *, required: bool = True) -> None:
    """A layer may work on the tokens instead of the vector; old files do not say what on."""
    file = folder / "config.json"
    if not required and not file.is_file():
        return
    config = read_json(file)
    for key in ("module_input_name", "module_output_name"):
        if config.get(key) not in (None, _VECTOR):
            raise unsupported(file, f"its {key} is {config[key]!r}")


def _with_weights(layer: nn.Module, folder: Path) -> nn.Module:
    file = folder / _WEIGHTS
    if not file.is_file():
        if not (folder / _PICKLE).is_file():
            raise missing(file)
        raise ModelError(
            f"no {_WEIGHTS}, only {_PICKLE}",
            where=str(folder),
            rule="weights are read from safetensors only, because a pickle can run code",
            remedy=f"convert it once: {pickle_to_safetensors(folder)}",
        )
    try:
        layer.load_state_dict(load_file(file))
    except (SafetensorError, RuntimeError) as error:
        lines = str(error).strip().splitlines()
        raise damaged(file, f"the weights do not fit config.json: {lines[-1].strip()}") from None
    return layer
