"""The class that ``model.class`` names, and what a saved model records of it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from torch import nn
from transformers import AutoConfig, PreTrainedConfig
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from hfdl.config.own_code import load_own
from hfdl.config.own_paths import is_own_path
from hfdl.config.recorded_code import check_recorded, recorded
from hfdl.errors import ConfigError, ModelError, shell_path
from hfdl.weights.names import CLASS_RECORD

KEY = "model.class"
_MAIN = "__main__"


@dataclass(frozen=True)
class OwnClass:
    """A model class of the user's.

    Args:
        path: ``file.py:Class`` or ``module:Class``, of a file absolute.
        value: the class; a subclass of ``torch.nn.Module``.
        sha256: of its file, in hex; None where it has none that stays.
    """

    path: str
    value: type[nn.Module]
    sha256: str | None

    @property
    def name(self) -> str:
        """The class's own name."""
        return self.value.__name__

    @property
    def config_class(self) -> type[PreTrainedConfig] | None:
        """The transformers config that it asks for; None: it takes any."""
        found = getattr(self.value, "config_class", None)
        is_config = isinstance(found, type) and issubclass(found, PreTrainedConfig)
        return found if is_config and found is not PreTrainedConfig else None

    @property
    def record(self) -> dict[str, Any]:
        """What config.json says of it."""
        return {"name": self.path, "sha256": self.sha256}


def load_class(path: str) -> OwnClass:
    """Import the class that a recipe names, and make its config known to ``AutoConfig``.

    Args:
        path: ``model.class``.

    Raises:
        ConfigError: there is no such class, or it is no model.
    """
    part = load_own(path, KEY, "a model class")
    if not (isinstance(part.value, type) and issubclass(part.value, nn.Module)):
        raise ConfigError(
            f"{path!r} is no model class",
            where=KEY,
            rule="it is a subclass of torch.nn.Module or of transformers' PreTrainedModel",
            remedy=f"write: class {part.name}(torch.nn.Module): ...",
        )
    # What runs now under that name may be another file tomorrow.
    digest = None if part.path.startswith(f"{_MAIN}:") else part.sha256
    own = OwnClass(part.path, part.value, digest)
    config_class = own.config_class
    if config_class is not None and config_class.model_type not in CONFIG_MAPPING:
        AutoConfig.register(config_class.model_type, config_class)
    return own


def class_of_object(model: nn.Module) -> OwnClass | None:
    """The class of a model that was given as an object, where another process can find it.

    None for classes of transformers and hfdl, whose folders need none, and for those that are made
    inside a function.
    """
    value = type(model)
    module = value.__module__
    if module.partition(".")[0] in ("transformers", "hfdl", "peft"):
        return None
    if "<locals>" in value.__qualname__ or "." in value.__qualname__:
        return None
    loaded = sys.modules.get(module)
    file = getattr(loaded, "__file__", None)
    if module == _MAIN or loaded is None or file is None:
        return OwnClass(f"{_MAIN}:{value.__name__}", value, None)
    # A file's own path: its module's name may belong to another one elsewhere.
    is_installed = "site-packages" in file
    path = f"{module if is_installed else file}:{value.__name__}"
    return OwnClass(path, value, load_own(path, KEY, "a model class").sha256)


def recorded_class(config: Any) -> dict[str, Any] | None:
    """What a model's config says of the class that its weights belong to."""
    return recorded(config, CLASS_RECORD)


def class_of_saved(config: Any, asked: str | None, folder: str) -> OwnClass | None:
    """The class of saved weights: what is asked for, else the recorded one; None: transformers'.

    Args:
        config: of the saved model.
        asked: ``model.class`` of the recipe; None: it names none.
        folder: the model's, for messages.

    Raises:
        ConfigError: the file of the recorded class is gone, or is not what it was.
    """
    record = recorded_class(config)
    if asked is not None and (record is None or asked != record["name"]):
        return load_class(asked) if is_own_path(asked) else None
    if record is None:
        return None
    check_recorded(record, folder, key=KEY, what="class")
    path, name = record["name"], record["name"].rpartition(":")[2]
    if path.startswith(f"{_MAIN}:") and not hasattr(sys.modules[_MAIN], name):
        raise ModelError(
            f"its class {name} was defined in a script or a notebook",
            where=folder,
            rule="a class in a file of its own is found again",
            remedy="put it into a file and name that: hfdl evaluate "
            f"{shell_path(folder)} {KEY}=FILE.py:{name}",
        )
    return load_class(path)
