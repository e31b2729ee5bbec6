"""Threads that wait soon sleep: torch's OpenMP is told so before torch is imported."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import os, sys
sys.argv = ["hfdl", "--help"]
import hfdl.cli
hfdl.cli.main()
print("torch" in sys.modules, os.environ.get("GOMP_SPINCOUNT"))
"""


NAMES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, "2000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")],
)
def test_it_is_set_before_torch_and_what_the_user_set_stays(
    given: dict[str, str], expected: str
) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in NAMES} | given
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == f"False {expected}"
