"""BLEU and chrF against sacrebleu's own functions."""

from __future__ import annotations

import sys

import pytest
import sacrebleu

from hfdl.errors import MissingExtraError
from hfdl.metrics.translation import signatures, translation_metrics


def test_bleu_and_chrf_are_those_of_sacrebleu() -> None:
    right = ["Ein Mann schläft auf dem Sofa .", "Zwei Hunde laufen über die Wiese."]
    said = ["Ein Mann schläft auf einem Sofa.", "Zwei Hunde laufen auf der Wiese."]
    found = translation_metrics(right, said)
    assert found["bleu"] == sacrebleu.corpus_bleu(said, [right]).score
    assert 10 < found["bleu"] < 90
    assert found["chrf"] == sacrebleu.corpus_chrf(said, [right]).score
    assert translation_metrics([], []) == {"bleu": 0.0, "chrf": 0.0}
    assert set(signatures()) == {"bleu", "chrf"}


def test_without_sacrebleu_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sacrebleu>=2\.4'"):
        translation_metrics(["a"], ["a"])
