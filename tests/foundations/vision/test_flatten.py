"""Flatten, against NumPy's and torch's order."""

import numpy as np
import pytest
import torch

from hfdl.errors import ShapeError
from hfdl.foundations.vision.pooling import Flatten


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 1), (3,), (0, 2, 2), (2, 0)])
def test_flatten_and_back(shape: tuple[int, ...]) -> None:
    X = np.arange(float(np.prod(shape))).reshape(shape)
    Y, backprop = Flatten().forward(X)
    theirs = torch.tensor(X)[:, None].flatten(1)  # torch leaves (B,) alone, so give it two axes
    assert np.array_equal(Y, theirs.numpy())
    assert np.array_equal(backprop(Y), X)
    assert backprop(Y).shape == shape


def test_a_number_is_refused() -> None:
    with pytest.raises(ShapeError, match="Flatten takes a batch"):
        Flatten().forward(np.array(1.0))
