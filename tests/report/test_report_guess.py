"""What a model that knows nothing would reach, for the tasks whose answers are no labels."""

from __future__ import annotations

import sacrebleu

from hfdl.report.guess import guess_of
from hfdl.report.record import RunRecord


def record(task: str, scores: dict, rows: list[dict], **more: object) -> RunRecord:
    return RunRecord({}, "", {"task": task, "test": scores, **more}, [], rows)


def row(**more: object) -> dict:
    return {"split": "test", **more}


def test_of_entities_it_is_none_anywhere() -> None:
    rows = [
        row(label=["B-PER", "O", "O"], prediction=["O"] * 3),
        row(label=["O"], prediction=["O"]),
    ]
    guess = guess_of(record("token_classification", {"f1": 0.0, "accuracy": 0.75}, rows), "test")
    assert guess is not None
    assert (guess.metric, guess.value) == ("accuracy", 0.75)
    assert guess.text() == "no entity anywhere: accuracy 0.7500 on test"
    assert "the model is no better than guessing on test" in (guess.warning() or "")


def test_of_a_language_model_that_all_tokens_are_equally_likely() -> None:
    guess = guess_of(record("causal_lm", {"perplexity": 900.0}, [], vocabulary=1000), "test")
    assert guess is not None
    assert guess.text() == "all 1,000 tokens equally likely: perplexity 1000.0000 on test"
    assert guess.warning() is None
    bad = guess_of(record("masked_lm", {"perplexity": 1001.0}, [], vocabulary=1000), "test")
    assert bad is not None
    assert bad.warning() is not None
    assert guess_of(record("causal_lm", {"perplexity": 900.0}, []), "test") is None


def test_of_a_translation_the_source_itself() -> None:
    rows = [row(text="In Berlin 2024", label="In Berlin 2024.", prediction="x", loss=1.0, tokens=3),
            row(text="a house", label="ein Haus", prediction="y", loss=1.0, tokens=3)]  # fmt: skip
    guess = guess_of(record("translation", {"bleu": 0.0, "chrf": 1.0}, rows), "test")
    expected = sacrebleu.CHRF().corpus_score(
        [one["text"] for one in rows], [[one["label"] for one in rows]]
    )
    assert guess is not None
    assert guess.value == expected.score > 30
    assert guess.text().startswith("copying the source: chrf ")
    assert guess.warning() is not None
