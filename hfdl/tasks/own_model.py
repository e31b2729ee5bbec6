"""Models of the user's own in a task: a class that the recipe names, or an object.

Each stands where ``NewModel`` or a saved folder does, and ends in the same three things: a
tokenizer, a config, and a model for the labels of the data.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

from torch import nn
from transformers import PreTrainedModel

from hfdl.config.load import MEMORY
from hfdl.config.schema import ModelConfig
from hfdl.custom_model.build import (
    config_of,
    given,
    keep_to_signature,
    new_instance,
    own_sizes,
    saved_instance,
)
from hfdl.custom_model.load import KEY, OwnClass, class_of_saved, load_class
from hfdl.custom_model.module import OwnModelConfig
from hfdl.errors import ConfigError
from hfdl.hf_models.build import Built, build_saved
from hfdl.hf_models.from_config import default_config
from hfdl.tasks.new_model import NewModel
from hfdl.weights.families.name_table import Head
from hfdl.weights.model_config import load_config
from hfdl.weights.names import CLASS_RECORD, is_new_model
from hfdl.weights.resolve import find_model
from hfdl.weights.saved_head import take_saved_labels
from hfdl.weights.saved_tokenizer import load_tokenizer, with_padding
from hfdl.weights.vocabulary_size import refuse_larger_tokenizer, tokenizer_size

MODEL, TOKENIZER = f"{MEMORY}model", f"{MEMORY}tokenizer"
"""What stands in a recipe for a model that was given as an object, and for its tokenizer."""


class _Task(Protocol):
    """What a model is built by: a ``PretrainedTask``."""

    config: Any
    tokenizer: Any
    trains: bool
    auto_class: ClassVar[str]

    def other_names(self, label: str) -> Sequence[str]: ...


class OwnNewModel(NewModel):
    """An own class with a config and a tokenizer that are made from their sizes.

    Args:
        own: the class.
        head, model: as for ``NewModel``; ``model.config`` may hold sizes of the class's own.
    """

    def __init__(self, own: OwnClass, head: Head, model: ModelConfig) -> None:
        self.own = own
        self.own_sizes = own_sizes(default_config(head, model), model.config or {})
        super().__init__(head, without(model, self.own_sizes))

    def config(self, **settings: Any) -> Any:
        """Its config, once the tokenizer is known."""
        config = super().config()
        sizes = {**(self.model.config or {}), **self.own_sizes}
        config = config_of(self.own, config, self.tokenizer, sizes)
        for name, value in {**self.own_sizes, **settings, CLASS_RECORD: self.own.record}.items():
            setattr(config, name, value)
        return config

    def build(self, **settings: Any) -> tuple[nn.Module, list[str]]:
        """The model, and the names of its random parameters."""
        config = self.config(**settings)
        if issubclass(self.own.value, PreTrainedModel):
            hf_class: Any = self.own.value
            model = hf_class._from_config(config, dtype=self.model.dtype)
            keep_to_signature(model)
        else:
            model, _, _ = new_instance(self.own, config, None, self.model.dtype)
        return model, [name for name, _ in model.named_parameters()]


class OwnSavedModel:
    """An own class that begins with the config, the tokenizer and the weights of a folder.

    Args:
        own: the class.
        model: the recipe's section. Sizes of the class's own leave the weights as they are.
        folder: what ``model.name`` names.
    """

    def __init__(self, own: OwnClass, model: ModelConfig, folder: Path) -> None:
        self.own, self.folder = own, folder
        plain = load_config(folder)
        self.own_sizes = own_sizes(plain, model.config or {})
        self.model = without(model, self.own_sizes)
        self.tokenizer = load_tokenizer(folder)
        self.config = config_of(
            own, load_config(folder, self.model.config), self.tokenizer, model.config or {}
        )
        for name, value in {**self.own_sizes, CLASS_RECORD: own.record}.items():
            setattr(self.config, name, value)

    @property
    def keeps_head(self) -> bool:
        """Whether it may take over the folder's head."""
        return issubclass(self.own.value, PreTrainedModel)

    def build(self, task: _Task, settings: Mapping[str, Any]) -> Built:
        """The model for the labels of the data."""
        if issubclass(self.own.value, PreTrainedModel):
            built = build_saved(
                self.own.value, self.folder, self.model, config=task.config,
                others=task.other_names, tokenizer=task.tokenizer if task.trains else None,
                **settings,
            )  # fmt: skip
            keep_to_signature(built.model)
            return built
        config = copy.deepcopy(task.config)
        for name, value in settings.items():
            setattr(config, name, value)
        folder = self.folder if self.model.config is None else None
        model, new, fact = new_instance(self.own, config, folder, self.model.dtype)
        return Built(model, new, [fact] if fact else [])


