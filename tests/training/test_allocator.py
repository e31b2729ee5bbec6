"""Memory that is kept while a phase lasts is given back between phases."""

import json
import subprocess
import sys

import pytest

# 200 blocks of 1 MiB; every other one is freed, so that the heap's end cannot sink.
CODE = """
import json, pathlib, sys
import torch
from hfdl.training.memory import give_back_free_pages, keep_large_blocks
kept = keep_large_blocks()
def held():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4 // 1024
blocks = [torch.ones(2**18) for _ in range(200)]
full = held()
blocks = blocks[::2]
freed = held()
give_back_free_pages()
print(json.dumps({"kept": kept, "full": full, "freed": freed, "given_back": held()}))
assert all(bool((block == 1).all()) for block in blocks)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc is told anything")
def test_holes_are_kept_and_then_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    held = json.loads(done.stdout)
    if not held["kept"]:
        pytest.skip("the C library is not glibc")
    assert held["full"] - held["freed"] < 20, "freed blocks were unmapped at once"
    assert held["freed"] - held["given_back"] > 80, "free pages were not given back"
