"""Every small model over words, kind by kind, for tests that all of them must pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from hfdl.models.bag_of_words import (
    BagOfWordsConfig,
    BagOfWordsForSequenceClassification,
    DeepAveragingConfig,
    DeepAveragingForSequenceClassification,
)
from hfdl.models.recurrent import (
    RecurrentConfig,
    RecurrentForCausalLM,
    RecurrentForSequenceClassification,
    RecurrentForTokenClassification,
)
from hfdl.models.text_cnn import TextCnnConfig, TextCnnForSequenceClassification
from hfdl.nn.pooling import POOLINGS
from hfdl.nn.recurrence import KINDS

VOCABULARY, LABELS = 23, 3


@dataclass(frozen=True)
class Case:
    """A model and the sizes that make it tiny; ``answers`` is what it labels."""

    model: Callable[[Any], nn.Module]
    config: Any
    answers: str  # texts, words, next words

    def build(self, seed: int = 0, **changed: Any) -> nn.Module:
        """The model in float64."""
        torch.manual_seed(seed)
        return self.model(replace(self.config, **changed)).double()


def _cases() -> dict[str, Case]:
    words: dict[str, Any] = {"vocab_size": VOCABULARY, "num_labels": LABELS}
    found: dict[str, Case] = {}
    for kind in KINDS:
        for both in (False, True):
            for layers in (1, 2):
                base = RecurrentConfig(
                    **words, kind=kind, embedding_size=8, hidden_size=8,
                    num_hidden_layers=layers, bidirectional=both,
                )  # fmt: skip
                name = f"{kind}-{'both' if both else 'one'}-{layers}"
                for pooling in POOLINGS if layers == 1 else ("last",):
                    found[f"sequence-{name}-{pooling}"] = Case(
                        RecurrentForSequenceClassification, replace(base, pooling=pooling), "texts"
                    )
                found[f"token-{name}"] = Case(RecurrentForTokenClassification, base, "words")
                for tied in (False, True) if not both else ():
                    found[f"causal-{name}-{'tied' if tied else 'untied'}"] = Case(
                        RecurrentForCausalLM, replace(base, tie_word_embeddings=tied), "next words"
                    )
    for widths in ((3, 4, 5), (1, 2)):
        config = TextCnnConfig(**words, embedding_size=8, widths=widths, num_filters=6)
        found[f"cnn-{widths}"] = Case(TextCnnForSequenceClassification, config, "texts")
    for counts in ("sum", "mean"):
        config = BagOfWordsConfig(**words, counts=counts)
        found[f"bag-{counts}"] = Case(BagOfWordsForSequenceClassification, config, "texts")
    for layers in (0, 1, 2):
        config = DeepAveragingConfig(
            **words, embedding_size=8, hidden_size=9, num_hidden_layers=layers
        )
        found[f"averaging-{layers}"] = Case(DeepAveragingForSequenceClassification, config, "texts")
    return found


CASES = _cases()


def texts(number: int = 5, width: int = 6, seed: int = 1) -> tuple[Tensor, Tensor]:
    """Ids (B, T), 0 at padding on the right, and the mask; lengths from 1 to T."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, width + 1, (number,), generator=generator)
    lengths[0], lengths[-1] = width, 1
    mask = (torch.arange(width) < lengths[:, None]).long()
    return torch.randint(1, VOCABULARY, (number, width), generator=generator) * mask, mask
