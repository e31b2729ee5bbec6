"""Opening what was saved, transformers' models and hfdl's own architectures alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hfdl.config.schema import ModelConfig
from hfdl.hf_models.own_architectures import OWN
from hfdl.hf_models.registry import AUTO_CLASSES
from hfdl.weights.pretrained import build_pretrained, open_saved
from hfdl.weights.saved_config import saved_class_name


def open_model(folder: Path) -> Any:
    """A model as it was saved, head and all, in eval mode.

    Importing this module registers hfdl's architectures with transformers' Auto classes.

    Args:
        folder: what ``hfdl.weights.resolve.find_model`` gives.

    Raises:
        ModelError: see ``hfdl.weights.pretrained.open_saved``.
    """
    name = saved_class_name(folder)
    for architecture in OWN.values():
        for head, model_class in architecture.heads.items():
            if model_class.__name__ == name:
                section = ModelConfig(name=str(folder))
                model, _ = build_pretrained(AUTO_CLASSES[head].__name__, folder, section)
                return model.eval()
    return open_saved(folder)[0]
