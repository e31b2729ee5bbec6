"""The folder of an export: the graph, and what pipelines read beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

from hfdl.runs.outputs import RECIPE
from hfdl.weights.graph_files import WEIGHTS
from hfdl.weights.sentence.modules import MODULES

INDEX = WEIGHTS[1]
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
    target.mkdir(parents=True, exist_ok=True)
    for pattern in _FILES:
        for path in sorted(source.glob(pattern)):
            shutil.copyfile(path, target / path.name)


def copy_sentence_files(source: Path, target: Path, inner: str) -> None:
    """Copy what sentence-transformers left beside a transformer: pooling, layers, prompts.

    Args:
        source, target: folders.
        inner: the transformer's own folder in them, which is left out.
    """
    if not (source / MODULES).is_file():
        return
    for path in sorted(source.glob("*.json")):
        if not (target / path.name).exists() and path.name != INDEX:
            shutil.copyfile(path, target / path.name)
    for folder in sorted(path for path in source.iterdir() if path.is_dir()):
        if folder.name[:1].isdigit() and folder.name != inner:  # 1_Pooling, 2_Dense
            shutil.copytree(folder, target / folder.name)
