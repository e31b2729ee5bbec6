"""hfdl's metrics through the ``evaluate`` library's interface."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import sklearn.metrics as reference
from scipy import stats

from hfdl.errors import ConfigError
from hfdl.metrics import load

RNG = np.random.default_rng(0)
TRUE, GUESS = RNG.integers(0, 4, 50).tolist(), RNG.integers(0, 4, 50).tolist()
A, B = RNG.normal(size=50).tolist(), RNG.normal(size=50).tolist()

EXPECTED = {
    "accuracy": reference.accuracy_score(TRUE, GUESS),
    "f1": reference.f1_score(TRUE, GUESS, average="macro"),
    "precision": reference.precision_score(TRUE, GUESS, average="macro", zero_division=0),
    "recall": reference.recall_score(TRUE, GUESS, average="macro"),
    "matthews_correlation": reference.matthews_corrcoef(TRUE, GUESS),
    "mse": reference.mean_squared_error(A, B),
    "mae": reference.mean_absolute_error(A, B),
    "r_squared": reference.r2_score(A, B),
    "pearsonr": stats.pearsonr(A, B).statistic,
    "spearmanr": stats.spearmanr(A, B).statistic,
}


@pytest.mark.parametrize("name", EXPECTED)
def test_every_metric_computes_what_the_reference_does(name: str) -> None:
    pytest.importorskip("evaluate", reason="evaluate is not installed")
    labels = name in list(EXPECTED)[:5]
    references, predictions = (TRUE, GUESS) if labels else (A, B)
    found = load(name).compute(predictions=predictions, references=references)
    assert found == {name: pytest.approx(EXPECTED[name], rel=1e-12)}


def test_the_table_covers_every_name() -> None:
    with pytest.raises(ConfigError, match=r"no metric 'accurracy'\. Did you mean 'accuracy'\?"):
        load("accurracy")
    with pytest.raises(ConfigError) as caught:
        load("?")
    assert str(caught.value).endswith(f"Choose one of: {', '.join(EXPECTED)}")
    assert len(EXPECTED) == 10


def test_importing_the_metrics_does_not_import_evaluate() -> None:
    code = "import sys, hfdl.metrics; sys.exit('evaluate' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
