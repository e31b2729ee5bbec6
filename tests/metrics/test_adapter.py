"""hfdl's metrics through the ``evaluate`` library's interface."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import sacrebleu
import seqeval.metrics as seqeval
import sklearn.metrics as reference
from helpers.wording import assert_wording
from scipy import stats

from hfdl.errors import ConfigError
from hfdl.metrics import load
from hfdl.metrics.named import NAMED

RNG = np.random.default_rng(0)
TRUE, GUESS = RNG.integers(0, 4, 50).tolist(), RNG.integers(0, 4, 50).tolist()
A, B = RNG.normal(size=50).tolist(), RNG.normal(size=50).tolist()

TEXTS = ["the cat sat on the mat", "a dog barked", "rain fell", "x"]
SAID = ["the cat sat on a mat", "a dog barked", "it rained", "x y"]
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
TAGGED, TAGGED_GUESS = (
    [[TAGS[i] for i in RNG.integers(0, 5, 7)] for _ in range(40)] for _ in range(2)
)  # illegal ones among them
LOSSES, TOKENS = [0.5, 2.0, 1.25], [10.0, 3.0, 7.0]

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
    "rmse": reference.root_mean_squared_error(A, B),
    "spearmanr": stats.spearmanr(A, B).statistic,
    "exact_match": 0.25,
    "perplexity": math.exp((0.5 * 10 + 2.0 * 3 + 1.25 * 7) / 20),
}
INPUTS = {
    **dict.fromkeys(
        ["accuracy", "f1", "precision", "recall", "matthews_correlation"], (TRUE, GUESS)
    ),
    "exact_match": (TEXTS, SAID),
    "perplexity": (TOKENS, LOSSES),
}
OF_SACREBLEU = {
    "sacrebleu": sacrebleu.corpus_bleu,
    "chrf": sacrebleu.corpus_chrf,
    "ter": sacrebleu.corpus_ter,
}


@pytest.mark.parametrize("name", EXPECTED)
def test_every_metric_computes_what_the_reference_does(name: str) -> None:
    pytest.importorskip("evaluate", reason="evaluate is not installed")
    references, predictions = INPUTS.get(name, (A, B))
    found = load(name).compute(predictions=predictions, references=references)
    assert found == {name: pytest.approx(EXPECTED[name], rel=1e-12)}


def test_the_table_covers_every_name() -> None:
    with pytest.raises(ConfigError, match=r"no metric 'accurracy'\. Did you mean 'accuracy'\?"):
        load("accurracy")
    with pytest.raises(ConfigError) as caught:
        load("?")
    assert {*EXPECTED, *OF_SACREBLEU, "seqeval"} == set(NAMED)
    assert len(NAMED) == 17
    assert str(caught.value).endswith(f"Choose one of: {', '.join(list(NAMED)[:10])}, and 7 more")


@pytest.mark.parametrize("average", ["macro", "micro", "weighted", "binary"])
@pytest.mark.parametrize("name", ["f1", "precision", "recall"])
def test_averages_are_those_of_sklearn(name: str, average: str) -> None:
    truth, guess = (TRUE, GUESS) if average != "binary" else ([0, 1, 1, 0, 1], [1, 1, 0, 0, 1])
    wanted = getattr(reference, f"{name}_score")(truth, guess, average=average, zero_division=0)
    found = load(name).compute(predictions=guess, references=truth, average=average)
    assert found == {name: pytest.approx(wanted, rel=1e-12)}


def test_an_option_that_is_not_one_is_refused() -> None:
    for options in ({"average": "samples"}, {"averag": "micro"}, {"average": "binary"}):
        with pytest.raises(ConfigError) as caught:
            load("f1").compute(predictions=GUESS, references=TRUE, **options)
        assert_wording(caught.value)


def test_seqeval_is_seqevals() -> None:
    found = load("seqeval").compute(predictions=TAGGED_GUESS, references=TAGGED)
    assert found["overall_f1"] == pytest.approx(seqeval.f1_score(TAGGED, TAGGED_GUESS))
    assert found["overall_precision"] == pytest.approx(
        seqeval.precision_score(TAGGED, TAGGED_GUESS)
    )
    assert found["overall_recall"] == pytest.approx(seqeval.recall_score(TAGGED, TAGGED_GUESS))
    assert found["overall_accuracy"] == pytest.approx(seqeval.accuracy_score(TAGGED, TAGGED_GUESS))
    report: Any = seqeval.classification_report(TAGGED, TAGGED_GUESS, output_dict=True)
    for label in ("LOC", "PER"):
        wanted = {key: report[label][f"{key}-score" if key == "f1" else key]
                  for key in ("precision", "recall", "f1")}  # fmt: skip
        assert found[label] == pytest.approx({**wanted, "number": report[label]["support"]})


@pytest.mark.parametrize("name", OF_SACREBLEU)
def test_metrics_of_texts_are_sacrebleus(name: str) -> None:
    wanted = OF_SACREBLEU[name](SAID, [TEXTS]).score
    assert load(name).compute(predictions=SAID, references=TEXTS) == {"score": wanted}
    lists = [[text] for text in TEXTS]
    assert load(name).compute(predictions=SAID, references=lists) == {"score": wanted}


def test_importing_the_metrics_does_not_import_evaluate() -> None:
    code = "import sys, hfdl.metrics; sys.exit('evaluate' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