class GivenModel:
    """A model that was given as an object: ``hfdl.train(..., model=module)``.

    Args:
        model: a transformers model or any torch module.
        tokenizer: its tokenizer; None: that of ``section.name``.
        section: the recipe's section.
    """

    folder = None

    def __init__(self, model: nn.Module, tokenizer: Any, section: ModelConfig) -> None:
        self.model, self.section = _unwrapped(model), section
        _refuse_unfit(self.model)
        folder = Path(section.name).expanduser()
        if tokenizer is None:
            folder = find_model(section.name, section.revision, weights=False)
            tokenizer = load_tokenizer(folder)
        self.tokenizer = with_padding(tokenizer, "tokenizer")
        if isinstance(self.model, PreTrainedModel):
            refuse_larger_tokenizer(self.model, self.tokenizer, None)
            self.config = copy.deepcopy(self.model.config)
        elif (folder / "config.json").is_file():
            self.config = load_config(folder)
        else:
            size, pad = tokenizer_size(self.tokenizer), self.tokenizer.pad_token_id
            self.config = OwnModelConfig()
            self.config.update({"vocab_size": size, "pad_token_id": pad})

    @property
    def keeps_head(self) -> bool:
        """Whether it has one whose labels are known."""
        return isinstance(self.model, PreTrainedModel)

    def build(self, task: _Task, settings: Mapping[str, Any]) -> Built:
        """The object itself, for the labels of the data."""
        saved = copy.deepcopy(self.config)
        model = given(self.model, copy.deepcopy(task.config), settings, self.section.dtype)
        facts: list[str] = []
        if isinstance(model, PreTrainedModel):
            keep_to_signature(model)
            if "id2label" in settings and saved.num_labels == model.config.num_labels:
                _, fact = take_saved_labels(
                    model, [], saved, task.auto_class, Path(), task.other_names
                )
                facts = [fact] if fact else []
        return Built(model, [], facts)


def own_source(
    recipe: ModelConfig, memory: Mapping[str, Any], head: Head
) -> OwnNewModel | OwnSavedModel | GivenModel | None:
    """The user's own model that a recipe is trained with; None: it names none.

    Raises:
        ConfigError: there is no such class, it needs another config, or the object of an earlier
            run is missing.
        ModelError: ``model.name`` cannot be found.
    """
    path = recipe.own_class
    if path is None:
        return None
    if recipe.implementation == "hfdl":
        raise ConfigError(
            "hfdl has no code of its own for a class of yours",
            where="model.implementation",
            rule=f"{KEY} says whose code runs",
            remedy="leave model.implementation out",
        )
    if path.startswith(MEMORY):
        model = _object(memory)
        _refuse_plain_translator(type(model), head)
        return GivenModel(model, memory.get(TOKENIZER), recipe)
    own = load_class(path)
    _refuse_plain_translator(own.value, head)
    if is_new_model(recipe):
        return OwnNewModel(own, head, recipe)
    section = without(recipe, {})
    folder = find_model(section.name, section.revision, weights=section.config is None)
    return OwnSavedModel(own, section, folder)


def open_own(
    config: Any, asked: str | None, folder: Path, auto_settings: Mapping[str, Any]
) -> Built | None:
    """A saved model of an own class, in eval mode; None: it is of transformers' or hfdl's.

    Args:
        config: of the folder.
        asked: ``model.class`` of the recipe.
        folder: the model's.
        auto_settings: keys of the config that a saved one may lack.

    Raises:
        ConfigError: the class is gone, or is not what it was.
        ModelError: its weights do not fit.
    """
    asked = None if asked is not None and asked.startswith(MEMORY) else asked
    own = class_of_saved(config, asked, str(folder))
    if own is None:
        return None
    if issubclass(own.value, PreTrainedModel):
        section = ModelConfig(name=str(folder))
        built = build_saved(own.value, folder, section, config=config, **auto_settings)
        keep_to_signature(built.model)
        return built
    return Built(saved_instance(own, config, folder), [], [])


def without(model: ModelConfig, names: Mapping[str, Any]) -> ModelConfig:
    """A section without some of its sizes; without any, it asks for no random weights."""
    kept = {name: value for name, value in (model.config or {}).items() if name not in names}
    return model.model_copy(update={"config": kept or None})


def _object(memory: Mapping[str, Any]) -> nn.Module:
    if MODEL not in memory:
        raise ConfigError(
            "the model was given as an object, which is not here",
            where=KEY,
            rule="a recipe holds no objects",
            remedy="give it again: hfdl.train(..., model=MODULE), or name its class: "
            f"{KEY}=FILE.py:CLASS",
        )
    return memory[MODEL]


def _unwrapped(model: nn.Module) -> nn.Module:
    """The model in what torch.compile and torch's data parallelism put around it."""
    model = getattr(model, "_orig_mod", model)
    parallel = (nn.DataParallel, nn.parallel.DistributedDataParallel)
    return model.module if isinstance(model, parallel) else model


def _refuse_unfit(model: nn.Module) -> None:
    """Refuse what is around a model instead of one."""
    if type(model).__module__.startswith("peft."):
        raise ConfigError(
            f"it is a {type(model).__name__}, a model with adapters",
            where="model",
            rule="hfdl adds adapters itself, and merges them when it saves",
            remedy='give the model without them, and "tune.lora": {}',
        )
    if any(parameter.is_meta for parameter in model.parameters()):
        raise ConfigError(
            f"{type(model).__name__} has parameters without weights",
            where="model",
            rule="those on the device meta hold no numbers",
            remedy="load or draw the weights first: model.to_empty(device='cpu')",
        )


def _refuse_plain_translator(value: type, head: Head) -> None:
    if head == "seq2seq" and not issubclass(value, PreTrainedModel):
        raise ConfigError(
            f"{value.__name__} cannot translate",
            where=KEY,
            rule="a translation is written by an encoder and a decoder with transformers' methods",
            remedy="derive the class from one of transformers', such as MarianMTModel",
        )
