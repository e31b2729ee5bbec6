"""Precision, recall and F1 of named entities: an entity is right as a whole or not at all.

A predicted entity counts if its first word, its last word and its type are right (Tjong Kim Sang
and De Meulder 2003, section 2.3). On tags that are legal in their scheme the figures are those of
seqeval's strict mode. A tag that is illegal at its position is read as the CoNLL shared tasks'
conlleval reads it, as the start of an entity, where the strict mode leaves that entity out;
``TokenClassification`` has none of these, neither among the right tags nor among its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from hfdl.data.entities.tags import read_entities
from hfdl.metrics.classification import ratio

Tags = Sequence[str]
Spans = Iterable[tuple[int, int, str]]


def entity_metric_names(types: Sequence[str]) -> list[str]:
    """The names that ``entity_metrics`` gives for entities of these types."""
    details = ("precision", "recall", "f1", "support")
    of_types = [f"{label}/{name}" for label in types for name in details]
    return ["precision", "recall", "f1", "accuracy", *of_types]


def entity_metrics(
    references: Sequence[Tags], predictions: Sequence[Tags], scheme: str = "BIO"
) -> dict[str, float]:
    """Metrics of tagged sentences.

    Args:
        references: the right tags of N sentences, one for each word.
        predictions: the predicted tags, as many for each sentence.
        scheme: ``BIO``, ``BIOES`` or ``BILOU``, of both.

    Returns:
        ``precision``, ``recall`` and ``f1`` over all entities (micro average), ``accuracy`` over
        words; and for each type of either side ``TYPE/precision``, ``TYPE/recall``, ``TYPE/f1``
        and ``TYPE/support``, its number of true entities. A ratio without entities is 0.

    Raises:
        ValueError: the numbers of sentences, or of a sentence's tags, differ.
    """
    true, said = (
        [set(read_entities(tags, scheme)[0]) for tags in side] for side in (references, predictions)
    )
    return _metrics(true, said, references, predictions)


def span_metrics(
    references: Sequence[Spans],
    predictions: Sequence[Spans],
    true_tags: Sequence[Tags],
    predicted_tags: Sequence[Tags],
) -> dict[str, float]:
    """The same metrics of entities that are spans of characters: ``accuracy`` alone is of tags.

    Where the right entities are more than tags can say, since one begins within a word, this is
    what tells: such an entity is missed.

    Args:
        references: the right entities of N sentences, each a (start, end, type).
        predictions: the predicted ones.
        true_tags: the right tags of each sentence, one a word.
        predicted_tags: the predicted ones, as many.

    Raises:
        ValueError: the numbers of sentences, or of a sentence's tags, differ.
    """
    true, said = ([set(spans) for spans in side] for side in (references, predictions))
    return _metrics(true, said, true_tags, predicted_tags)


def _metrics(
    references: Sequence[set[Any]],
    predictions: Sequence[set[Any]],
    true_tags: Sequence[Tags],
    predicted_tags: Sequence[Tags],
) -> dict[str, float]:
    """Metrics of entities, each a (start, end, type), and of tags."""
    true, guessed, hits = Counter[str](), Counter[str](), Counter[str]()
    for right, said in zip(references, predictions, strict=True):
        true.update(label for *_, label in right)
        guessed.update(label for *_, label in said)
        hits.update(label for *_, label in right & said)
    metrics = _scores(hits.total(), guessed.total(), true.total())
    metrics["accuracy"] = _accuracy(true_tags, predicted_tags)
    for label in sorted({*true, *guessed}):
        scores = _scores(hits[label], guessed[label], true[label])
        metrics.update({f"{label}/{name}": value for name, value in scores.items()})
        metrics[f"{label}/support"] = float(true[label])
    return metrics


def _accuracy(references: Sequence[Tags], predictions: Sequence[Tags]) -> float:
    words = right = 0
    for truth, guess in zip(references, predictions, strict=True):
        right += sum(a == b for a, b in zip(truth, guess, strict=True))
        words += len(truth)
    return ratio(right, words)


def _scores(hits: int, guessed: int, true: int) -> dict[str, float]:
    return {
        "precision": ratio(hits, guessed),
        "recall": ratio(hits, true),
        "f1": ratio(2 * hits, guessed + true),
    }
