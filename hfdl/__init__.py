"""hfdl: from-scratch transformers that equal the pretrained ones, and fine-tuning on one loop.

The public names are looked up when they are first used, so that importing hfdl costs nothing:
neither torch nor transformers is loaded by it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hfdl.calibration.calibrate import calibrate, uncalibrate
    from hfdl.custom_attention.register import register_attention
    from hfdl.differences.diff import diff
    from hfdl.exporting.export import export
    from hfdl.hf_models.load import load_scratch
    from hfdl.parity.verify import verify
    from hfdl.pipelines import pipeline
    from hfdl.runs.compare import compare
    from hfdl.runs.run import evaluate, train
    from hfdl.runs.seeds import train_seeds
    from hfdl.search.tune import tune
    from hfdl.sharing.push import push
    from hfdl.tasks.registry import register_task

    __version__: str

__all__ = [
    "__version__",
    "calibrate",
    "compare",
    "diff",
    "evaluate",
    "export",
    "load_scratch",
    "pipeline",
    "push",
    "register_attention",
    "register_task",
    "train",
    "train_seeds",
    "tune",
    "uncalibrate",
    "verify",
]

_HOMES = {
    "calibrate": "hfdl.calibration.calibrate",
    "compare": "hfdl.runs.compare",
    "diff": "hfdl.differences.diff",
    "evaluate": "hfdl.runs.run",
    "export": "hfdl.exporting.export",
    "load_scratch": "hfdl.hf_models.load",
    "pipeline": "hfdl.pipelines",
    "push": "hfdl.sharing.push",
    "register_attention": "hfdl.custom_attention.register",
    "register_task": "hfdl.tasks.registry",
    "train": "hfdl.runs.run",
    "train_seeds": "hfdl.runs.seeds",
    "uncalibrate": "hfdl.calibration.calibrate",
    "tune": "hfdl.search.tune",
    "verify": "hfdl.parity.verify",
}


# In a checkout hfdl.cli and hfdl.recipes are the folders cli/ and recipes/ beside this one, as
# pyproject.toml says: Python that is started there finds this folder before the installed package.
if not os.path.isdir(os.path.join(__path__[0], "cli")):  # noqa: PTH112, PTH118  # no pathlib
    __path__.append(os.path.dirname(__path__[0]))  # noqa: PTH120


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        from hfdl.distribution import DISTRIBUTION

        value: Any = version(DISTRIBUTION)
    elif name in _HOMES:
        from importlib import import_module

        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
