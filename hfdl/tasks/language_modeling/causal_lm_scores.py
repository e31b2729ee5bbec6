"""How well a text was foreseen, each token from those before it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hfdl.tasks.language_modeling.language_scores import summed_nats, token_scores
from hfdl.tasks.protocol import Prediction

NAMES = ["perplexity", "accuracy", "bits_per_byte"]
"""What ``corpus_scores`` gives."""


def corpus_scores(
    predictions: Sequence[Prediction], references: Sequence[Mapping[str, Any]]
) -> dict[str, float]:
    """Perplexity, accuracy and bits per byte over all targets, each target weighing the same.

    Bits per byte is the cross-entropy of the whole text over the length of its UTF-8: of what is
    computed here the one that can be compared between models with unlike tokenizers.

    Args:
        predictions: as ``language_scores.foreseen`` gives them.
        references: ``bytes`` of the texts.
    """
    size = sum(reference["bytes"] for reference in references) or 1
    bits = summed_nats(predictions) / math.log(2)
    return {**token_scores(predictions), "bits_per_byte": bits / size}
