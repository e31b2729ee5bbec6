"""Out-of-memory errors: how to recognise them and what to try; malloc settings."""

from __future__ import annotations

import ctypes
import gc
import mmap
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch

_ONEDNN = (
    "could not create a primitive",
    "could not create a memory",
    "could not execute a primitive",
)
# What torch says where it has no class of its own for it: on a CPU, and in some libraries below.
_SAYINGS = (
    "can't allocate memory",
    "Cannot allocate memory",
    "not enough memory",
    "out of memory",
    "unable to mmap",
    "std::bad_alloc",
    # oneDNN gives no reason. It says the first of a layer that it does not know as well, but that
    # layer then fails in micro-batches of one, too, and the message ends the run.
    *_ONEDNN,
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory did not suffice."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _SAYINGS)


def forget_what_failed(message: str = "", *, is_float32: bool = False) -> None:
    """Give back what a failed pass still holds, on the host and on a GPU.

    Args:
        message: the error's.
        is_float32: whether all arithmetic is float32. Then the rest of the run does without oneDNN
            once that has failed: torch has code of its own for it, which needs no addresses, and
            MKL for the matrix products. In bf16 those are oneDNN's, and the others far slower.
    """
    _reserve.clear()
    if is_float32 and any(words in message for words in _ONEDNN):
        _set_onednn(False)
    gc.collect()
    give_back_free_pages()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def onednn_as_before() -> Iterator[None]:
    """Switch oneDNN on again at the end, where a failed pass has switched it off."""
    before = _set_onednn(None)
    try:
        yield
    finally:
        _set_onednn(before)


def _set_onednn(enabled: bool | None) -> bool:
    """Switch oneDNN on or off, its precision as it is; None changes nothing. Gives what was."""
    set_flags: Any = torch.backends.mkldnn.set_flags
    return bool(set_flags(enabled, _fp32_precision=None)[0])


_RESERVE = 32 * 2**20
_reserve: list[mmap.mmap] = []


def keep_a_reserve() -> None:
    """Keep addresses aside, which hold no memory, until a pass has failed.

    Under a limit of addresses (ulimit -v) a failed pass can leave a heap that fills the limit and
    cannot shrink. Smaller tensors fit into its holes, but not the code that oneDNN compiles for
    them, which is mapped apart: every smaller pass then fails as well. Where oneDNN cannot be done
    without, this is all there is.
    """
    if not _reserve:
        with suppress(OSError):
            _reserve.append(mmap.mmap(-1, _RESERVE))


def half(size: int) -> int | None:
    """The next smaller size to try; None where one is all that there is."""
    return None if size <= 1 else -(-size // 2)


# ---- Keep glibc from handing large blocks back to the kernel after every step --------------------
# By default every large tensor is mapped afresh and unmapped when freed, and the kernel zeroes its
# pages each time: up to a fifth of a training step on a CPU. The price is memory: blocks of many
# sizes leave holes. Training and evaluation want different sizes, so the holes of the one are given
# back before the other begins.

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
