"""Kim's convolutional network: his sizes, and one filter that is followed by hand."""

from __future__ import annotations

import re

import pytest
import torch

from hfdl.errors import ConfigError
from hfdl.models.text_cnn import TextCnn, TextCnnConfig, TextCnnForSequenceClassification


def test_default_sizes_are_the_papers() -> None:
    model = TextCnnForSequenceClassification(TextCnnConfig(vocab_size=1000))
    filters = sum(100 * (300 * width + 1) for width in (3, 4, 5))
    assert sum(p.numel() for p in model.parameters()) == 1000 * 300 + filters + 2 * (300 + 1)
    assert model.head.dropout.p == 0.5
    assert model.backbone.output_size == 300


def test_a_filter_finds_its_phrase_wherever_it_stands() -> None:
    """Word i is the unit vector i: a filter of ones at (2, 3) counts how much of "2 3" it sees."""
    model = TextCnn(
        TextCnnConfig(vocab_size=6, embedding_size=6, widths=(2,), num_filters=1, dropout=0.0)
    )
    with torch.no_grad():
        model.embeddings.tokens.weight.copy_(torch.eye(6)).narrow(0, 0, 1).zero_()
        filters = model.convolutions[0].filters
        filters.weight.zero_()
        filters.bias.zero_()
        filters.weight[0, 2, 0] = filters.weight[0, 3, 1] = 1.0
    texts = torch.tensor([[1, 2, 3, 4], [2, 3, 0, 0], [3, 2, 5, 5], [4, 4, 5, 1], [3, 0, 0, 0]])
    assert model(texts, texts != 0).flatten().tolist() == [2, 2, 1, 0, 1]


def test_the_bias_at_padding_is_not_the_greatest_answer() -> None:
    """A window of padding alone says b; were it heard, no text could say less."""
    model = TextCnn(
        TextCnnConfig(vocab_size=6, embedding_size=2, widths=(2,), num_filters=1, hidden_act="tanh")
    )
    with torch.no_grad():
        model.embeddings.tokens.weight[1:] = 1.0
        model.convolutions[0].filters.weight.fill_(-1.0)
        model.convolutions[0].filters.bias.fill_(0.5)
    ids = torch.tensor([[1, 2, 0, 0, 0, 0]])
    expected = torch.tensor(0.5 - 2.0).tanh()  # a window that hangs over the end sees one word
    assert model(ids, ids != 0).item() == pytest.approx(expected.item())
    assert model(torch.zeros(1, 3, dtype=torch.long), torch.zeros(1, 3)).item() == 0.0


@pytest.mark.parametrize("widths", [(), (3, 0)])
def test_windows_without_a_word_are_refused(widths: tuple[int, ...]) -> None:
    message = f"widths is {widths}; there is a width, and each is 1 or more words"
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        TextCnnConfig(widths=widths)
