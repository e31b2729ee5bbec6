"""Whatever was given, as an array of floats."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from hfdl.foundations.layer import Floats


def floats(x: Any, otherwise: DTypeLike = np.float64) -> Floats:
    """An array of floats keeps its precision; anything else becomes one of type ``otherwise``."""
    x = np.asarray(x)
    return x if x.dtype.kind == "f" else x.astype(otherwise)
