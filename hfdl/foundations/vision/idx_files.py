"""idx files, the format in which the MNIST digits are kept (yann.lecun.com/exdb/mnist).

    two bytes of zero | type, one byte | number of axes, one byte | sizes, four bytes each | data

All numbers are big-endian. Files may be gzipped, which is detected by their content, not by name.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hfdl.errors import DataError
from hfdl.foundations.layer import Floats, Ints

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""The type's byte -> NumPy's name of the type."""

GZIP = b"\x1f\x8b"
AGAIN = "download the file again"

Split = tuple[Floats, Ints]


def load_mnist(folder: Path | str) -> tuple[Split, Split]:
    """The digits of the four files of MNIST, gzipped or not.

    Args:
        folder: holds train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
            t10k-labels-idx1-ubyte, each with or without .gz.

    Returns:
        training and test digits: X float32 (N, 1, H, W) from 0 (paper) to 1 (ink), and y (N,), 0 to
        9.

    Raises:
        DataError: a file is absent, damaged, or not what its name says.
    """
    return _load_split(Path(folder), "train"), _load_split(Path(folder), "t10k")


def read_idx(path: Path | str) -> NDArray[Any]:
    """The array in an idx file, in the machine's byte order.

    Raises:
        DataError: no such file, not idx, or of another length than its sizes ask for.
    """
    data, where = _content(Path(path)), str(path)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in TYPES:
        raise DataError(
            f"begins with {data[:4].hex(' ') or 'nothing'}",
            where=where,
            rule="an idx file begins with 00 00, a type (08, 09, 0b to 0e) and a number of axes",
            remedy=AGAIN,
        )
    dtype, axes = np.dtype(TYPES[data[2]]), data[3]
    begin = 4 + 4 * axes
    if len(data) < begin:
        raise DataError(
            f"ends after {len(data)} bytes",
            where=where,
            rule=f"the header of an idx file with {axes} axes has {begin} bytes",
            remedy=AGAIN,
        )
    shape = tuple(int(size) for size in np.frombuffer(data, ">u4", count=axes, offset=4))
    if len(data) != begin + math.prod(shape) * dtype.itemsize:
        raise DataError(
            f"holds {len(data) - begin} bytes of data",
            where=where,
            rule=f"its header says {shape}, {math.prod(shape) * dtype.itemsize} bytes",
            remedy=f"it was cut off or added to: {AGAIN}",
        )
    return np.frombuffer(data, dtype, offset=begin).reshape(shape).astype(dtype.newbyteorder("="))


def _content(path: Path) -> bytes:
    """The file's bytes, unpacked."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"cannot be read: {error.strerror}", where=str(path), remedy="check the path"
        ) from None
    if not data.startswith(GZIP):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(
            f"damaged: {error}",
            where=str(path),
            rule="it begins as a gzipped file, and has to be one to its end",
            remedy=AGAIN,
        ) from None


def _load_split(folder: Path, name: str) -> Split:
    paths = [_find(folder, f"{name}-{what}-ubyte") for what in ("images-idx3", "labels-idx1")]
    images, labels = (read_idx(path) for path in paths)
    for path, array, what, axes in zip(
        paths, (images, labels), ("images (count, rows, columns)", "labels (count)"), (3, 1),
        strict=True,
    ):  # fmt: skip
        if array.ndim != axes or array.dtype != np.uint8:
            raise DataError(
                f"holds {array.dtype} of shape {array.shape}",
                where=str(path),
                rule=f"this file is to hold {what} of bytes",
                remedy="are the files of images and labels exchanged?",
            )
    if len(images) != len(labels):
        raise DataError(
            f"{len(labels)} labels for the {len(images)} images of {paths[0].name}",
            where=str(paths[1]),
            rule="there is a label for each image",
            remedy="take both files from one place",
        )
    if len(labels) and labels.max() > 9:
        raise DataError(
            f"the label {labels.max()}, number {int(labels.argmax())} (from 0)",
            where=str(paths[1]),
            rule="labels are the digits 0 to 9",
            remedy="is this another data set than MNIST?",
        )
    return (images[:, None] / np.float32(255)).astype(np.float32), labels.astype(np.int64)


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise DataError(
        f"neither {name} nor {name}.gz is there",
        where=str(folder),
        rule="a folder of MNIST holds images and labels of train and t10k",
        remedy="name the folder that the four files lie in",
    )
