"""How long the commands take that should feel immediate.

    python benchmarks/startup.py

Prints the median and the spread of whole processes, wall clock, after one warm-up.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import hfdl": [sys.executable, "-c", "import hfdl"],
    "hfdl --help": [sys.executable, "-m", "hfdl.cli", "--help"],
    "hfdl recipes list": [sys.executable, "-m", "hfdl.cli", "recipes", "list"],
}
RUNS = 15


def main() -> None:
    """Time every command in turn, round by round."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for round_ in range(RUNS + 1):
        for name, command in COMMANDS.items():
            began = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            if round_:
                times[name].append(time.perf_counter() - began)
    for name, found in times.items():
        median, low, high = statistics.median(found), min(found), max(found)
        print(f"{name:20} {median:.3f} s  ({low:.3f} to {high:.3f}, {len(found)} runs)")


if __name__ == "__main__":
    main()
