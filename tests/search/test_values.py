"""What a study refuses before anything is trained, in its own words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.wording import assert_wording

from hfdl.errors import HfdlError
from hfdl.search.tune import join, plan_study

RECIPE = "eras/bag-of-words"
SIZES = {"search.train.batch_size": [8, 16]}
RATES = {"low": 1e-3, "high": 0.1, "log": True}
NAMES = {"search.model.name": ["hfdl://text-cnn", "hfdl://encoder"], "model.config": None}


@pytest.mark.parametrize(
    ("given", "where"),
    [
        pytest.param({"search.train.learning_rate": [float("nan"), 0.1]}, None, id="nan"),
        pytest.param({"search.train.weight_decay": {"low": 0.1, "high": 0.3, "step": 0.5}}, None,
                     id="step-beyond-the-range"),
        pytest.param({"search.train.learning_rate": {"low": 0, "high": 0.1, "log": True}}, None,
                     id="log-of-0"),
        pytest.param({"search.train.batch_size": [16]}, None, id="one-value"),
        pytest.param({"search.train.batchsize": [16, 32]}, None, id="wrong-key"),
        pytest.param({"search.train.learning_rate": {"low": 0.1, "high": 0.01}}, None, id="turned"),
        pytest.param({"search.train.learning_rate": {"low": 0.01, "hihg": 0.1}}, None, id="hihg"),
        pytest.param({"search.train.learning_rate": {"low": "a", "high": 1}}, None,
                     id="no-number"),
        pytest.param({"search.train.learning_rate": {**RATES, "step": 0.01}}, None,
                     id="log-and-step"),
        pytest.param({"search.train.batch_size": 16}, None, id="neither"),
        pytest.param({"search.train.batch_size": []}, None, id="empty"),
        pytest.param({"search.train.batch_size": [8, 8, 16]}, None, id="twice"),
        pytest.param({"search.train.batch_size": [8, 0]}, None, id="value"),
        pytest.param({"search.train.optimizer": {"low": 1, "high": 2}}, None, id="range-of-names"),
        pytest.param({"search.data.test": ["a.csv", "b.csv"]}, None, id="other-examples"),
        pytest.param({"search.study.seed": [1, 2]}, None, id="of-the-search"),
        pytest.param({}, "search", id="nothing"),
        pytest.param({"search.train.learning_rate": RATES, "study.sampler": "grid"}, None,
                     id="grid-without-end"),
        pytest.param({"search.train.learning_rate": RATES, **SIZES, "study.sampler": "cma_es"},
                     "study.sampler", id="cma_es-of-a-list"),
        pytest.param({"search.train.learning_rate": RATES, "study.sampler": "cma_es"},
                     "study.sampler", id="cma_es-of-one"),
        pytest.param({"search.train.epochs": [1, 2], "study.pruner": "hyperband"}, None,
                     id="hyperband-of-epochs"),
        pytest.param({**SIZES, "study.folds": 2, "data.folds": 3, "data.fold": 0}, "data.folds",
                     id="folds-of-a-fold"),
        pytest.param({**SIZES, "data.validation_share": 0}, None, id="no-validation"),
        pytest.param({**SIZES, "study.metric": "f2"}, "study.metric", id="metric"),
        pytest.param({**SIZES, "study.folds": 5000}, "study.folds", id="folds"),
        pytest.param({"search.model.config.embeddings": [8, 16]}, "search.model.config.embeddings",
                     id="size-that-no-model-has"),
        pytest.param({"search.model.name": ["hfdl://bag-of-words", "no-such-model"]},
                     "search.model.name", id="model-that-is-nowhere"),
        pytest.param({**NAMES, "search.model.config.counts": ["sum", "mean"]},
                     "search.model.name", id="size-that-the-names-lack"),
    ],
)  # fmt: skip
def test_values_that_cannot_be_tried(given: dict[str, Any], where: str | None) -> None:
    with pytest.raises(HfdlError) as caught:
        plan_study(RECIPE, given)
    assert_wording(caught.value)
    if where is not None:
        assert caught.value.where == where


def test_a_size_of_one_of_the_models_or_beside_another_is_taken() -> None:
    """Two heads in 9 numbers are none, three are: each value works in some combination."""
    sizes = {
        "search.model.config.hidden_size": [8, 9],
        "search.model.config.num_attention_heads": [2, 3],
    }
    plan = plan_study("eras/encoder", sizes)
    assert [domain.key for domain in plan.space] == [key.removeprefix("search.") for key in sizes]


def test_only_a_study_can_be_helped_with(tmp_path: Path) -> None:
    for name in ("nothing", "run"):
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run" / "recipe.yaml").write_text("task: x\n", encoding="utf-8")
        with pytest.raises(HfdlError) as caught:
            join(tmp_path / name)
        assert_wording(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
