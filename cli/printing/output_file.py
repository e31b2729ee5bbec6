"""The file of an ``--output``: what it may not be, and how it is written."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hfdl.errors import OutputError, shell_path

# What a folder of a run, of a model or of a checkpoint holds; projects of other kinds have files of
# these names too, so that one counts only beside what a training leaves.
_MARKS = ("recipe.yaml", "config.json", "adapter_config.json", "manifest.json")
_LEFT = ("*.safetensors", "*.bin", "checkpoints", "metrics.json", "tokenizer*.json")


def refuse_output(
    output: Path, *, overwrite: bool = False, inputs: Sequence[str | Path | None] = ()
) -> None:
    """Refuse a file that should not be written; called before anything else is done.

    A device or a pipe, such as /dev/stdout, is no file, and may be written.

    Args:
        output: the file.
        overwrite: whether one that is there may be replaced.
        inputs: what the command reads: it may not be replaced at all.

    Raises:
        OutputError: it is a folder, or in none, an input, a part of a run or a model, or there.
    """
    if output.is_dir():
        raise OutputError("it is a folder", where=str(output), remedy="name a file")
    if not output.parent.is_dir():
        raise OutputError(
            f"there is no folder {output.parent}",
            where=str(output),
            remedy=f"make it first: mkdir -p {shell_path(output.parent)}",
        )
    if not output.is_file():
        _refuse_checkpoint(output)
        return
    if any(given and _is_same(Path(given), output) for given in inputs):
        raise OutputError(
            "it is what the command reads",
            where=str(output),
            rule="an input is never written over",
            remedy="name another file",
        )
    if any(_holds(folder, *_MARKS) for folder in _above(output)):
        raise OutputError(
            "it is a file of a run or a model",
            where=str(output),
            rule="these are never written over",
            remedy="name another file",
        )
    if not overwrite:
        raise OutputError(
            "the file exists",
            where=str(output),
            remedy="choose another --output, or give --overwrite",
        )


@contextmanager
def written_aside(output: Path) -> Iterator[Path]:
    """A path to write to; at the end the file of that name is ``output``, whole or not at all.

    Args:
        output: the file; a device or a pipe is written to directly.
    """
    if output.exists() and not output.is_file():
        yield output
        return
    # The ending stays: whoever writes may go by it. A link stays one: what it leads to is replaced.
    target = output.resolve()
    aside = target.with_name(f".{os.getpid()}.part{target.suffix}")
    try:
        yield aside
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def _refuse_checkpoint(output: Path) -> None:
    if any(_holds(folder, "manifest.json") for folder in _above(output)):
        raise OutputError(
            "its folder is a checkpoint",
            where=str(output),
            rule="a file more would make it a damaged one",
            remedy="name a file elsewhere",
        )


def _holds(folder: Path, *marks: str) -> bool:
    """Whether a folder holds one of these files, and what a training leaves."""
    if not any((folder / mark).is_file() for mark in marks):
        return False
    return any(True for pattern in _LEFT for _ in folder.glob(pattern))


def _above(output: Path) -> list[Path]:
    """The folders of a file that could be those of a run or a model: three, of a checkpoint."""
    return list(output.resolve().parents)[:3]


def _is_same(given: Path, output: Path) -> bool:
    try:
        return given.samefile(output)
    except OSError:  # a text, a model's name, or not there
        return False
