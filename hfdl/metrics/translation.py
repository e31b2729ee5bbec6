"""Translation metrics: BLEU and chrF, by sacrebleu.

Both compare all texts together, not one by one, and run from 0 to 100. Figures of two programs can
be compared only where their signatures agree (Post 2018, https://aclanthology.org/W18-6319).
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from hfdl.errors import import_extra


def translation_metrics(references: Sequence[str], predictions: Sequence[str]) -> dict[str, float]:
    """BLEU (Papineni et al. 2002) and chrF2 (Popović 2015) of translations.

    Args:
        references: N right translations, as a person wrote them.
        predictions: N translations, detokenised.

    Returns:
        ``bleu`` (cased, tokenised as mteval-v13a) and ``chrf``; 0 of no texts.

    Raises:
        MissingExtraError: sacrebleu is not installed.
    """
    if not references:
        return {"bleu": 0.0, "chrf": 0.0}
    return {
        name: metric.corpus_score(list(predictions), [list(references)]).score
        for name, metric in _metrics().items()
    }


def sentence_scores(references: Sequence[str], predictions: Sequence[str]) -> list[float]:
    """chrF2 (Popović 2015) of each translation by itself, from 0 to 100.

    BLEU of one sentence is mostly 0, or a matter of smoothing: few have four words in a row right.

    Args:
        references, predictions: as for ``translation_metrics``.

    Raises:
        MissingExtraError: sacrebleu is not installed.
    """
    metric = _metrics()["chrf"]
    pairs = zip(references, predictions, strict=True)
    return [metric.sentence_score(said, [true]).score for true, said in pairs]


def signatures() -> dict[str, str]:
    """sacrebleu's signature of each metric, which figures need to be comparable.

    Raises:
        MissingExtraError: sacrebleu is not installed.
    """
    by_metric = {}
    for name, metric in _metrics().items():
        metric.corpus_score(["a"], [["a"]])  # a signature knows its references only then
        by_metric[name] = str(metric.get_signature())
    return by_metric


def require_sacrebleu() -> ModuleType:
    """The package itself.

    Raises:
        MissingExtraError: it is not installed.
    """
    return import_extra("sacrebleu", feature="BLEU", extra="translation")


def _metrics() -> dict[str, Any]:
    sacrebleu = require_sacrebleu()
    return {"bleu": sacrebleu.BLEU(), "chrf": sacrebleu.CHRF()}
