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


ADDRESSES = """
import json, pathlib
from hfdl.training.memory import forget_what_failed, keep_a_reserve
def pages():
    return [int(n) * 4 // 1024 for n in pathlib.Path("/proc/self/statm").read_text().split()[:2]]
before = pages()
keep_a_reserve()
keep_a_reserve()
kept = pages()
forget_what_failed()
print(json.dumps([before, kept, pages()]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="statm is Linux's")
def test_addresses_kept_aside_are_given_back_once_a_pass_has_failed() -> None:
    """They hold no memory: only what a limit of addresses counts grows."""
    done = subprocess.run(
        [sys.executable, "-c", ADDRESSES], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    before, kept, after = json.loads(done.stdout)
    assert kept[0] - before[0] == 32
    assert kept[1] - before[1] < 2
    assert kept[0] - after[0] >= 32
