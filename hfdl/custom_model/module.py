"""A plain torch module in the place of a transformers model.

Legend: B rows, T positions.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import AutoConfig, GenerationConfig, PreTrainedConfig
from transformers.modeling_outputs import CausalLMOutputWithPast

from hfdl.errors import ConfigError
from hfdl.weights.names import OWN_TYPES

WEIGHTS = "model.safetensors"
_PREFIX = "module."


class OwnModelConfig(PreTrainedConfig):
    """Config of a module that was given with a tokenizer alone."""

    model_type = OWN_TYPES + "own"


AutoConfig.register(OwnModelConfig.model_type, OwnModelConfig)


class OwnModel(nn.Module):
    """A module of the user's with what the loop, tasks and pipelines ask of a model.

    Its ``forward`` gets those inputs of a batch that the module's own takes (``input_ids`` and
    ``attention_mask``, (B, T), above all) and answers with ``logits``.

    Args:
        module: it gives a tensor of logits, or something that has them as ``.logits``,
            ``["logits"]`` or its first part.
        config: a transformers config, saved beside the weights.
    """

    def __init__(self, module: nn.Module, config: Any) -> None:
        super().__init__()
        self.module = module
        self.config = config
        self.generation_config = GenerationConfig.from_model_config(config)

    def forward(self, **inputs: Any) -> CausalLMOutputWithPast:
        """The module's logits; inputs that it does not take are left out."""
        taken = accepted(self.module, inputs)
        left = None if "position_ids" in taken else _left_padding(inputs)
        if left is None:
            logits = logits_of(self.module(**taken))
        else:  # a module that counts positions by itself begins at the left edge
            logits = logits_of(self.module(**{name: _moved(x, left) for name, x in taken.items()}))
            logits = _moved(logits, -left)
        return CausalLMOutputWithPast(logits=logits)  # pyright: ignore[reportArgumentType]

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next((p.device for p in self.parameters()), torch.device("cpu"))

    @property
    def dtype(self) -> torch.dtype:
        """The type of its weights."""
        return next((p.dtype for p in self.parameters()), torch.float32)

    def get_output_embeddings(self) -> None:
        """None: which layer makes the logits is not known."""
        return None

    def can_generate(self) -> bool:
        """False: transformers' ``generate`` is not a method of it; hfdl's search needs none."""
        return False

    def save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        state_dict: Mapping[str, Tensor] | None = None,
        **others: Any,
    ) -> None:
        """Write config.json and the module's own state dict.

        ``safetensors.torch.load_model(module, "model.safetensors")`` reads it.
        """
        del others
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        tensors = self.state_dict() if state_dict is None else state_dict
        self.config.architectures = [type(self.module).__name__]
        self.config.save_pretrained(folder)
        self.generation_config.save_pretrained(folder)
        # A tensor that stands under several names is written once.
        kept: dict[Any, tuple[str, Tensor]] = {}
        for name, tensor in tensors.items():
            kept.setdefault(same_tensor(tensor), (name.removeprefix(_PREFIX), tensor))
        save_file(
            {name: tensor.detach().cpu().contiguous() for name, tensor in kept.values()},
            folder / WEIGHTS, metadata={"format": "pt"},
        )  # fmt: skip


def same_tensor(tensor: Tensor) -> tuple[Any, ...]:
    """What two tensors share that are one and the same: place, type, shape and strides."""
    place = tensor.data_ptr() if tensor.numel() else id(tensor)
    return (place, tensor.dtype, tuple(tensor.shape), tensor.stride())


def accepted(module: nn.Module, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Those inputs that a module's ``forward`` takes by name; all where it takes ``**others``."""
    parameters = inspect.signature(module.forward).parameters
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return dict(inputs)
    return {name: value for name, value in inputs.items() if name in parameters}


def needed(module: nn.Module, inputs: Mapping[str, Any]) -> list[str]:
    """What a module's ``forward`` cannot do without and the inputs lack, or cannot give by name."""
    plain = inspect.Parameter.POSITIONAL_ONLY
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        name
        for name, each in inspect.signature(module.forward).parameters.items()
        if each.default is each.empty
        and each.kind not in several
        and (name not in inputs or each.kind is plain)
    ]


def logits_of(outputs: Any) -> Tensor:
    """The logits in what a module gives.

    Raises:
        ConfigError: there are none.
    """
    found: Any = outputs
    if isinstance(outputs, Mapping):
        found = outputs.get("logits")
    elif not isinstance(outputs, Tensor):
        first = outputs[0] if isinstance(outputs, list | tuple) and outputs else None
        found = getattr(outputs, "logits", first)
    if isinstance(found, Tensor):
        return found
    raise ConfigError(
        f"forward gives {type(outputs).__name__} without logits",
        where="model.class",
        rule="it gives a tensor of scores, or an object with .logits",
        remedy="return the scores of the last layer",
    )


def _left_padding(inputs: Mapping[str, Any]) -> Tensor | None:
    """The tokens of padding left of each row, (B,); None where no row has any."""
    mask = inputs.get("attention_mask")
    if not isinstance(mask, Tensor) or mask.dim() != 2 or mask.shape != inputs["input_ids"].shape:
        return None
    left = mask.bool().long().argmax(dim=1)  # (B, T) -> (B,)
    return left if bool(left.any()) else None


def _moved(rows: Tensor, by: Tensor) -> Tensor:
    """Each row moved to the left by its own number of places, around the end: (B, T, ...)."""
    length = rows.shape[1]
    places = (torch.arange(length, device=rows.device) + by[:, None]) % length  # (B, T)
    return rows[torch.arange(len(rows), device=rows.device)[:, None], places]
