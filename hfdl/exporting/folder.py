"""The folder of an export: the graph, and what pipelines read beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

from hfdl.runs.outputs import RECIPE

_FILES = (
    "config.json", RECIPE, "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "vocab.txt", "vocab.json", "merges.txt", "*.model", "*.jinja",
)  # fmt: skip


def default_output(name: str, folder: Path, *, int8: bool) -> Path:
    """Where an export goes that nobody named a folder for: beside the model, or in runs/.

    Args:
        name: of the model, as the user gave it.
        folder: where it is.
        int8: whether the graph is in int8.
    """
    is_local = Path(name).expanduser().is_dir()
    beside = folder.resolve() if is_local else Path("runs") / Path(name).name
    stem = Path(name).expanduser() if is_local and Path(name).name else beside
    return stem.with_name(f"{stem.name}-onnx" + ("-int8" if int8 else ""))


def copy_files(source: Path, target: Path) -> None:
    """Copy config, tokenizer and recipe; what is a link in a cache becomes a file."""
    for pattern in _FILES:
        for path in sorted(source.glob(pattern)):
            shutil.copyfile(path, target / path.name)
