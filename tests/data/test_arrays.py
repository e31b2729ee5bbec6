"""Arrays in a file, or computed: what NumPy's give, and no more memory than what is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hfdl.data.arrays import CHUNK, Array, ComputedArray, FileArray, chunks

KEYS: list[Any] = [
    0, 6, -1, -7, np.int64(3), slice(None), slice(2, 5), slice(-3, None), slice(5, 2),
    slice(None, None, 2), slice(None, None, -1), np.array([4, 0, 0, -1]),
    np.array([[1, 2], [3, -4]]), np.zeros(0, dtype=np.int64), [5, 1],
]  # fmt: skip


def arrays(folder: Path) -> dict[str, tuple[Array, np.ndarray]]:
    """Each kind of seven numbers, beside the same ones in memory."""
    squares = np.arange(7, dtype=np.int64) ** 2
    ids = np.array([3, 65_535, 0, 1, 7, 7, 9], dtype="<u2")
    (folder / "ids.bin").write_bytes(ids.tobytes())
    return {
        "computed": (ComputedArray(7, lambda i: i * i), squares),
        "file": (FileArray(folder / "ids.bin", ids.dtype), ids),
    }


@pytest.mark.parametrize("key", KEYS, ids=str)
@pytest.mark.parametrize("kind", ["computed", "file"])
def test_elements_are_those_of_an_array_in_memory(kind: str, key: Any, tmp_path: Path) -> None:
    array, expected = arrays(tmp_path)[kind]
    found = array[key]
    assert type(found) is type(expected[key])
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected[key])


@pytest.mark.parametrize("kind", ["computed", "file"])
def test_size_type_and_bounds_are_those_of_an_array_in_memory(kind: str, tmp_path: Path) -> None:
    array, expected = arrays(tmp_path)[kind]
    assert (len(array), array.shape, array.dtype) == (7, (7,), expected.dtype)
    assert list(array) == list(expected)
    assert np.array_equal(np.asarray(array), expected)
    assert np.asarray(array, dtype=np.float32).dtype == np.float32
    for outside in (7, -8, [0, 7]):
        with pytest.raises(IndexError, match="out of bounds"):
            array[outside]


def test_sum_and_maximum_of_more_elements_than_are_looked_at_at_once() -> None:
    count = 2 * CHUNK + 5
    array = ComputedArray(count, lambda i: i % 1000)
    assert [len(part) for part in chunks(array)] == [CHUNK, CHUNK, 5]
    assert array.sum() == int((np.arange(count) % 1000).sum())
    assert (array.max(initial=0), array.max(initial=5000)) == (999, 5000)
    assert ComputedArray(0, lambda i: i).max(initial=3) == 3
    assert ComputedArray(0, lambda i: i).sum() == 0


def test_elements_of_a_file_can_be_written_to_and_the_file_deleted(tmp_path: Path) -> None:
    array, expected = arrays(tmp_path)["file"]
    taken = array[1:4]
    taken[:] = 5
    assert np.array_equal(array[:], expected)
    (tmp_path / "ids.bin").unlink()
    assert np.array_equal(array[:], expected)


READS = """
import sys
import numpy as np
from pathlib import Path
from hfdl.data.arrays import FileArray, chunks

def resident():  # pages of files in the process's memory
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssFile")) * 1024

mapped = np.memmap(sys.argv[1], np.uint16, "r")
before = resident()
assert int(mapped.sum(dtype=np.int64)) == 0
assert resident() - before > 60e6, "a plain map's pages do not stay: this test proves nothing"
array = FileArray(Path(sys.argv[1]), np.dtype(np.uint16))
del mapped
before, most = resident(), 0
for part in chunks(array):
    assert not part.any()
    most = max(most, resident() - before)
print(most)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_pages_of_a_file_that_was_read_do_not_stay(tmp_path: Path) -> None:
    file = tmp_path / "numbers.bin"
    np.zeros(32_000_000, dtype=np.uint16).tofile(file)
    done = subprocess.run(
        [sys.executable, "-c", READS, str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 2e6
