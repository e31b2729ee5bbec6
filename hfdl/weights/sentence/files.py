"""JSON files of a sentence-transformers folder, and the errors about them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hfdl.errors import ModelError


def read_json(file: Path, *, of: type = dict) -> Any:
    """The object, or the list, that a JSON file holds.

    Raises:
        ModelError: it is missing, no JSON, or of another form.
    """
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except OSError:
        raise missing(file) from None
    except (ValueError, RecursionError) as error:
        raise damaged(file, f"not JSON: {error}") from None
    if not isinstance(value, of):
        raise damaged(file, f"it holds a {type(value).__name__}")
    return value


def missing(file: Path) -> ModelError:
    """The error for a file that modules.json promises and that is not there."""
    return ModelError(
        "the file is missing",
        where=str(file),
        rule="modules.json says that the model has it",
        remedy="download the whole model, or choose another",
    )


def damaged(file: Path, problem: str) -> ModelError:
    """The error for a file that says what no version of sentence-transformers writes."""
    return ModelError(
        problem,
        where=str(file),
        rule="sentence-transformers writes this file",
        remedy="check the folder, or download the model again",
    )


def unsupported(file: Path, problem: str) -> ModelError:
    """The error for a model that makes its vectors in a way that hfdl does not have."""
    return ModelError(
        problem,
        where=str(file),
        rule="hfdl makes vectors with a Transformer, a Pooling, and then Dense, LayerNorm, Dropout "
        "and Normalize; code in a model folder is never run",
        remedy="choose another model, or open it with sentence-transformers",
    )
