"""The share of right answers against scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score

from hfdl.foundations import losses
from hfdl.foundations.accuracy import OF_LOSS, of_classes, of_logits, of_probabilities
from hfdl.foundations.activations import sigmoid


@settings(max_examples=30)
@given(st.integers(1, 20), st.integers(1, 5), st.integers(0, 100))
def test_against_scikit_learn(count: int, classes: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    scores, target = random.normal(size=(count, classes)), random.integers(0, classes, count)
    expected = accuracy_score(target, scores.argmax(axis=1))
    assert of_classes(scores, target) == pytest.approx(expected)
    assert of_classes(scores, np.eye(classes)[target]) == pytest.approx(expected)
    logits, yes = random.normal(size=(count, 1)), random.integers(0, 2, (count, 1))
    expected = accuracy_score(yes[:, 0], logits[:, 0] >= 0)
    assert of_logits(logits, yes) == pytest.approx(expected)
    assert of_probabilities(sigmoid(logits), yes) == pytest.approx(expected)


def test_padding_does_not_count() -> None:
    scores = np.array([[[2.0, 1.0], [0.0, 1.0]], [[0.0, 1.0], [5.0, 1.0]]])
    assert of_classes(scores, np.array([[0, -100], [0, 0]])) == pytest.approx(2 / 3)
    assert of_classes(scores, np.full((2, 2), -100)) == 0.0


def test_each_loss_that_answers_right_or_wrong_is_listed() -> None:
    listed = {"binary_cross_entropy", "sigmoid_cross_entropy", "categorical_cross_entropy",
              "softmax_cross_entropy"}  # fmt: skip
    assert {loss.__name__ for loss in OF_LOSS} == listed
    assert losses.mse not in OF_LOSS
