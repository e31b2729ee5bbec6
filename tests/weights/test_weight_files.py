"""Weight files that lead elsewhere, are not all there, or hold whole numbers where weights are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from hfdl.errors import ModelError
from hfdl.weights.resolve import find_model

INDEX = "model.safetensors.index.json"


@pytest.fixture
def folder(tiny_bert: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bert, tmp_path / "model"))


@pytest.mark.parametrize(
    "weight_map",
    [
        [1, 2], {}, {"a": 1}, {"a": "../other/model.safetensors"}, {"a": "weights.bin"}, "x", None,
        {"a": "/tmp/model.safetensors"},
    ],
)  # fmt: skip
def test_an_index_names_files_beside_it(folder: Path, weight_map: Any) -> None:
    other = folder.parent / "other"
    other.mkdir()
    (folder / "model.safetensors").rename(other / "model.safetensors")  # what it must not reach
    (folder / INDEX).write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(ModelError, match="not the index of weights in several files"):
        find_model(str(folder))


@pytest.mark.parametrize("text", ["x", "[]", "[" * 100_000])
def test_an_index_is_an_object(folder: Path, text: str) -> None:
    (folder / "model.safetensors").unlink()
    (folder / INDEX).write_text(text)
    with pytest.raises(ModelError, match="not the index of weights in several files"):
        find_model(str(folder))


def test_a_part_that_is_not_there_is_named(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "a.safetensors")
    parts = {"x": "a.safetensors", "y": "b.safetensors"}
    (folder / INDEX).write_text(json.dumps({"weight_map": parts}))
    with pytest.raises(ModelError, match=r"1 of its 2 files are not there: b\.safetensors"):
        find_model(str(folder))


@pytest.mark.parametrize("dtype", [torch.int8, torch.int32, torch.uint8])
def test_weights_in_whole_numbers_are_refused(folder: Path, dtype: torch.dtype) -> None:
    file = folder / "model.safetensors"
    weights = load_file(file)
    name = next(name for name in weights if name.endswith("word_embeddings.weight"))
    save_file({**weights, name: (weights[name] * 50).to(dtype)}, file)
    with pytest.raises(ModelError, match=f"'{name}' holds whole numbers"):
        find_model(str(folder))


def test_buffers_may_be_whole_numbers(folder: Path) -> None:
    file = folder / "model.safetensors"
    positions = torch.arange(8)[None]
    save_file({**load_file(file), "embeddings.position_ids": positions}, file)
    assert find_model(str(folder)) == folder
