"""Keep glibc from handing large blocks back to the kernel after every step.

By default every large tensor is mapped afresh and unmapped when freed, and the kernel zeroes its
pages each time: up to a fifth of a training step on a CPU. The price is memory: blocks of many
sizes leave holes. Training and evaluation want different sizes, so the holes of the one are given
back before the other begins.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8  # malloc.h
_LARGE = 2**31 - 1


def keep_large_blocks() -> bool:
    """Serve large blocks from the heap, and keep what is freed, for the life of this process.

    Returns:
        False where the C library is not glibc: nothing was changed.
    """
    libc = _glibc()
    if libc is None:
        return False
    unmapped = libc.mallopt(_M_MMAP_MAX, 0)
    kept = libc.mallopt(_M_TRIM_THRESHOLD, _LARGE)
    # Other threads' arenas hold no block above 64 MB and give theirs back; one heap is enough.
    single = libc.mallopt(_M_ARENA_MAX, 1)
    return bool(unmapped and kept and single)


def give_back_free_pages() -> None:
    """Hand what is free back to the kernel once, holes in the heap included."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def _glibc() -> Any:
    """The C library, if it is glibc."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version  # noqa: B018  # absent from musl, whose mallopt does nothing
    except (OSError, AttributeError):
        return None
    return libc
