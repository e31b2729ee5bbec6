"""One run at a time in a folder, by a lock that the kernel lets go of when a process ends.

The lock is on the file ``.lock`` in the folder, which holds the number of the process and goes when
the run is over. A file that a killed process has left locks nothing.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from hfdl.errors import OutputError

LOCK = ".lock"
# A killed launcher's processes are gone some milliseconds after it; a live run lasts longer.
_PATIENCE = 1.0
_HELD_ELSEWHERE = {errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK}


@contextmanager
def held(folder: Path, *, patience: float = _PATIENCE) -> Iterator[str | None]:
    """While active, the folder is this run's alone.

    It is made if it is not there, and removed again if it is still empty at the end.

    Args:
        folder: the folder.
        patience: seconds that another run may still take to leave it.

    Yields:
        a line for a person where the file system has no locks; else None.

    Raises:
        OutputError: another run holds it, or it cannot be made.
    """
    with ExitStack() as folders:
        while True:
            folders.enter_context(made(folder))
            with suppress(FileNotFoundError):  # whoever had made it has just removed it again
                descriptor, note = _acquire(folder, patience)
                break
        try:
            yield note
        finally:
            if descriptor is not None:
                # The name first: whoever opens the file now finds no lock on a file that is gone.
                (folder / LOCK).unlink(missing_ok=True)
                os.close(descriptor)


@contextmanager
def made(folder: Path, *, exclusively: bool = False) -> Iterator[None]:
    """A folder and those above it, made if they are not there; those still empty go at the end.

    Args:
        folder: the folder.
        exclusively: fail where it is there already.

    Raises:
        FileExistsError: it is there, and must not be.
        OutputError: it cannot be made.
    """
    missing = []
    above = folder
    while not above.exists() and above != above.parent:
        missing.append(above)
        above = above.parent
    try:
        _make(folder, exclusively)
    except OSError as error:
        if exclusively and isinstance(error, FileExistsError):
            raise
        raise OutputError(
            f"the output folder cannot be written ({error.strerror or error})",
            where=str(folder),
            rule="a run needs a folder that it may create files in",
            remedy="choose another --output",
        ) from error
    try:
        yield
    finally:
        for path in missing:
            with suppress(OSError):  # it holds a run by now
                path.rmdir()


def _make(folder: Path, exclusively: bool) -> None:
    """Make a folder and those above it, also while another run removes its own there."""
    for tries_left in reversed(range(10)):
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(exist_ok=not exclusively)
            return
        except (FileExistsError, FileNotFoundError):
            is_taken = folder.exists() and (exclusively or not folder.is_dir())
            if is_taken or not tries_left:
                raise


def _acquire(folder: Path, patience: float) -> tuple[int | None, str | None]:
    """The open and locked file, or why there is none.

    Raises:
        FileNotFoundError: the folder is gone.
        OutputError: another run holds the folder.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except FileNotFoundError:
            raise
        except OSError as error:
            return None, _no_lock(folder, error)
        try:
            if _try_lock(descriptor) and _is_in_place(descriptor, folder):
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"{os.getpid()} {socket.gethostname()}\n".encode())
                return descriptor, None
        except OSError as error:
            os.close(descriptor)
            return None, _no_lock(folder, error)
        holder = _holder(descriptor)
        os.close(descriptor)
        if time.monotonic() > deadline:
            raise OutputError(
                f"another run is writing into this folder{holder}",
                where=str(folder),
                rule="a folder is for one run at a time",
                remedy="wait until it ends, or choose another --output",
            )
        time.sleep(0.05)


def _try_lock(descriptor: int) -> bool:
    """Lock an open file; False where another one has it."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # pyright: ignore
        else:
            import fcntl

            # Not lockf: its locks are of a process, so that two threads would both have one.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD_ELSEWHERE:
            return False
        raise
    return True


def _is_in_place(descriptor: int, folder: Path) -> bool:
    """Whether the file that was locked is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), (folder / LOCK).stat())
    except FileNotFoundError:  # whoever had it before has just removed it
        return False


def _holder(descriptor: int) -> str:
    """Who holds the lock, as far as the file says."""
    try:
        number, _, host = os.pread(descriptor, 300, 0).decode("utf-8", "replace").partition(" ")
    except (OSError, AttributeError):
        return ""
    if not number.isdecimal():
        return ""
    host = host.strip()
    where = f" on {host}" if host and host != socket.gethostname() else ""
    return f" (process {number}{where})"


def _no_lock(folder: Path, error: OSError) -> str:
    return (
        f"{folder} cannot be locked ({error.strerror or error}): make sure that no other run uses "
        "it at the same time"
    )
