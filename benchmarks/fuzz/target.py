"""What is fuzzed: a function of bytes, which reads them or refuses them with an error of hfdl's."""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hfdl.errors import HfdlError

PATIENCE = 10.0
"""Seconds for one input of a few kilobytes. What takes longer hangs."""


class PropertyBroken(AssertionError):  # noqa: N818  # it says what does not hold
    """Bytes were read without an error, and what was read is not right."""


@dataclass(frozen=True)
class Target:
    """One thing that hfdl reads.

    Args:
        name: of one word.
        text: what it is, in words.
        read: the bytes, and an empty folder of the target's own that stays from call to call. It
            raises an ``HfdlError`` where they are refused, anything else where hfdl is wrong.
        seeds: inputs to begin with, most of them right.
        words: what a mutation puts in, beside what any format has.
        is_json: whether values may be changed as values, too.
    """

    name: str
    text: str
    read: Callable[[bytes, Path], None]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...] = ()
    is_json: bool = False


@dataclass(frozen=True)
class Finding:
    """Something other than an ``HfdlError``.

    Args:
        kind: the exception's class, and where in hfdl it came from: one finding a kind is kept.
        message: what it said.
        data: the input.
    """

    kind: str
    message: str
    data: bytes

    @property
    def digest(self) -> str:
        """A name for its file."""
        return hashlib.sha256(self.kind.encode()).hexdigest()[:12]


def must(holds: bool, what: str) -> None:
    """Raise ``PropertyBroken`` unless it holds."""
    if not holds:
        raise PropertyBroken(what)


def tried(target: Target, data: bytes, folder: Path) -> Finding | bool:
    """Read an input.

    Returns:
        True: it was read; False: it was refused as it should be; else what was found.
    """
    began = time.monotonic()
    try:
        target.read(data, folder)
    except HfdlError:
        read = False
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic in Rust is no Exception
        what = str(error) if isinstance(error, PropertyBroken) else place(error)
        return Finding(f"{type(error).__name__}: {what}", str(error)[:300], data)
    else:
        read = True
    if (seconds := time.monotonic() - began) > PATIENCE:
        return Finding("slow", f"{seconds:.0f} s for {len(data)} bytes", data)
    return read


def place(error: BaseException) -> str:
    """The last line of hfdl's own in a traceback: ``hfdl/data/table.py:read``; without its number,
    which each edit moves.
    """
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/hfdl/" in frame.filename] or list(frames)
    name = ours[-1].filename.rpartition("/hfdl/")[2]
    return f"{name}:{ours[-1].name}"
