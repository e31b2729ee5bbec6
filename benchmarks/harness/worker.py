"""A side in a process of its own: it prepares, and works a round each time it is asked.

    python -m benchmarks.harness.worker '{"program": ..., "side": ..., "settings": {...}}'

It reads a number a line and answers with the figures of that round, a JSON object a line. While it
waits it uses no processor, so the sides can take turns without being started anew each time.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from types import SimpleNamespace
from typing import Any

from benchmarks.harness.limit import measure

LIMIT = "the limit"
"""The side that measures what the machine can do."""


def main() -> None:
    """Prepare, then answer until the input ends."""
    asked = json.loads(sys.argv[1])
    # What libraries print must not get among the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    settings = SimpleNamespace(**asked["settings"])
    _set_threads(settings.threads)
    work = _side(asked["program"], asked["side"], settings)

    def tell(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    tell({"ready": True})
    for line in sys.stdin:
        tell(work(int(line)))


def _side(name: str, side: str, settings: SimpleNamespace) -> Any:
    module = importlib.import_module(f"benchmarks.claims.{name}")
    program = module.PROGRAM
    if side == LIMIT:
        limit = program.limit(settings)
        return lambda number: measure(limit, settings.limit_seconds)
    return program.sides[side](settings)


def _set_threads(threads: int) -> None:
    """torch's own number; the environment has set that of the other libraries."""
    import torch

    torch.set_num_threads(threads)


if __name__ == "__main__":
    main()
