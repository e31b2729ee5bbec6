"""Several processes for one run, on one machine: the same command once for each.

Not by torch's elastic launcher: it ends all the others at once when one fails. A mistake in the
input, which each of them finds, then gave the exit code 143 in three of six tries, where 2 is due.
It also stops listening to Ctrl-C after the first, and imports torch before it starts anything.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

_MEETING = "HFDL_MEETING_FILE"
_GRACE = 30.0  # seconds that the others get to end once one has failed


def launch(argv: Sequence[str], processes: int) -> int:
    """Run ``hfdl ARGV`` in several processes that train together.

    With GPUs each process takes one; on a CPU they share its cores. Only the first one speaks;
    what another has to say on stderr is shown if it alone fails. Signals are passed on.

    Args:
        argv: the command's words, without ``--processes``.
        processes: how many.

    Returns:
        the exit code of the first process that failed, else 0.
    """
    threads = str(max(1, (os.cpu_count() or 1) // processes))
    shared = {
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", threads),
    }
    command = [sys.executable, "-m", "hfdl.cli", *argv]
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        shared[_MEETING] = str(Path(folder) / "meeting")
        whispers = [stack.enter_context(tempfile.TemporaryFile("w+")) for _ in range(processes)]
        workers = [
            subprocess.Popen(
                command,
                env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
                stdout=None if rank == 0 else subprocess.DEVNULL,
                stderr=None if rank == 0 else whispers[rank],
                # A group of its own each, so that a Ctrl-C arrives once, through us.
                start_new_session=True,
            )
            for rank in range(processes)
        ]
        before = {s: signal.signal(s, _pass_on(workers)) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            return _wait(workers, whispers)
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)


def _pass_on(workers: list[subprocess.Popen[bytes]]):
    def handler(signum: int, frame: object) -> None:
        for worker in workers:
            if worker.poll() is None:
                worker.send_signal(signum)

    return handler


def _wait(workers: list[subprocess.Popen[bytes]], whispers: Sequence[IO[str]]) -> int:
    first: int | None = None
    while first is None and any(worker.poll() is None for worker in workers):
        first = next((rank for rank, w in enumerate(workers) if w.poll()), None)
        time.sleep(0.05)
    deadline = time.monotonic() + _GRACE
    for worker in workers:
        try:
            worker.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
    codes = [worker.returncode for worker in workers]
    if first is None:
        first = next((rank for rank, code in enumerate(codes) if code), 0)
    # The first process has said what is wrong with the input (2) or that it was stopped (130, 143).
    # Where another one failed, all that the first can say is that it lost it.
    if codes[0] not in (0, 1):
        first = 0
    elif first:
        whispers[first].seek(0)
        sys.stderr.write(whispers[first].read())
    code = codes[first]
    return 128 - code if code < 0 else code


def process_group_options() -> dict[str, Any]:
    """How a launched process finds the others, for torch's ``init_process_group``; else nothing.

    By a file: a port that is free when it is chosen can be taken before the first process binds it.
    """
    if _MEETING not in os.environ:
        return {}
    rank, world = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE"))
    return {"init_method": f"file://{os.environ[_MEETING]}", "rank": rank, "world_size": world}


def leave() -> None:
    """Wait for the other processes and part from them, so that none sees a connection break."""
    import torch.distributed as dist

    if dist.is_available() and dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()
