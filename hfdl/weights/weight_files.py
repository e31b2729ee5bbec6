"""What can be wrong with the weights of a model folder, seen before transformers reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hfdl.errors import ModelError
from hfdl.weights.graph_files import WEIGHTS

_LONGEST_HEADER = 100_000_000  # bytes; safetensors refuses a longer one
_WHOLE_NUMBERS = frozenset({"BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64"})


def weight_files_fault(folder: Path) -> ModelError | None:
    """What is wrong with the weight files of a folder; None: nothing that can be seen from outside.

    An index may name files of the folder alone: one that leads elsewhere would read what its writer
    chose. Weights in whole numbers are those of a quantized model; read as fractions, as
    transformers does where the config names no quantization, they give answers without a meaning.
    """
    whole, index = (folder / name for name in WEIGHTS)
    if whole.is_file():
        return _whole_numbers_fault(folder, [whole])
    names = _parts(index)
    if names is None:
        return ModelError(
            "not the index of weights in several files",
            where=str(index),
            rule='it is a JSON object {"weight_map": {TENSOR: FILE, ...}} of files beside it',
            remedy="save or download the model again",
        )
    absent = [name for name in names if not (folder / name).is_file()]
    if absent:
        return ModelError(
            f"{len(absent)} of its {len(names)} files are not there: {absent[0]}",
            where=str(index),
            rule="the index names every file of the weights",
            remedy="copy or download the rest",
        )
    return _whole_numbers_fault(folder, [folder / name for name in names])


def _parts(index: Path) -> list[str] | None:
    """The files of an index; None where it is none, or leads out of the folder."""
    found = _parsed(index.read_bytes()).get("weight_map")
    names = list(found.values()) if isinstance(found, dict) else []
    if not names or not all(isinstance(name, str) for name in names):
        return None
    is_beside = all(name.endswith(".safetensors") and Path(name).name == name for name in names)
    return sorted(set(names)) if is_beside else None


def _whole_numbers_fault(folder: Path, files: list[Path]) -> ModelError | None:
    if _parsed((folder / "config.json").read_bytes()).get("quantization_config"):
        return None  # transformers knows them, or says what it lacks
    for file in files:
        for name, tensor in _header(file).items():
            kind = tensor.get("dtype") if isinstance(tensor, dict) else None
            # Buffers, such as positions and masks, may be whole numbers.
            if name.endswith("weight") and kind in _WHOLE_NUMBERS:
                return ModelError(
                    f"{name!r} holds whole numbers ({kind})",
                    where=str(file),
                    rule="weights are fractions, unless quantization_config in config.json says "
                    "how to make them such",
                    remedy="take the model in float32 or bf16",
                )
    return None


def _header(file: Path) -> dict[str, Any]:
    """The names, types and shapes of a safetensors file; empty where they cannot be read."""
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        return _parsed(stream.read(length)) if length <= _LONGEST_HEADER else {}


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
