"""One of several processes that train together: where the others are, and its launcher.

hfdl's own launcher (``launch``) tells it by environment variables; so do torchrun, ``accelerate
launch`` and MPI, whose names of them are known too.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from typing import Any

MEETING = "HFDL_MEETING_FILE"
CONTINUE = "HFDL_CONTINUE_WITH"
"""The command that continues a run which several processes do; its launcher alone knows it."""

CHILD = "HFDL_CHILD"
"""Set for a process that is to end when the one that started it does."""

LOST = 113
"""The exit code of a process that can tell no more than that another one has gone."""

_RANKS = ("RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")
_SIZES = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def is_first_process() -> bool:
    """Whether this process speaks and writes for those that train along."""
    return process_number() == 0


def process_number() -> int:
    """This process among those that train together, from 0."""
    return _number(_RANKS, 0)


def launched_processes() -> int:
    """How many processes a launcher has started, this one included; 1 where there is none."""
    return max(1, _number(_SIZES, 1))


def _number(names: tuple[str, ...], default: int) -> int:
    found = next((os.environ[name] for name in names if os.environ.get(name)), "")
    return int(found) if found.isdecimal() else default


def end_with_launcher() -> None:
    """See that a process which hfdl has launched ends when its launcher does, however it ends.

    Its stdin is a pipe that nothing is written to: the system closes it when the launcher is gone.
    Linux moreover kills it at once, even in a pass that keeps Python's threads waiting.
    """
    if MEETING not in os.environ and CHILD not in os.environ:
        return
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_wait_for_end_of_stdin, daemon=True).start()


def _wait_for_end_of_stdin() -> None:
    try:
        while os.read(0, 1):
            pass
    except OSError:
        return
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


def process_group_options() -> dict[str, Any]:
    """How a launched process finds the others, for torch's ``init_process_group``; else nothing.

    By a file: a port that is free when it is chosen can be taken before the first process binds it.
    """
    if MEETING not in os.environ:
        return {}
    rank, world = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE"))
    return {"init_method": f"file://{os.environ[MEETING]}", "rank": rank, "world_size": world}


def leave() -> None:
    """Wait for the other processes and part from them, so that none sees a connection break."""
    import torch.distributed as dist

    if dist.is_available() and dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()


def has_lost_another(error: BaseException) -> bool:
    """Whether an error says no more than that another process has gone."""
    names = {kind.__name__ for kind in type(error).__mro__}
    words = ("gloo", "Connection closed by peer", "Connection reset by peer", "NCCL")
    is_distributed = "DistError" in names or "DistBackendError" in names
    return launched_processes() > 1 and (
        is_distributed or (isinstance(error, RuntimeError) and any(w in str(error) for w in words))
    )
