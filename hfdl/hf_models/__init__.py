"""PreTrainedModel classes around hfdl's own models, and their registration with the Auto classes.

``ScratchBertForSequenceClassification`` and its like: subclasses of ``PreTrainedModel`` that hold a
model of ``hfdl.models``. Trainer, pipeline, generate, PEFT and the Auto classes take them as they
take transformers' own.
"""

from __future__ import annotations

from typing import Any

from hfdl.hf_models.base import HfModel
from hfdl.hf_models.family import FamilyModel
from hfdl.hf_models.registry import CONFIGS, HF_MODELS

__all__ = ["CONFIGS", "HF_MODELS", "FamilyModel", "HfModel"]

_NAMED = {model.__name__: model for model in HF_MODELS.values()} | CONFIGS


def __getattr__(name: str) -> Any:
    if name in _NAMED:
        return _NAMED[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMED})
