"""Labels that are probably wrong, by confident learning.

Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", Journal
of Artificial Intelligence Research 70 (2021). A model that was not trained on an example gives a
probability to each label. Where it is as sure of another label as it usually is of examples that do
have it, the given one is suspicious: a label that is often given with little certainty is asked for
less than one that is always certain.

On examples that the model was trained on this says nothing: it may have learned the wrong labels by
heart. So the probabilities must be of held-out examples, or out of fold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hfdl.report.record import Record


@dataclass(frozen=True)
class Suspect:
    """An example whose label is probably wrong.

    Args:
        row: the example, as in predictions.jsonl.
        given: the label that it has; of several labels, the one in question.
        better: the label that the model thinks more likely; of several labels ``given`` itself,
            which is then to be added or taken away.
        probability: of the given label (of several: of its being as it is), self-confidence; the
            lower the more suspicious.
        margin: that probability less the highest one of another label, from -1 to 1.
        confident: whether the model is as sure of the better label as it usually is of examples
            that have it.
    """

    row: Record
    given: str
    better: str
    probability: float
    margin: float
    confident: bool


def suspects(rows: Sequence[Record], labels: Sequence[str]) -> list[Suspect]:
    """The examples to read: where the model thinks another label likelier; see ``ranked``."""
    return [one for one in ranked(rows, labels) if one.confident or one.margin < 0]


def ranked(rows: Sequence[Record], labels: Sequence[str]) -> list[Suspect]:
    """All examples, the most suspicious label first: whoever can read so many reads from the top.

    Args:
        rows: predictions of labelled examples that the model was not trained on, each with
            ``label`` (a name, or of several labels a list of names) and ``scores`` (a probability
            of each label). Others are passed over.
        labels: the label set.

    Returns:
        by the probability of the given label (self-confidence), equal ones in the order of the
        rows. Of planted mistakes this order finds more than that by normalised margin, and more
        than one that begins with those where the model is ``confident`` of another label
        (benchmarks/mislabelled.py). How many are ``confident`` is the method's estimate of how
        many labels are wrong.
    """
    scored = [row for row in rows if _scores(row, labels) is not None]
    if not scored or len(labels) < 2:
        return []
    shares = np.array([_scores(row, labels) for row in scored])
    if isinstance(scored[0]["label"], list):
        found = _of_several(scored, shares, labels)
    else:
        found = _of_one(scored, shares, labels)
    return sorted(found, key=_order)


def margins(shares: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Normalised margin of each example, (N,): the given label's probability less the best other.

    Args:
        shares: probabilities, (N, C).
        given: the label of each, (N,) of [0, C).
    """
    rows = np.arange(len(given))
    others = shares.astype(float)  # a copy
    others[rows, given] = -np.inf
    return shares[rows, given] - others.max(axis=1)


def confident_labels(shares: np.ndarray, given: np.ndarray) -> np.ndarray:
    """The label that the model is confident of, (N,); -1: of none.

    A label is one of confidence where its probability is at least the mean that examples with that
    label give it; of several such labels the most probable is taken.

    Args:
        shares: probabilities, (N, C).
        given: the label of each example, (N,) of [0, C).
    """
    labels = shares.shape[1]
    counts = np.bincount(given, minlength=labels)
    sums = np.bincount(given, weights=shares[np.arange(len(given)), given], minlength=labels)
    # A label that no example has is not to be suggested.
    usual = np.divide(sums, counts, out=np.full(labels, np.inf), where=counts > 0)
    above = np.where(shares >= usual, shares, -np.inf)
    return np.where(np.isfinite(above).any(axis=1), above.argmax(axis=1), -1)


def _of_one(rows: Sequence[Record], shares: np.ndarray, labels: Sequence[str]) -> list[Suspect]:
    place = {label: index for index, label in enumerate(labels)}
    given = np.array([place[str(row["label"])] for row in rows])
    own: list[int] = given.tolist()
    return [
        Suspect(row, labels[at], labels[better], probability, margin, sure)
        for row, at, (better, probability, margin, sure) in zip(
            rows, own, _judged(shares, given), strict=True
        )
    ]


def _of_several(rows: Sequence[Record], shares: np.ndarray, labels: Sequence[str]) -> list[Suspect]:
    """Each label a question of its own, given or not; of an example its most suspicious one."""
    by_example: list[list[Suspect]] = [[] for _ in rows]
    for column, name in enumerate(labels):
        given = np.array([int(name in row["label"]) for row in rows])
        both = np.stack([1 - shares[:, column], shares[:, column]], axis=1)  # (N, 2)
        for row, answers, (_, probability, margin, sure) in zip(
            rows, by_example, _judged(both, given), strict=True
        ):
            answers.append(Suspect(row, name, name, probability, margin, sure))
    return [min(answers, key=_order) for answers in by_example]


def _judged(shares: np.ndarray, given: np.ndarray) -> Iterator[tuple[int, float, float, bool]]:
    """Of each example the better label, the given one's probability, margin and confidence."""
    rows = np.arange(len(given))
    confident = confident_labels(shares, given)
    is_other = (confident >= 0) & (confident != given)
    others = shares.astype(float)
    others[rows, given] = -np.inf
    better = np.where(is_other, confident, others.argmax(axis=1))
    yield from zip(
        better.tolist(), shares[rows, given].tolist(), margins(shares, given).tolist(),
        is_other.tolist(), strict=True,
    )  # fmt: skip


def _order(one: Suspect) -> float:
    return one.probability


def _scores(row: Record, labels: Sequence[str]) -> list[float] | None:
    """The probability of each label; None where one is missing, or the label is not of the set."""
    scores, label = row.get("scores"), row.get("label")
    names = label if isinstance(label, list) else [label]
    if not isinstance(scores, dict) or label is None or not {*map(str, names)} <= {*labels}:
        return None
    values = [float(scores[name]) for name in labels if _is_number(scores.get(name))]
    return values if len(values) == len(labels) and np.isfinite(values).all() else None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float))
