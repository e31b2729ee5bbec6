"""What recurrent models promise beyond the rest: torch's numbers, reading on, and refusals."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from hfdl.errors import ConfigError
from hfdl.models.recurrent import (
    RecurrentConfig,
    RecurrentForCausalLM,
    RecurrentForSequenceClassification,
    RecurrentForTokenClassification,
    RecurrentModel,
)
from hfdl.nn.recurrence import KINDS, unrolled

BOUND = 1e-12
TINY = RecurrentConfig(vocab_size=19, hidden_size=6, num_hidden_layers=2, dropout=0.0)
TORCH: dict[str, Any] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
IDS = torch.tensor([[3, 5, 7, 9], [4, 6, 0, 0], [8, 8, 8, 0]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]])


def built(model: Any, **changed: Any) -> Any:
    torch.manual_seed(0)
    return model(replace(TINY, **changed)).double().eval()


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_states_are_torchs_over_the_embeddings(kind: str, bidirectional: bool) -> None:
    model = built(RecurrentModel, kind=kind, bidirectional=bidirectional, embedding_size=5)
    theirs = TORCH[kind](
        5, 6, num_layers=2, bidirectional=bidirectional, batch_first=True, dtype=torch.float64
    )
    theirs.load_state_dict(model.layers.state_dict())
    states = model(IDS, MASK)
    assert states.shape == (3, 4, model.output_size)
    for row, length in enumerate([4, 2, 3]):
        expected, _ = theirs(model.embeddings.tokens.weight[IDS[row : row + 1, :length]])
        assert (states[row, :length] - expected[0]).abs().max() < BOUND
    model.layers.kernel = unrolled
    assert (model(IDS, MASK) - states).abs().max() < BOUND


def test_many_to_one_reads_the_last_state_of_each_direction() -> None:
    model = built(RecurrentForSequenceClassification, bidirectional=True)
    _, (h, _) = model.backbone.read(IDS, MASK)
    upper = torch.cat([h[2], h[3]], dim=-1)  # of the second layer, both directions
    assert (model.head.out(upper) - model(IDS, MASK)).abs().max() < BOUND


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_word_word_by_word(kind: str) -> None:
    """A generation hands the state on: every step costs one word, and says the same."""
    model = built(RecurrentForCausalLM, kind=kind)
    whole, state, steps = model(IDS, MASK), None, []
    for word, real in zip(IDS.split(1, dim=1), MASK.split(1, dim=1), strict=True):
        logits, state = model.read(word, real, state=state)
        steps.append(logits)
    assert (torch.cat(steps, dim=1) - whole).abs().max() < BOUND


def test_no_word_sees_a_later_one_unless_both_directions_are_read() -> None:
    changed = IDS.clone()
    changed[0, 2] = 11
    causal = built(RecurrentForCausalLM)
    difference = (causal(changed, MASK) - causal(IDS, MASK)).abs().amax(-1)
    assert difference[0, :2].max() == 0
    assert difference[0, 2:].min() > 1e-6
    tagger = built(RecurrentForTokenClassification, bidirectional=True)
    difference = (tagger(changed, MASK) - tagger(IDS, MASK)).abs().amax(-1)
    assert difference[0].min() > 1e-9
    assert difference[1:].max() == 0


def test_tied_and_untied_embeddings() -> None:
    tied, untied = (
        built(RecurrentForCausalLM),
        built(RecurrentForCausalLM, tie_word_embeddings=False),
    )
    assert tied.head.decoder.weight is tied.backbone.embeddings.tokens.weight
    count = sum(p.numel() for p in tied.parameters())
    assert sum(p.numel() for p in untied.parameters()) == count + 19 * 6
    wide = built(RecurrentForCausalLM, tie_word_embeddings=False, embedding_size=9)
    assert wide(IDS, MASK).shape == (3, 4, 19)


def test_dropout_stands_in_three_places() -> None:
    model = built(RecurrentForCausalLM, dropout=0.25)
    places = {name for name, m in model.named_modules() if getattr(m, "p", 0.0) == 0.25}
    assert places == {"dropout", "backbone.embeddings.dropout", "backbone.layers.dropout"}
    model = built(RecurrentForTokenClassification, dropout=0.25)
    places = {name for name, m in model.named_modules() if getattr(m, "p", 0.0) == 0.25}
    assert places == {"head.dropout", "backbone.embeddings.dropout", "backbone.layers.dropout"}


def test_default_sizes() -> None:
    model = RecurrentForCausalLM(RecurrentConfig())
    lstm = 4 * 256 * (256 + 256 + 2)
    assert sum(p.numel() for p in model.parameters()) == 20_000 * 256 + lstm


REFUSED: list[tuple[Any, dict[str, Any], str]] = [
    (
        RecurrentForCausalLM, {"bidirectional": True},
        "bidirectional is True in a model of the next word; from right to left it would read the "
        "very word that it is asked for. Set bidirectional=False",
    ),
    (
        RecurrentForCausalLM, {"embedding_size": 5},
        "tied embeddings with embedding_size 5 and hidden_size 6; one matrix embeds and decodes "
        "words, so the two are equal. Make them equal, or set tie_word_embeddings=False",
    ),
    (
        RecurrentModel, {"kind": "LSTM"},
        "unknown kind 'LSTM' of recurrent layer; there are rnn, lstm, gru. Did you mean 'lstm'?",
    ),
    (
        RecurrentModel, {"pooling": "lats"},
        "unknown pooling 'lats'; there are last, mean, max, attention. Did you mean 'last'?",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("model", "changed", "text"), REFUSED)
def test_what_cannot_be_is_refused(model: Any, changed: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(text)}$"):
        built(model, **changed)
