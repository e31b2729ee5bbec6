"""How a recipe names the user's own code: ``file.py:NAME`` or ``module:NAME``."""

from __future__ import annotations

from pathlib import Path


def is_own_path(text: str) -> bool:
    """Whether a text names code (``my.py:f``, ``package.module:f``) and no built-in part."""
    return ":" in text and "://" not in text


def absolute(text: str) -> str:
    """``my.py:f`` with the whole path of its file, so that a run finds it again from anywhere.

    Relative paths are taken from the working folder, as those of ``data.train`` are.
    """
    file, colon, name = text.rpartition(":")
    if not colon or not is_file(file):
        return text
    return f"{Path(file).expanduser().absolute()}:{name}"


def file_of_path(path: str) -> Path | None:
    """The file of ``file.py:NAME``; None of a module's."""
    source = absolute(path).rpartition(":")[0]
    return Path(source) if is_file(source) else None


def is_file(source: str) -> bool:
    """Whether the part before the colon is a file, and not a module."""
    return source.endswith(".py") or "/" in source
