"""Central differences, and that the check of layers finds every kind of wrong backward pass."""

import numpy as np
import pytest

from hfdl.errors import DataError
from hfdl.foundations.dense import Dense
from hfdl.foundations.dropout import Dropout
from hfdl.foundations.gradcheck import central_differences, check_layer
from hfdl.foundations.layer import Layer, Parameter
from hfdl.foundations.sequential import Sequential
from hfdl.foundations.words.embedding import Embedding


@pytest.mark.parametrize("shape", [(), (1,), (5,), (3, 4), (2, 1, 3), (0,)])
def test_the_gradient_of_a_cubic(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=shape)
    before = x.copy()
    found = central_differences(lambda v: np.sum(v**3), x)
    assert found.shape == shape
    np.testing.assert_allclose(found, 3 * x**2, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(x, before)


def test_a_function_may_read_the_array_from_where_it_lives() -> None:
    parameter = Parameter(np.array([1.0, 2.0]))
    found = central_differences(lambda _: np.prod(parameter.value), parameter.value)
    np.testing.assert_allclose(found, [2.0, 1.0], atol=1e-9)


def test_a_view_is_changed_and_put_back() -> None:
    base = np.arange(12.0).reshape(3, 4)
    view = base.T[::2]  # not contiguous
    found = central_differences(lambda v: np.sum(v * v), view)
    np.testing.assert_allclose(found, 2 * view, atol=1e-8)
    np.testing.assert_array_equal(base, np.arange(12.0).reshape(3, 4))


def test_x_is_put_back_when_the_function_raises() -> None:
    x = np.array([1.0, 2.0])
    with pytest.raises(ZeroDivisionError):
        central_differences(lambda v: 1 // 0, x)
    np.testing.assert_array_equal(x, [1.0, 2.0])


def test_the_error_shrinks_with_the_square_of_eps() -> None:
    x = np.array([0.7])
    errors = [
        abs(central_differences(lambda v: np.exp(v[0]), x, eps)[0] - np.exp(0.7))
        for eps in (1e-2, 1e-3)
    ]
    assert errors[0] / errors[1] == pytest.approx(100, rel=0.01)


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_other_than_float64_is_refused(dtype: type) -> None:
    with pytest.raises(DataError, match=f"x is {np.dtype(dtype)}; differences of 1e-6 are lost"):
        central_differences(np.sum, np.ones(3, dtype))


class Square(Layer):
    """sum over features of w * x^2; ``wrong`` names the slip in its backward pass."""

    def __init__(self, wrong: str = "") -> None:
        self.w = Parameter(np.array([0.5, -2.0, 3.0]))
        self.wrong = wrong

    def forward(self, X, *, train=False, power=2):
        w, wrong = self.w, self.wrong

        def backprop(dY):
            grad = (dY * X**power).sum(axis=0)
            if wrong == "scaled":
                grad = grad * 1.001
            if wrong == "overwrites":
                w.grad = grad
            elif wrong != "forgets":
                w.grad += grad
            dX = dY * w.value * power * X ** (power - 1)
            if wrong == "nan":
                dX = dX * np.nan
            return -dX if wrong == "sign" else dX

        return w.value * X**power, backprop


X = np.array([[1.0, 2.0, -1.0], [0.3, -0.2, 0.5]])


def test_a_right_backward_pass_passes() -> None:
    errors = check_layer(Square(), X)
    assert list(errors) == ["X", "w"]
    assert max(errors.values()) < 1e-8


@pytest.mark.parametrize(
    ("wrong", "where"),
    [("scaled", "w"), ("overwrites", "w"), ("forgets", "w"), ("sign", "X"), ("nan", "X")],
)
def test_a_wrong_one_is_found(wrong: str, where: str) -> None:
    errors = check_layer(Square(wrong), X)
    assert errors[where] > 1e-4
    assert errors["w" if where == "X" else "X"] < 1e-8


def test_further_arguments_reach_forward() -> None:
    assert max(check_layer(Square(), X, power=3).values()) < 1e-8


def test_the_layer_and_its_random_numbers_are_left_alone() -> None:
    layer = Sequential(Dense(3, 4, rng=0), Dropout(0.5, rng=1))
    value = layer.parameters()[0].value.copy()
    errors = check_layer(layer, X, train=True)  # differences need one mask for all passes
    assert max(errors.values()) < 1e-8
    np.testing.assert_array_equal(layer.parameters()[0].value, value)
    assert not any(p.grad.any() for p in layer.parameters())
    twin = Sequential(Dense(3, 4, rng=0), Dropout(0.5, rng=1))
    np.testing.assert_array_equal(layer.forward(X, train=True)[0], twin.forward(X, train=True)[0])


def test_whole_numbers_have_no_gradient() -> None:
    assert list(check_layer(Embedding(5, 2, rng=0), np.array([1, 1, 4]))) == ["W"]


def test_a_float32_layer_is_refused() -> None:
    with pytest.raises(DataError, match="the output is float32"):
        check_layer(Dense(3, 2, rng=0).astype(np.float32), X.astype(np.float32))
