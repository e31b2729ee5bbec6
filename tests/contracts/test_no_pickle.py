"""No pickle is loaded below hfdl's code: the whole test run is watched (see ``no_pickle``)."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.no_pickle import PACKAGE, UnpickledError


def below_hfdl(code: str, **names: Any) -> None:
    """Run a line as if it stood in hfdl."""
    exec(compile(code, f"{PACKAGE}/made_up.py", "exec"), names)


def harmful() -> bytes:
    return pickle.dumps(Path("x"))


@pytest.mark.parametrize("kind", ["pickle", "python's", "torch", "numpy"])
def test_the_guard_sees_every_loader(kind: str, tmp_path: Path) -> None:
    stream = io.BytesIO(harmful())
    if kind == "torch":
        stream = io.BytesIO()
        torch.save(Path("x"), stream)
    if kind == "numpy":
        stream = io.BytesIO()
        np.save(stream, np.array([Path("x")], dtype=object), allow_pickle=True)
    stream.seek(0)
    load = {
        "pickle": "load(s)",
        "python's": "load(s)",
        "torch": "load(s, weights_only=False)",
        "numpy": "load(s, allow_pickle=True)",
    }[kind]
    loader: Any = {
        "pickle": pickle.load, "python's": pickle._load,  # pyright: ignore
        "torch": torch.load, "numpy": np.load,
    }[kind]  # fmt: skip
    with pytest.raises(UnpickledError, match=r"made_up\.py:1 unpickles"):
        below_hfdl(load, load=loader, s=stream)
    stream.seek(0)
    assert pickle.load(io.BytesIO(harmful())) == Path("x")  # noqa: S301  # outside of hfdl tests may do as they like
