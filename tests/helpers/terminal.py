"""A real pseudo-terminal for the command line: what it shows, how wide, and when it began to."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from dataclasses import dataclass
from pathlib import Path

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Shown:
    """What a command showed on a terminal.

    Args:
        code: its exit code.
        raw: every byte, control sequences included.
        first: seconds until the first byte.
    """

    code: int
    raw: str
    first: float

    @property
    def lines(self) -> list[str]:
        """The lines that stay, each as it was last written; lines of the bar are among them."""
        rows = [_CONTROL.sub("", line).rstrip("\r") for line in self.raw.split("\n")]
        return [row.split("\r")[-1] for row in rows]

    @property
    def drawn(self) -> list[str]:
        """Every line that was drawn, those of the bar each time."""
        return [_CONTROL.sub("", row) for row in re.split(r"[\r\n]+", self.raw)]


def on_terminal(*arguments: str, width: int = 80, cwd: Path | None = None) -> Shown:
    """Run ``hfdl ARGUMENTS`` on a terminal of so many columns."""
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "hfdl.cli", *arguments], stdin=end, stdout=end, stderr=end, cwd=cwd,
        env=_environment(), start_new_session=True,
    )  # fmt: skip
    os.close(end)
    raw, first = b"", 0.0
    while chunk := _read(terminal):
        first = first or time.perf_counter() - began
        raw += chunk
    os.close(terminal)
    return Shown(process.wait(), raw.decode("utf-8", "replace"), first)


def _environment() -> dict[str, str]:
    """Without what would speak for the terminal: a size, and what pytest sets for itself."""
    kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    return {**kept, "TERM": "xterm", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


def _read(terminal: int) -> bytes:
    select.select([terminal], [], [], 300)
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # how Linux says that the other end is closed
        return b""
