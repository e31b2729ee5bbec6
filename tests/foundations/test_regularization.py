"""Penalties, clipping and early stopping."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hfdl.errors import ConfigError
from hfdl.foundations.gradcheck import central_differences
from hfdl.foundations.layer import Parameter
from hfdl.foundations.optimizers import SGD
from hfdl.foundations.regularization import (
    EarlyStopping,
    clip_by_norm,
    clip_by_value,
    global_norm,
    l1,
    l2,
)

shapes = st.lists(st.integers(1, 4), max_size=3).map(tuple)


@settings(max_examples=30)
@given(shapes, st.sampled_from([0.0, 0.01, 2.0]))
def test_penalties_against_torch_and_differences(shape: tuple[int, ...], strength: float) -> None:
    w = np.asarray(np.random.default_rng(0).normal(size=shape))
    for penalty, reference in ((l1, lambda t: t.abs().sum()), (l2, lambda t: (t**2).sum())):
        value, gradient = penalty(w, strength)
        t = torch.from_numpy(w.copy()).requires_grad_()
        expected = strength * reference(t)
        expected.backward()
        assert value == pytest.approx(expected.item(), abs=1e-12)
        assert t.grad is not None
        np.testing.assert_allclose(gradient, t.grad.numpy(), rtol=0, atol=1e-12)
        numeric = central_differences(lambda x, p=penalty: p(x, strength)[0], w)
        np.testing.assert_allclose(gradient, numeric, rtol=0, atol=1e-7)


def test_weight_decay_is_twice_the_strength_of_l2() -> None:
    by_penalty, by_decay = (Parameter(np.array([3.0, -2.0])) for _ in range(2))
    by_penalty.grad += l2(by_penalty.value, 0.05)[1]
    SGD([by_penalty], 0.1).step()
    SGD([by_decay], 0.1, weight_decay=0.1).step()
    np.testing.assert_allclose(by_penalty.value, by_decay.value, rtol=1e-15)


def gradients(dtype: type = np.float64) -> list[Parameter]:
    random = np.random.default_rng(0)
    made = [Parameter(np.zeros(shape, dtype)) for shape in ((3, 4), (4,), (1, 1, 2))]
    for parameter in made:
        parameter.grad[...] = random.normal(size=parameter.grad.shape)
    return made


def torch_twins(parameters: list[Parameter]) -> list[torch.nn.Parameter]:
    twins = [torch.nn.Parameter(torch.from_numpy(p.value.copy())) for p in parameters]
    for twin, parameter in zip(twins, parameters, strict=True):
        twin.grad = torch.from_numpy(parameter.grad.copy())
    return twins


@pytest.mark.parametrize("limit", [1e-3, 1.0, 1e3])
def test_clipping_by_norm_is_torchs(limit: float) -> None:
    ours = gradients()
    theirs = torch_twins(ours)
    expected = torch.nn.utils.clip_grad_norm_(theirs, limit).item()
    assert clip_by_norm(iter(ours), limit) == pytest.approx(expected, rel=1e-14)
    for p, t in zip(ours, theirs, strict=True):
        # torch adds 1e-6 to the norm that it divides by.
        np.testing.assert_allclose(p.grad, t.grad.numpy(), rtol=1e-6)
    assert global_norm(ours) == pytest.approx(min(limit, expected), rel=1e-14)


def test_clipping_keeps_the_direction_and_leaves_short_gradients_alone() -> None:
    ours, before = gradients(), gradients()
    clip_by_norm(ours, 0.5)
    ratios = np.concatenate([(a.grad / b.grad).ravel() for a, b in zip(ours, before, strict=True)])
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-14)
    ours = gradients(np.float32)
    kept = [p.grad.copy() for p in ours]
    clip_by_norm(ours, 100.0)
    for p, grad in zip(ours, kept, strict=True):
        np.testing.assert_array_equal(p.grad, grad)
        assert p.grad.dtype == np.float32


def test_clipping_no_gradient_at_all() -> None:
    parameter = Parameter(np.ones(2))
    assert clip_by_norm([parameter], 1.0) == 0.0
    np.testing.assert_array_equal(parameter.grad, 0.0)


def test_clipping_by_value_is_torchs() -> None:
    ours = gradients()
    theirs = torch_twins(ours)
    torch.nn.utils.clip_grad_value_(theirs, 0.3)
    clip_by_value(ours, 0.3)
    for p, t in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(p.grad, t.grad.numpy())
    assert max(np.abs(p.grad).max() for p in ours) == 0.3


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan")])
def test_a_limit_of_nothing_is_refused(limit: float) -> None:
    for clip in (clip_by_norm, clip_by_value):
        with pytest.raises(ConfigError, match=f"the limit is {limit}; gradients are clipped to"):
            clip(gradients(), limit)


def stops_after(stopping: EarlyStopping, figures: list[float]) -> int | None:
    for epoch, figure in enumerate(figures):
        stopping.update(epoch, figure)
        if stopping.stop:
            return epoch
    return None


def test_early_stopping_waits_for_its_patience() -> None:
    losses = [3.0, 2.0, 2.5, 1.0, 1.5, 1.2, 1.0, 0.5]
    stopping = EarlyStopping(3)
    assert stops_after(stopping, losses) == 6  # the third epoch after the best
    assert (stopping.best, stopping.best_epoch) == (1.0, 3)
    stopping.reset()
    assert stops_after(stopping, losses[:6]) is None
    assert stops_after(EarlyStopping(5), losses) is None


def test_early_stopping_on_accuracy_goes_up() -> None:
    stopping = EarlyStopping(2, monitor="validation_accuracy")
    assert stops_after(stopping, [0.5, 0.7, 0.6, 0.7, 0.9]) == 3
    assert (stopping.best, stopping.best_epoch) == (0.7, 1)


def test_a_change_that_is_too_small_is_none() -> None:
    assert stops_after(EarlyStopping(2, minimum_change=0.1), [1.0, 0.95, 0.91]) == 2
    assert stops_after(EarlyStopping(2, minimum_change=0.1), [1.0, 0.95, 0.89]) is None


def test_nan_is_never_the_best() -> None:
    nan = float("nan")
    stopping = EarlyStopping(2)
    assert stops_after(stopping, [nan, nan, 1.0]) == 1
    assert stopping.best is None
    assert stops_after(EarlyStopping(2), [1.0, nan, 0.5]) is None


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="patience is 0; it is 1 epoch at least"):
        EarlyStopping(0)
    with pytest.raises(ConfigError, match="monitor is 'loss'; it is 'validation_loss' or"):
        EarlyStopping(monitor="loss")
