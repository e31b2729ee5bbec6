"""Paths of this machine in the files of a run: what others are shown is the name at their end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://")
# A path of at least two parts that begins a word; of an address the slashes come after others.
_POSIX_PATH = re.compile(r"(?<![\w/:.<&~-])~?/(?:[^\s/:\"'`<>|()\[\]]+/)+([^\s/:\"'`<>|()\[\]]*)")
_WINDOWS_PATH = re.compile(
    r"(?<![\w/])(?:[A-Za-z]:|\\)\\{1,2}(?:[^\s\\:\"'<>|]+\\{1,2})+([^\s\\:\"'<>|]*)"
)
_ENDINGS = (
    r"\.(?:csv|tsv|jsonl?|ndjson|parquet|arrow|txt|conllu?|iob2?|bioe?s?|xlsx?|gz|zip|ya?ml|vec|py)"
)
_FILE = re.compile(_ENDINGS + r"$", re.IGNORECASE)
_HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+([@:#].*)?", re.ASCII)
_QUOTED = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_WORD = re.compile(rf" \(word {_QUOTED}\)")
_SPAN = re.compile(rf"(span \d+:\d+ \([^()'\"]*) {_QUOTED}\)")
_NOTHING = re.compile(r"(?!)")
_PLACES = frozenset({
    "train", "validation", "test", "name", "tokenizer", "vectors", "_name_or_path", "name_or_path",
    "base_model_name_or_path",
})  # fmt: skip
"""Keys at which data or a model is named: what is no Hub id there is a path."""
_WORDS = frozenset({
    "id2label", "label2id", "labels", "label", "text", "text_pair", "tokens", "tags", "spans",
    "sentence", "group", "na_values", "separator", "label_separator", "samples", "threshold",
    "class_weights", "added_tokens_decoder", "additional_special_tokens", "extra_special_tokens",
    "model_specific_special_tokens", "chat_template",
})  # fmt: skip
"""Keys at which words of the data stand, which may look like paths: ``/r/science``."""


def is_private(text: str, *, place: bool = False, near: Path | None = None) -> bool:
    """Whether a value is a path that says where something lies on this machine.

    A relative one is, too, if it ends as a file does or names a folder or file that is here.

    Args:
        text: the value.
        place: whether it names data or a model, so that a relative path is told from a Hub id by
            its form, wherever it is looked at.
        near: the run's folder: what it was trained on may lie beside it or above.
    """
    if _SCHEME.match(text) or "\n" in text:
        return False
    source = text.rpartition(":")[0] if text.rpartition(":")[0].endswith(".py") else text
    if source.startswith(("/", "~", "./", "../")) or _WINDOWS.match(source):
        return len(source) > 1
    if "/" not in source and "\\" not in source:
        return False
    is_formed = bool(_FILE.search(source)) and (place or not re.search(r"\s[/\\]|[/\\]\s", source))
    return is_formed or (place and not _HUB.fullmatch(source)) or is_here(source, near)


def shown(text: str) -> str:
    """A private path as others are shown it: its last part."""
    if _WINDOWS.match(text) or ("\\" in text and "/" not in text):
        return PureWindowsPath(text).name or text
    return PurePosixPath(text).name or "path"


def private_paths(value: Any, near: Path | None = None) -> Iterator[str]:
    """Those among the strings of a recipe or a JSON value; ``near`` as for ``is_private``."""
    found: list[str] = []
    _walk(value, "", near, found)
    yield from found


def without_paths(value: Any, near: Path | None = None) -> Any:
    """The value again, each private path in it replaced by what is shown of it.

    Labels, tokens, prompts and names of columns stay whatever they look like.
    """
    return _walk(value, "", near, [])


def _walk(value: Any, key: str, near: Path | None, found: list[str]) -> Any:
    """The value without paths; those are added to ``found``. ``key``: what it stands at."""
    if key in _WORDS or key.endswith("_token"):
        return value
    if isinstance(value, str) and is_private(value, place=key in _PLACES, near=near):
        found.append(value)
        return shown(value)
    if isinstance(value, dict):
        return {name: _walk(each, str(name), near, found) for name, each in value.items()}
    if isinstance(value, list):
        return [_walk(each, key, near, found) for each in value]
    return value


def shared_words(text: str, paths: list[str]) -> str:
    """A text for others: the given paths, those below them and whatever else looks like one.

    Args:
        text: of a note or a log.
        paths: private ones that the run is known to name.
    """
    for path in sorted(paths, key=len, reverse=True):
        text = text.replace(path, shown(path))
    for path in paths:  # a pattern stands for files that the recipe does not name one by one
        text = _below(path).sub("", text)
    text = text.replace(str(Path.home()) + "/", "")
    text = _POSIX_PATH.sub(lambda found: found[1] or "path", text)
    return _WINDOWS_PATH.sub(lambda found: found[1] or "path", text)


def without_excerpts(text: str) -> str:
    """A note of a run without the words of the data that it quotes: of a place, where it is."""
    return _SPAN.sub(r"\1)", _WORD.sub("", text))


def _below(path: str) -> re.Pattern[str]:
    """The folders before a file's name that lies where ``path`` does, or below."""
    folders = re.split(r"[\\/]", path)[:-1]
    plain = takewhile(lambda part: not set(part) & set("*?["), folders)
    start = "/".join(plain)
    if start.strip("./~") == "":
        return _NOTHING
    between = r"/(?:[^\s/:\"'`<>|()\[\],;]+/)*"
    return re.compile(rf"(?<![\w/.-]){re.escape(start)}{between}(?=[^\s/:\"'`<>|()]+{_ENDINGS}\b)")


def is_here(source: str, near: Path | None = None) -> bool:
    """Whether there is such a file or folder, from the working folder or one above ``near``."""
    above = [] if near is None else near.absolute().parents
    try:
        return any((each / Path(source).expanduser()).exists() for each in (Path(), *above))
    except (OSError, RuntimeError, ValueError):
        return False
