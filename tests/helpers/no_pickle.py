"""Unpickling is refused below any code of hfdl, over a whole run of the tests.

By Python's audit event, which the pickle module raises for every class or function that a pickle
names, in C and in Python alike: so whatever library does the loading is seen.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import hfdl

PACKAGE = str(Path(hfdl.__file__).parent)


class UnpickledError(AssertionError):
    """Code of hfdl has led to the loading of a pickle."""


def forbid_pickles() -> None:
    """From now on, in this process."""
    sys.addaudithook(_hook)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "pickle.find_class" and (line := _line_of_package()):
        raise UnpickledError(f"{line} unpickles {'.'.join(map(str, arguments))}")


def _line_of_package() -> str | None:
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename.startswith(PACKAGE):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return None
