"""hfdl's own models as citizens of transformers.

``ScratchBertForSequenceClassification`` and its like: subclasses of ``PreTrainedModel`` that hold a
model of ``hfdl.models``. Trainer, pipeline, generate, PEFT and the Auto classes take them as they
take transformers' own.
"""

from __future__ import annotations

from typing import Any

from hfdl.hf_models.base import Citizen
from hfdl.hf_models.registry import CITIZENS, CONFIGS

__all__ = ["CITIZENS", "CONFIGS", "Citizen"]

_NAMED = {citizen.__name__: citizen for citizen in CITIZENS.values()} | CONFIGS


def __getattr__(name: str) -> Any:
    if name in _NAMED:
        return _NAMED[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_NAMED})
