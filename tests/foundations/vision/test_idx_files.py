"""idx files: written here byte by byte, damaged in every way, and the real MNIST."""

from __future__ import annotations

import gzip
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hfdl.errors import DataError
from hfdl.foundations.vision.idx_files import TYPES, load_mnist, read_idx


def idx(array: Any, code: int = 0x08) -> bytes:
    header = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(TYPES[code]).tobytes()


IMAGES = np.arange(2 * 3 * 4).reshape(2, 3, 4)


@pytest.mark.parametrize("code", TYPES)
@pytest.mark.parametrize("packed", [False, True])
def test_every_type_is_read(tmp_path: Path, code: int, packed: bool) -> None:
    path = tmp_path / "file"  # no .gz: the content decides
    data = idx(IMAGES, code)
    path.write_bytes(gzip.compress(data) if packed else data)
    found = read_idx(path)
    assert np.array_equal(found, IMAGES)
    assert found.dtype == np.dtype(TYPES[code]).newbyteorder("=")
    assert found.dtype.isnative
    found += 1  # a file's array is the reader's own


@pytest.mark.parametrize("array", [np.zeros(0), np.array(7), np.zeros((2, 0, 3))])
def test_empty_and_single(tmp_path: Path, array: Any) -> None:
    (tmp_path / "file").write_bytes(idx(array))
    assert read_idx(tmp_path / "file").shape == array.shape


GOOD = idx(IMAGES)
DAMAGED = {
    "empty": (b"", "begins with nothing; an idx file begins with 00 00"),
    "png": (b"\x89PNG\r\n\x1a\n", "begins with 89 50 4e 47; an idx file begins with 00 00"),
    "type": (b"\0\0\x0a\1" + GOOD[4:], "begins with 00 00 0a 01; an idx file"),
    "swapped": (b"\1\0\x08\1" + GOOD[4:], "begins with 01 00 08 01; an idx file"),
    "header": (GOOD[:14], "ends after 14 bytes; the header of an idx file with 3 axes has 16"),
    "short": (GOOD[:-1], "holds 23 bytes of data; its header says (2, 3, 4), 24 bytes. It was cut"),
    "long": (GOOD + b"\0", "holds 25 bytes of data; its header says (2, 3, 4), 24 bytes"),
    "huge": (b"\0\0\x0e\3" + b"\xff" * 12 + b"\0", "holds 1 bytes of data; its header says (4294"),
    "cut gzip": (gzip.compress(GOOD)[:-9], "damaged: "),
    "wrong gzip": (b"\x1f\x8bnot gzip at all", "damaged: "),
    "checksum": (gzip.compress(GOOD)[:-8] + bytes(8), "damaged: CRC check failed"),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_damaged_files_are_refused(tmp_path: Path, what: str) -> None:
    data, text = DAMAGED[what]
    path = tmp_path / "digits.idx"
    path.write_bytes(data)
    with pytest.raises(DataError, match=re.escape(f"{path}: {text}")) as caught:
        read_idx(path)
    assert "ownload the file again" in str(caught.value)


def test_a_gzip_body_of_nonsense(tmp_path: Path) -> None:
    good = bytearray(gzip.compress(GOOD))
    good[10:20] = b"\xff" * 10
    (tmp_path / "file").write_bytes(good)
    with pytest.raises(DataError, match="damaged"):
        read_idx(tmp_path / "file")


def test_an_absent_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="absent: cannot be read: No such file or directory"):
        read_idx(tmp_path / "absent")
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        read_idx(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small MNIST: three training and two test digits, half of the files packed."""
    for name, count in (("train", 3), ("t10k", 2)):
        images = np.full((count, 4, 5), 255) - np.arange(count)[:, None, None]
        (tmp_path / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(idx(np.arange(9, 9 - count, -1)))
    return tmp_path


def test_load_mnist(folder: Path) -> None:
    (X, y), (X_test, y_test) = load_mnist(str(folder))
    assert X.shape == (3, 1, 4, 5)
    assert X_test.shape == (2, 1, 4, 5)
    assert X.dtype == np.float32
    assert y.dtype == np.int64
    assert y.tolist() == [9, 8, 7]
    assert y_test.tolist() == [9, 8]
    np.testing.assert_allclose(X[:, 0, 0, 0], [1, 254 / 255, 253 / 255], rtol=1e-7)


Spoil = Callable[[Path], None]


def write(name: str, array: Any, code: int = 0x08) -> Spoil:
    def spoil(folder: Path) -> None:
        for old in folder.glob(f"{name}*"):
            old.unlink()
        (folder / name).write_bytes(idx(array, code))

    return spoil


def remove(name: str) -> Spoil:
    return lambda folder: (folder / name).unlink()


WRONG: list[tuple[Spoil, str]] = [
    (remove("t10k-labels-idx1-ubyte"), "neither t10k-labels-idx1-ubyte nor t10k-labels-idx1-ubyte"),
    (write("train-images-idx3-ubyte", np.arange(3)), "holds uint8 of shape (3,); this file is to "
     "hold images (count, rows, columns) of bytes. Are the files"),
    (write("train-labels-idx1-ubyte", np.zeros((3, 2, 2))), "holds uint8 of shape (3, 2, 2); this "
     "file is to hold labels (count) of bytes"),
    (write("train-labels-idx1-ubyte", np.zeros(3), 0x0C), "holds int32 of shape (3,); this file"),
    (write("t10k-labels-idx1-ubyte", np.arange(3)), "3 labels for the 2 images of t10k-images"),
    (write("train-labels-idx1-ubyte", np.arange(2)), "2 labels for the 3 images of train-images"),
    (write("train-labels-idx1-ubyte", np.array([1, 2, 11])), "the label 11, number 2 (from 0); "
     "labels are the digits 0 to 9"),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "text"), WRONG)
def test_wrong_files_are_refused(folder: Path, spoil: Spoil, text: str) -> None:
    spoil(folder)
    with pytest.raises(DataError, match=re.escape(text)) as caught:
        load_mnist(folder)
    assert str(caught.value).startswith(str(folder))


@pytest.mark.needs_shared
def test_the_real_mnist(shared: Callable[[str], Path]) -> None:
    folder = shared("data/mnist")
    (X, y), (X_test, y_test) = load_mnist(folder)
    assert X.shape == (60000, 1, 28, 28)
    assert X_test.shape == (10000, 1, 28, 28)
    assert (X.min(), X.max()) == (0, 1)
    assert y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(y).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    with np.load(folder / "mnist_small.npz") as small:
        assert np.array_equal(np.round(X[:6000, 0] * 255), small["x_train"])
        assert np.array_equal(y_test[:1000], small["y_test"])
