"""Decoding scores of tags to the tags of words, and to entities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from hfdl.data.entities.sentence import Sentence
from hfdl.data.entities.tags import OUTSIDE, legal_transitions, read_entities, shown_scheme
from hfdl.data.entities.viterbi import viterbi
from hfdl.tasks.protocol import Prediction


def scores_of_words(logits: torch.Tensor, targets: Mapping[str, torch.Tensor]) -> list[np.ndarray]:
    """Log-probabilities of the tags of each word, at its first piece in the row that owns it.

    Args:
        logits: (R, T, C) of the rows of a batch.
        targets: of that batch: ``row`` and ``position`` (W,), the words of all its sentences, and
            ``words`` (B,), how many of them are of each.

    Returns:
        an array (W, C) a sentence. Words that were cut off are missing at its end.
    """
    # Double, so that the choice depends on the logits alone. (R, T, C) -> (W, C)
    chosen = logits[targets["row"], targets["position"]]
    scores = chosen.detach().double().log_softmax(-1).cpu().numpy()
    ends = np.cumsum(targets["words"].cpu().numpy())
    return np.split(scores, ends[:-1])


class Tagger:
    """Chooses the tags of a sentence: the likeliest together that may follow each other.

    Args:
        names: C tags in the order of their ids.
        scheme: what they are written in.
        may_be_iob1: whether tags B and I may be of IOB1 as well, where I begins entities. Then a
            sentence has the likeliest tags that one of the two schemes allows.
    """

    def __init__(self, names: Sequence[str], scheme: str, *, may_be_iob1: bool = False) -> None:
        self._names, self._scheme = names, scheme
        self._allowed = [legal_transitions(names)]
        if may_be_iob1 and shown_scheme(names) == "BIO":
            self._allowed.append(legal_transitions(names, "IOB1"))

    def __call__(self, sentence: Sentence, scores: np.ndarray) -> Prediction:
        """``prediction`` (a tag a word) and ``entities``, each with its ``score``.

        The score of an entity is the mean, over its words, of the probability of the tag that was
        chosen.

        Args:
            sentence: a sentence of W words.
            scores: (W, C) log-probabilities; fewer rows where the last words were cut off, which
                then are outside.
        """
        path = self._path(scores)
        lost = len(sentence.words) - len(path)
        tags = [*(self._names[i] for i in path), *[OUTSIDE] * lost]
        chances = np.exp(scores[np.arange(len(path)), path])  # (W,)
        entities = []
        for start, end, label in read_entities(tags, self._scheme)[0]:
            first, last = sentence.words[start][0], sentence.words[end - 1][1]
            entities.append({
                "label": label, "start": first, "end": last, "text": sentence.text[first:last],
                "score": float(chances[start:end].mean()),
            })  # fmt: skip
        return {"prediction": tags, "entities": entities}

    def _path(self, scores: np.ndarray) -> np.ndarray:
        """The likeliest tags that a scheme allows, (W,)."""
        paths = [viterbi(scores, *allowed) for allowed in self._allowed]
        return max(paths, key=lambda path: float(scores[np.arange(len(path)), path].sum()))
