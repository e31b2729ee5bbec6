"""Is hfdl right on a GPU, and how fast: one script of at most six minutes, without network or data.

    python benchmarks/gpu.py --output gpu.json
    python benchmarks/gpu.py --device cpu --tiny       # the same steps on toy sizes, for the tests

First come the checks, and a failed one ends it: parity with transformers and between devices, an
update in parts, a run that is resumed. Then BERT-base in bf16 on made-up rows of real lengths,
GPT-2 small, and generation, each beside transformers at its best (bf16, fused AdamW, sdpa). MFU
counts real tokens alone, against a matrix product of the model's shapes in the same run.

No figure of it has been recorded yet: it has been run on CPUs at toy sizes alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks.cuda import checks, generation, training  # noqa: E402  # the path comes first
from benchmarks.cuda.setting import Setting  # noqa: E402

BUDGET = 330.0
"""Seconds after which no further measurement is begun."""


def main(arguments: list[str] | None = None) -> int:
    """Check, measure, print a line for each, and write all of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="toy sizes; nothing is measured")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args(arguments)
    began = time.monotonic()
    setting = Setting.of(given.device, tiny=given.tiny)
    found: dict[str, Any] = {"device": setting.name(), "tiny": given.tiny, "checks": {}}
    for check in checks.CHECKS:
        found["checks"][check.__name__] = result = check(setting)
        print(check.__name__, result, flush=True)
        write(found, given.output)
        if not result["right"]:
            print("a check failed: nothing is measured")
            return 1
    for measure in (training.bert, training.gpt2, generation.greedy):
        if time.monotonic() - began > BUDGET:
            print(f"{measure.__name__}: left out, the time is over")
            continue
        found[measure.__name__] = measure(setting)
        print(measure.__name__, json.dumps(found[measure.__name__], indent=1), flush=True)
        write(found, given.output)
    found["seconds"] = time.monotonic() - began
    write(found, given.output)
    return 0


def write(found: dict[str, Any], output: Path | None) -> None:
    """Everything so far: a run that is cut off leaves what it found."""
    if output is not None:
        output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
