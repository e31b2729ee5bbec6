"""hfdl: from-scratch transformers that equal the pretrained ones, and fine-tuning on one loop.

The public names are looked up when they are first used, so that importing hfdl costs nothing:
neither torch nor transformers is loaded by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hfdl.eras import compare
    from hfdl.inspect.register import register_attention
    from hfdl.inspect.verify import verify
    from hfdl.pipelines import pipeline
    from hfdl.run import evaluate, train
    from hfdl.seeds import train_seeds
    from hfdl.weights.scratch import load_scratch

    __version__: str

__all__ = [
    "__version__",
    "compare",
    "evaluate",
    "load_scratch",
    "pipeline",
    "register_attention",
    "train",
    "train_seeds",
    "verify",
]

_HOMES = {
    "compare": "hfdl.eras",
    "evaluate": "hfdl.run",
    "load_scratch": "hfdl.weights.scratch",
    "pipeline": "hfdl.pipelines",
    "register_attention": "hfdl.inspect.register",
    "train": "hfdl.run",
    "train_seeds": "hfdl.seeds",
    "verify": "hfdl.inspect.verify",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("hfdl")
    elif name in _HOMES:
        from importlib import import_module

        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
