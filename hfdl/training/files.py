"""Atomic writes: a crash at any moment leaves the old state or the new one, never a mixture."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
_ASIDE = ".writing-"


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def json_text(value: Any, *, indent: int | None = None) -> str:
    """JSON as RFC 8259 has it: a number that is not finite has none there, and becomes null.

    Half of a character (of a file name that is not UTF-8) is written as JSON's escape of it.
    """
    try:
        text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    except ValueError:
        finite = finite_or_null(value)
        text = json.dumps(finite, indent=indent, ensure_ascii=False, allow_nan=False)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def finite_or_null(value: Any) -> Any:
    """The value with None in place of each float that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite_or_null(each) for key, each in value.items()}
    return [finite_or_null(each) for each in value] if isinstance(value, list | tuple) else value


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically."""
    replace_text(path, json_text(value, indent=2) + "\n")


def replace_text(path: Path, text: str) -> None:
    """Write a file atomically: aside, synced, renamed into place."""
    aside = path.with_name(_ASIDE + path.name)
    try:
        aside.write_text(text, encoding="utf-8")
        sync(aside)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def share_as_folder(path: Path) -> None:
    """Let whoever may read a new file's folder read the file.

    safetensors writes for its owner alone, whatever the umask says: a colleague could open all of
    a model but its weights.
    """
    mode = path.parent.stat().st_mode & 0o666
    if path.is_file() and stat.S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """A folder that appears whole or not at all.

    Yields a folder aside to write into. On leaving, each file is synced, a manifest with size and
    sha256 of each is written last, and the folder is renamed into place. On an error what was
    written is removed and ``folder`` stays as it was.
    """
    aside = folder.with_name(_ASIDE + folder.name)
    old = folder.with_name(f"{_ASIDE}old-{folder.name}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        yield aside
        files = sorted(path for path in aside.rglob("*") if path.is_file())
        for path in files:
            share_as_folder(path)
            sync(path)
        listing = {
            str(path.relative_to(aside)): {"size": path.stat().st_size, "sha256": sha256_of(path)}
            for path in files
        }
        write_json(aside / MANIFEST, {"files": listing})
        sync(aside)
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
            folder.rename(old)
        aside.rename(folder)
        sync(folder.parent)
    except BaseException:
        if old.exists() and not folder.exists():
            old.rename(folder)
        shutil.rmtree(aside, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)


def move_into(aside: Path, folder: Path) -> None:
    """Move every file of a folder into another, each synced first, then remove the empty one."""
    for path in sorted(aside.iterdir()):
        share_as_folder(path)
        sync(path)
        path.replace(folder / path.name)
    aside.rmdir()
    sync(folder)


def damage(folder: Path) -> str | None:
    """What is wrong with a folder that ``atomic_folder`` wrote, or None if it is whole."""
    manifest = folder / MANIFEST
    try:
        listing = json.loads(manifest.read_text(encoding="utf-8"))["files"]
        expected = {str(name): (int(e["size"]), str(e["sha256"])) for name, e in listing.items()}
    except (
        OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError,
    ):  # fmt: skip
        return f"{MANIFEST} is missing or unreadable"
    names = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} - {MANIFEST}
    if extra := sorted(names - expected.keys()):
        return f"{extra[0]} is not in {MANIFEST}"
    for name, (size, digest) in expected.items():
        path = folder / name
        if name not in names:  # also one that leads out of the folder
            return f"{name} is missing"
        if path.stat().st_size != size:
            return f"{name} has {path.stat().st_size} bytes instead of {size}"
        if sha256_of(path) != digest:
            return f"the sha256 of {name} is not the recorded one"
    return None


def is_as_written(folder: Path, name: str) -> bool:
    """Whether one file of a folder that ``atomic_folder`` wrote is what was written."""
    try:
        listing = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        return sha256_of(folder / name) == listing[name]["sha256"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed process was writing aside."""
    for path in folder.glob(_ASIDE + "*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
