"""The exponentially weighted average against pandas', and the weights it stands for."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hfdl.errors import ConfigError
from hfdl.foundations.optimizers.base import exponential_average


@settings(max_examples=30)
@given(st.integers(1, 20), st.integers(1, 3), st.sampled_from([0.0, 0.5, 0.9, 0.999]))
def test_against_pandas(steps: int, width: int, beta: float) -> None:
    values = np.random.default_rng(0).normal(size=(steps, width))
    frame = pd.DataFrame(values)
    corrected = frame.ewm(alpha=1 - beta, adjust=True).mean().to_numpy()
    np.testing.assert_allclose(exponential_average(values, beta), corrected, rtol=0, atol=1e-12)
    # Uncorrected, with a zero before the first value.
    zero_first = pd.DataFrame(np.vstack([np.zeros(width), values]))
    plain = zero_first.ewm(alpha=1 - beta, adjust=False).mean().to_numpy()[1:]
    found = exponential_average(values, beta, bias_correction=False)
    np.testing.assert_allclose(found, plain, rtol=0, atol=1e-12)


def test_the_weight_of_k_steps_ago() -> None:
    values = np.zeros(6)
    values[2] = 1.0
    found = exponential_average(values, 0.9, bias_correction=False)
    np.testing.assert_allclose(found, [0, 0, 0.1, 0.09, 0.081, 0.0729], atol=1e-15)


def test_a_constant_is_its_own_average_only_when_corrected() -> None:
    np.testing.assert_allclose(exponential_average(np.full(5, 7), 0.9), 7.0, rtol=1e-14)
    assert exponential_average([7], 0.9, bias_correction=False)[0] == pytest.approx(0.7)


def test_precision_and_nothing_at_all() -> None:
    assert exponential_average(np.ones(3, np.float32)).dtype == np.float32
    assert exponential_average([1, 2]).dtype == np.float64
    assert exponential_average(np.ones((0, 2))).shape == (0, 2)


@pytest.mark.parametrize("beta", [1.0, -0.1])
def test_what_is_no_share_is_refused(beta: float) -> None:
    with pytest.raises(ConfigError, match=rf"beta is {beta}; the share of the past is from 0"):
        exponential_average([1.0], beta)
