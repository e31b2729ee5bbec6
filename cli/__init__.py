"""The command line. Nothing here computes: parse, call hfdl, print."""

import os
import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    _open_what_is_closed()
    # Told before torch is imported: threads that wait soon sleep. GNU's OpenMP lets them spin for
    # milliseconds, which beside other work takes the time of those that they wait for.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    if "HFDL_MEETING_FILE" in os.environ or "HFDL_CHILD" in os.environ:
        from hfdl.training.distributed.launched import end_with_launcher

        end_with_launcher()
    from .help import prints_help

    try:
        if prints_help(sys.argv[1:]):
            return
    except OSError:  # the reader has left: the command line knows what to do
        pass
    from .errors import run

    sys.exit(run(sys.argv[1:]))


def _open_what_is_closed() -> None:
    """Give a program that was started without stdin, stdout or stderr an empty one."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
