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
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from hfdl.errors import TrainingError
from hfdl.training.distributed.launched import CONTINUE, LOST, MEETING

_GRACE = 30.0  # seconds that the first one gets to end once another has failed
_SHORT_GRACE = 3.0  # and that the others get once the first has: what they would say is not shown
_SAID = {2, 130, 143}  # the first one has said that the input is wrong, or that it was stopped

Worker = subprocess.Popen[bytes]


def launch(
    argv: Sequence[str], processes: int, *, continue_with: str = "", run: Path | None = None
) -> int:
    """Run ``hfdl ARGV`` in several processes that train together.

    With GPUs each process takes one; on a CPU they share its cores. Only the first one speaks;
    what another has to say on stderr is shown if it alone fails. Signals are passed on. When this
    process is killed they are, too.

    Args:
        argv: the command's words, without ``--processes``.
        processes: how many.
        continue_with: the command that continues the run, for whoever stops it.
        run: what is there once it can be continued.

    Returns:
        the exit code of the first process that failed, else 0.

    Raises:
        TrainingError: one was killed.
    """
    threads = str(max(1, (os.cpu_count() or 1) // processes))
    shared = {
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", threads),
        CONTINUE: continue_with,
    }
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        shared[MEETING] = str(Path(folder) / "meeting")
        whispers = [stack.enter_context(tempfile.TemporaryFile("w+")) for _ in range(processes)]
        workers: list[Worker] = []
        signals = _Signals(workers)
        stack.enter_context(signals)
        try:
            for rank in range(processes):
                own = {"RANK": str(rank), "LOCAL_RANK": str(rank)}
                whisper = None if rank == 0 else whispers[rank]
                workers.append(_start(argv, {**os.environ, **shared, **own}, whisper))
            ended_here = _wait(workers)
        finally:
            for worker in workers:
                _end(worker)
        codes = [0 if rank in ended_here else w.returncode for rank, w in enumerate(workers)]
        if signals.last is not None and -signals.last in codes:
            return 128 + signals.last  # it came before they could listen to it
        if run is not None and not run.exists():
            continue_with = ""
        return _verdict(codes, whispers, continue_with)


def _start(argv: Sequence[str], environment: dict[str, str], whisper: IO[str] | None) -> Worker:
    return subprocess.Popen(
        # -P: without it Python would look for every module in the working directory first, and a
        # file there of the name of one would be run in its place.
        [sys.executable, "-P", "-m", "hfdl.cli", *argv],
        env=environment,
        stdin=subprocess.PIPE,  # see launched.end_with_launcher
        stdout=None if whisper is None else subprocess.DEVNULL,
        stderr=whisper,
        # A group of its own each, so that a Ctrl-C arrives once, through us.
        start_new_session=True,
    )


class _Signals:
    """While active, passes SIGINT and SIGTERM on to all workers, and remembers the last."""

    def __init__(self, workers: list[Worker]) -> None:
        self._workers, self.last = workers, None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        # Only a program's main thread may set handlers.
        if threading.current_thread() is threading.main_thread():
            for signum in (signal.SIGINT, signal.SIGTERM):
                self._before[signum] = signal.signal(signum, self._pass_on)

    def __exit__(self, *_: object) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

    def _pass_on(self, signum: int, frame: object) -> None:
        self.last = signum
        for worker in self._workers:
            if worker.poll() is None:
                worker.send_signal(signum)


def _wait(workers: list[Worker]) -> set[int]:
    """Wait until all have ended; those that do not soon after one has failed are killed.

    Returns:
        the ranks of those.
    """
    while not any(worker.poll() for worker in workers):
        if all(worker.poll() == 0 for worker in workers):
            return set()
        time.sleep(0.05)
    deadline = time.monotonic() + (_SHORT_GRACE if workers[0].poll() else _GRACE)
    ended = set()
    for rank, worker in enumerate(workers):
        try:
            worker.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _end(worker)
            ended.add(rank)
    return ended


def _end(worker: Worker) -> None:
    if worker.poll() is None:
        worker.kill()
        worker.wait()
    if worker.stdin is not None:
        worker.stdin.close()


def _verdict(codes: list[int], whispers: Sequence[IO[str]], continue_with: str) -> int:
    """The exit code, after what another than the first had to say, if that was more.

    Args:
        codes: of all processes; 0 for one that was ended here.
        whispers: what each wrote to stderr; the first one's is shown already.
        continue_with: the command that continues the run.

    Raises:
        TrainingError: one was killed.
    """
    if codes[0] in _SAID:
        return codes[0]
    for rank, code in enumerate(codes):
        if code < 0:
            raise _killed(rank, -code, continue_with)
    rank = next((rank for rank, code in enumerate(codes) if code not in (0, LOST)), 0)
    if rank:
        whispers[rank].seek(0)
        sys.stderr.write(whispers[rank].read())
    return codes[rank]


def _killed(rank: int, signum: int, continue_with: str) -> TrainingError:
    reason = "; out of memory?" if signum == getattr(signal, "SIGKILL", 9) else ""
    return TrainingError(
        f"process {rank} was killed (signal {signum}{reason})",
        rule="the processes of a run end together",
        remedy=f"continue with: {continue_with}"
        if continue_with
        else "start again with train.micro_batch_size=1, or with less beside it on this machine",
    )
