"""Tensors of a safetensors file exchanged for others of the same size, all else bit for bit.

The format is a length (8 bytes), a header in JSON with the place of each tensor, and the tensors'
bytes: https://huggingface.co/docs/safetensors.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hfdl.errors import ModelError
from hfdl.training.files import sync

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
_FINE = (torch.float32, torch.float64)
_OWN_PREFIX = "module."  # of a class of the user's, which its file leaves out


def files_of(
    folder: Path, values: Mapping[str, Tensor], called: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, Tensor]]:
    """Where a model's parameters are saved: by file the tensors, under the names they have there.

    Args:
        folder: of the model.
        values: the parameters as they are in memory, by name.
        called: all names of each, transformers' among them: see ``all_names``.

    Raises:
        ModelError: one is not there, or not as it is in memory, or of a type that cannot hold a
            quotient closely.
    """
    found: dict[str, dict[str, Tensor]] = {}
    for name, value in values.items():
        for there in _names(called[name]):
            file = _file_of(folder, there)
            if file is not None and _is_same(folder / file, there, value):
                found.setdefault(file, {})[there] = value
                break
        else:
            raise ModelError(
                f"{name} is not in its weights as the model has it",
                where=str(folder),
                rule="what is divided is found by its name in model.safetensors",
                remedy="save the model with transformers' save_pretrained, and name that folder",
            )
    return found


def written_aside(path: Path, tensors: Mapping[str, Tensor], aside: Path) -> None:
    """Write a copy of a safetensors file with these tensors in place of those that it has; synced.

    Args:
        path: the file.
        tensors: of the same types and shapes as there.
        aside: where the copy goes.
    """
    shutil.copyfile(path, aside)
    start, places = _header(path)
    with aside.open("r+b") as stream:
        for name, tensor in tensors.items():
            first, last = places[name]["data_offsets"]
            data = _bytes(tensor)
            assert len(data) == last - first, name
            stream.seek(start + first)
            stream.write(data)
    shutil.copymode(path, aside)
    sync(aside)


def read(path: Path, names: Sequence[str]) -> dict[str, Tensor]:
    """Tensors of a safetensors file."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as opened:
        return {name: opened.get_tensor(name) for name in names}


def name_in_file(files: Mapping[str, Mapping[str, Tensor]], called: Sequence[str]) -> str:
    """The name that a parameter of the model has in its files, as ``files_of`` gives them."""
    there = {each for tensors in files.values() for each in tensors}
    return next(each for each in _names(called) if each in there)


def _names(called: Sequence[str]) -> list[str]:
    return [*called, *(name.removeprefix(_OWN_PREFIX) for name in called)]


def _file_of(folder: Path, name: str) -> str | None:
    if (folder / INDEX).is_file():
        listing = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        file = (listing.get("weight_map") or {}).get(name)
        return file if isinstance(file, str) and Path(file).name == file else None
    if not (folder / WEIGHTS).is_file():
        return None
    return WEIGHTS if name in _header(folder / WEIGHTS)[1] else None


def _is_same(path: Path, name: str, value: Tensor) -> bool:
    saved = read(path, [name])[name]
    if saved.dtype not in _FINE:
        raise ModelError(
            f"{name} is saved in {str(saved.dtype).removeprefix('torch.')}",
            where=str(path),
            rule="a quotient that is rounded so coarsely could change an answer",
            remedy="train the model again with model.dtype=float32",
        )
    return saved.dtype == value.dtype and torch.equal(saved, value.cpu())


def _header(path: Path) -> tuple[int, dict[str, Any]]:
    """Where the tensors' bytes begin, and the header."""
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        return 8 + length, json.loads(stream.read(length))


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
