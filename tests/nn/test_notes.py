"""The figures of the course notes, from hfdl.nn. (The NumPy ones: tests/foundations.)"""

import numpy as np
import pytest
import torch

from hfdl.nn.functional import attention, masked_softmax
from hfdl.nn.fused import fused_attention

PRINTED = 5e-9  # half a unit of the last digit that note 1 prints
WEIGHTS = [
    [0.23938437, 0.2529257, 0.27492711, 0.23276281],
    [0.28180838, 0.23417311, 0.25688721, 0.2271313],
    [0.2257542, 0.26051406, 0.26899991, 0.24473182],
    [0.25990286, 0.24179821, 0.28099188, 0.21730706],
]
OUTPUT = [
    [0.62713495, 0.60944066, 0.26559657],
    [0.62053633, 0.62312745, 0.26747044],
    [0.63257702, 0.61378096, 0.27251761],
    [0.61978955, 0.60506881, 0.25707683],
]


@pytest.mark.parametrize("kernel", [attention, fused_attention])
def test_note_1(kernel) -> None:
    state = np.random.RandomState(42)
    # One text, one head, four words of three features: (1, 1, 4, 3).
    q, k, v = (torch.from_numpy(state.rand(4, 3))[None, None] for _ in range(3))
    out, weights = kernel(q, k, v)
    assert (out[0, 0] - torch.tensor(OUTPUT, dtype=torch.float64)).abs().max() < PRINTED
    assert (weights is None) == (kernel is fused_attention)
    if weights is not None:
        assert (weights[0, 0] - torch.tensor(WEIGHTS, dtype=torch.float64)).abs().max() < PRINTED


def test_note_2_the_word_sat() -> None:
    scores = torch.tensor([[0.5, 0.75, 1.25, 1.0, 1.5]], dtype=torch.float64)
    printed = torch.tensor([[0.1141, 0.1464, 0.2414, 0.1880, 0.3100]], dtype=torch.float64)
    assert (masked_softmax(scores, None) - printed).abs().max() < 1e-4
