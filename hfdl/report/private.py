"""Paths of this machine in the files of a run: what others are shown is the name at their end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://")
# A path of at least two parts that begins a word; of an address the slashes come after others.
_POSIX_PATH = re.compile(r"(?<![\w/:.<&~-])~?/(?:[^\s/:\"'`<>|()\[\]]+/)+([^\s/:\"'`<>|()\[\]]*)")
_WINDOWS_PATH = re.compile(
    r"(?<![\w/])(?:[A-Za-z]:|\\)\\{1,2}(?:[^\s\\:\"'<>|]+\\{1,2})+([^\s\\:\"'<>|]*)"
)


def is_private(text: str) -> bool:
    """Whether a value is a path that says where something lies on this machine.

    A relative one is, too, where it names a folder or file that is here.
    """
    if _SCHEME.match(text) or "\n" in text:
        return False
    source = text.rpartition(":")[0] if text.rpartition(":")[0].endswith(".py") else text
    if source.startswith(("/", "~", "./", "../")) or _WINDOWS.match(source):
        return len(source) > 1
    return ("/" in source or "\\" in source) and _is_here(source)


def shown(text: str) -> str:
    """A private path as others are shown it: its last part."""
    if _WINDOWS.match(text) or ("\\" in text and "/" not in text):
        return PureWindowsPath(text).name or text
    return PurePosixPath(text).name or "path"


def private_paths(value: Any) -> Iterator[str]:
    """Those among the strings of a recipe, a list or a JSON value."""
    if isinstance(value, str):
        if is_private(value):
            yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from private_paths(each)
    elif isinstance(value, list):
        for each in value:
            yield from private_paths(each)


def without_paths(value: Any) -> Any:
    """The value again, each private path in it replaced by what is shown of it."""
    if isinstance(value, str):
        return shown(value) if is_private(value) else value
    if isinstance(value, dict):
        return {key: without_paths(each) for key, each in value.items()}
    if isinstance(value, list):
        return [without_paths(each) for each in value]
    return value


def shared_words(text: str, paths: list[str]) -> str:
    """A text for others: the given paths, those below them and whatever else looks like one.

    Args:
        text: of a note or a log.
        paths: private ones that the run is known to name.
    """
    for path in sorted(paths, key=len, reverse=True):
        text = text.replace(path, shown(path))
    text = text.replace(str(Path.home()) + "/", "")
    text = _POSIX_PATH.sub(lambda found: found[1] or "path", text)
    return _WINDOWS_PATH.sub(lambda found: found[1] or "path", text)


def _is_here(source: str) -> bool:
    try:
        return Path(source).expanduser().exists()
    except (OSError, RuntimeError, ValueError):
        return False
