"""Models of the families that transformers has, too: the two read each other's files."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
import transformers
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel

from hfdl.hf_models.base import BackboneModel
from hfdl.weights.families.name_table import Table
from hfdl.weights.families.registry import Family

_CORE = "core."
# Of a config that belongs to the class and not to the model.
_CLASS_KEYS = ("model_type", "transformers_version")


class FamilyModel(BackboneModel):
    """A model of a family that transformers has, too: the two read each other's files.

    Its arguments and outputs are those of the transformers class that it stands for, and so are
    its files: what it saves, plain transformers opens. Its ``state_dict`` has hfdl's names.

    Args:
        config: the config class of the family here, or transformers' own, which is then copied.
    """

    family: ClassVar[Family]

    def __init__(self, config: PreTrainedConfig) -> None:
        if not isinstance(config, self._config_class()):
            config = config_as(self._config_class(), config)
        super().__init__(config)

    @classmethod
    def _new_core(cls, config: Any) -> nn.Module:
        return cls.family.cores[cls.head](cls.family.translate(config))

    @classmethod
    def _config_class(cls) -> type[PreTrainedConfig]:
        assert cls.config_class is not None
        return cls.config_class

    @classmethod
    def hf_name(cls) -> str:
        """The name of the transformers class that it stands for."""
        return cls.family.hf_name(cls.head)

    @property
    def table(self) -> Table:
        """Our names and transformers', for this model's tensors and their gradients.

        The names of ours are those of ``self.core``, as the config says that it is built: what
        others have put into it since, such as adapters, is in no table.
        """
        with torch.device("meta"):
            core = self._new_core(self.config)
        shapes = {name: tensor.shape for name, tensor in core.state_dict().items()}
        tied = bool(self.config.tie_word_embeddings) and self._tied_weights_keys is not None
        return self.family.table.table(self.head, shapes, tied=tied)

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """As torch's, under our names or under transformers'; a saved file has theirs.

        Raises:
            ModelError: names of theirs that are not known; or are missing, where ``strict``.
        """
        if not any(name.startswith(_CORE) for name in state_dict):
            read = self.table.to_scratch if strict else self.table.read
            state_dict = {_CORE + name: tensor for name, tensor in read(state_dict).items()}
        return super().load_state_dict(state_dict, strict=strict, assign=assign)

    @classmethod
    def from_hf(cls, hf_model: PreTrainedModel) -> Self:
        """A model that takes over the tensors of a transformers model of its class.

        Tensors are shared where the two have them alike, so the other is then to be let go.

        Raises:
            ModelError: see ``hfdl.weights.families`` and ``Table.to_scratch``.
        """
        with torch.device("meta"):
            model = cls(hf_model.config)
        tensors = model.table.to_scratch(hf_model.state_dict())
        whole = {name: _whole(tensor) for name, tensor in tensors.items()}
        model.core.load_state_dict(whole, assign=True)
        model.tie_weights()
        if hf_model.can_generate():
            model.generation_config = copy.deepcopy(hf_model.generation_config)
        return model.train(hf_model.training)

    @classmethod
    def from_pretrained(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *model_args: Any,
        config: PreTrainedConfig | None = None,
        attn_implementation: str | None = None,
        output_loading_info: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Open what transformers or this class saved; arguments as for transformers' classes."""
        if isinstance(config, cls._config_class()):
            config = config_as(cls.family.hf_config_class, config)
        hf_class: Any = getattr(transformers, cls.hf_name())
        hf_model, info = hf_class.from_pretrained(
            pretrained_model_name_or_path, *model_args, config=config, output_loading_info=True,
            **kwargs,
        )  # fmt: skip
        model = cls.from_hf(hf_model).eval()
        if attn_implementation is not None:
            model.set_attn_implementation(attn_implementation)
        return (model, info) if output_loading_info else model

    def save_pretrained(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        save_directory: str | os.PathLike[str],
        is_main_process: bool = True,
        state_dict: Mapping[str, Tensor] | None = None,
        **kwargs: Any,
    ) -> None:
        """Save as transformers' class would: its names, its config, its files.

        Args:
            save_directory: the folder.
            is_main_process: whether this process writes.
            state_dict: our tensors by name, if not the model's own.
            kwargs: as for transformers' ``save_pretrained``.

        Raises:
            ModelError: tensors of another kind are among them, such as adapters not yet merged.
        """
        if getattr(self, "_hf_peft_config_loaded", False):  # adapters alone are saved
            adapters: Any = state_dict
            super().save_pretrained(save_directory, is_main_process, adapters, **kwargs)
            return
        tensors = self.state_dict() if state_dict is None else state_dict
        ours = {name.removeprefix(_CORE): tensor for name, tensor in tensors.items()}
        hf_model = self._in_hf_form(self.table.to_hf(ours))
        hf_model.save_pretrained(save_directory, is_main_process, **kwargs)

    def _in_hf_form(self, tensors: dict[str, Tensor]) -> Any:
        """transformers' class with these tensors, fit for saving alone: its buffers are empty."""
        config = config_as(self.family.hf_config_class, self.config)
        hf_class: Any = getattr(transformers, self.hf_name())
        with torch.device("meta"):
            hf_model = hf_class(config)
        hf_model.load_state_dict(tensors, assign=True)
        hf_model.tie_weights()
        if self.can_generate():
            hf_model.generation_config = self.generation_config
        return hf_model


def config_as(config_class: Any, config: Any) -> Any:
    """The settings of a config in one of another class: ours in transformers', or back."""
    settings = {k: v for k, v in config.to_dict().items() if k not in _CLASS_KEYS}
    copied = config_class.from_dict(settings)
    copied.name_or_path = config.name_or_path
    return copied


def _whole(tensor: Tensor) -> Tensor:
    """The tensor itself, or a copy of a piece of a larger one: files take no views."""
    own = tensor.untyped_storage().nbytes() == tensor.nbytes and tensor.is_contiguous()
    return tensor if own else tensor.clone(memory_format=torch.contiguous_format)
