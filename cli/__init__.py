"""The command line. Nothing here computes: parse, call hfdl, print."""

import os
import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    # Threads that wait sleep, before torch reads it: spinning, beside other work, they would take
    # the time of those that they wait for, and an update five times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if "HFDL_MEETING_FILE" in os.environ or "HFDL_CHILD" in os.environ:
        from hfdl.training.launched import end_with_launcher

        end_with_launcher()
    from .help import prints_help

    try:
        if prints_help(sys.argv[1:]):
            return
    except OSError:  # the reader has left: the command line knows what to do
        pass
    from .errors import run

    sys.exit(run(sys.argv[1:]))
