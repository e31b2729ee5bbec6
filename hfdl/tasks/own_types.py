"""Model types that transformers does not have, made known to it where a folder is of one."""

from __future__ import annotations

from pathlib import Path

from hfdl.errors import ModelError
from hfdl.weights.names import OWN_TYPES
from hfdl.weights.saved_config import architecture


def register_own_types(folder: Path) -> None:
    """Register hfdl's architectures with transformers' Auto classes, if the folder holds one.

    Their classes take transformers' modelling code to define, so that nobody else imports them.

    Args:
        folder: the model's folder. What is wrong with its config says whoever reads it.
    """
    try:
        kind = architecture(folder).get("model_type")
    except (ModelError, OSError):
        return
    if str(kind).startswith(OWN_TYPES):
        import hfdl.hf_models  # noqa: F401
