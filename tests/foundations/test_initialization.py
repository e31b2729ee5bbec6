"""How weights begin: their variance, their source, and the refusals."""

import numpy as np
import pytest
import torch
from scipy import stats

from hfdl.errors import ConfigError, ShapeError
from hfdl.foundations.initialization import (
    generator,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    scaled_gaussian,
    zeros,
)


@pytest.mark.parametrize("inputs_outputs", [(400, 100), (1, 20000), (20000, 1)])
@pytest.mark.parametrize(
    ("init", "reference", "kind"),
    [
        (glorot_uniform, torch.nn.init.xavier_uniform_, "uniform"),
        (glorot_normal, torch.nn.init.xavier_normal_, "norm"),
        (he_uniform, torch.nn.init.kaiming_uniform_, "uniform"),
        (he_normal, torch.nn.init.kaiming_normal_, "norm"),
    ],
)
def test_the_distribution_is_torchs(init, reference, kind: str, inputs_outputs) -> None:
    inputs, outputs = inputs_outputs
    drawn = init((inputs, outputs), 0)
    assert drawn.shape == (inputs, outputs)
    torch.manual_seed(0)
    weight = torch.empty(outputs, inputs, dtype=torch.float64)  # torch's is transposed
    if reference in (torch.nn.init.kaiming_uniform_, torch.nn.init.kaiming_normal_):
        reference(weight, nonlinearity="relu")
    else:
        reference(weight)
    assert stats.ks_2samp(drawn.ravel(), weight.numpy().ravel()).pvalue > 0.01
    scale = np.sqrt(2 / inputs if "he" in init.__name__ else 2 / (inputs + outputs))
    assert drawn.std() == pytest.approx(scale, rel=0.02)
    cdf = "norm" if kind == "norm" else stats.uniform(-np.sqrt(3), 2 * np.sqrt(3)).cdf
    assert stats.kstest(drawn.ravel() / scale, cdf).pvalue > 0.01


def test_the_fans_of_a_convolution_are_given() -> None:
    shape = (16, 8, 3, 3)  # channels out, channels in, kernel
    drawn = he_normal(shape, 0, fans=(8 * 9, 16 * 9))
    assert drawn.shape == shape
    assert drawn.std() == pytest.approx(np.sqrt(2 / 72), rel=0.05)
    with pytest.raises(ShapeError, match=r"weights of shape \(16, 8, 3, 3\).*Give fans="):
        he_normal(shape, 0)


def test_a_gaussian_of_the_old_generator_is_randn() -> None:
    np.random.seed(3)
    expected = 0.01 * np.random.randn(4, 5)
    np.testing.assert_array_equal(scaled_gaussian()((4, 5), np.random.RandomState(3)), expected)


def test_zeros() -> None:
    assert not zeros((2, 3), 0).any()


def test_where_random_numbers_come_from() -> None:
    for source in (np.random.default_rng(1), np.random.RandomState(1)):
        assert generator(source) is source
    assert (
        generator(5).random()
        == generator(np.int64(5)).random()
        == np.random.default_rng(5).random()
    )
    assert generator(None).random() != generator(None).random()


@pytest.mark.parametrize("rng", ["0", 1.5, True, -1, np.random])
def test_what_is_no_source_is_refused(rng) -> None:
    with pytest.raises(ConfigError, match=r"rng is .*a seed \(a whole number from 0\)"):
        generator(rng)
