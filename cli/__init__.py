"""The command line. Nothing here computes: parse, call hfdl, print."""

import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    from .errors import run

    sys.exit(run(sys.argv[1:]))
