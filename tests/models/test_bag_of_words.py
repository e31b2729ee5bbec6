"""Counts and averages of words: against scikit-learn, order, and words left out."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from hfdl.errors import ConfigError
from hfdl.models.bag_of_words import (
    BagOfWordsConfig,
    BagOfWordsForSequenceClassification,
    DeepAveraging,
    DeepAveragingConfig,
    DeepAveragingForSequenceClassification,
)

V = 12


def counted(ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """How often each word stands in each text, (B, V)."""
    return (F.one_hot(ids, V) * mask[..., None]).sum(1).double()


def texts(number: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    mask = (torch.arange(7) < torch.randint(1, 8, (number, 1), generator=generator)).long()
    return torch.randint(1, V, (number, 7), generator=generator) * mask, mask


@pytest.mark.parametrize("counts", ["sum", "mean"])
def test_it_is_a_linear_model_of_counts(counts: str) -> None:
    model = BagOfWordsForSequenceClassification(
        BagOfWordsConfig(vocab_size=V, num_labels=3, counts=counts)
    ).double()
    assert not any(p.any() for p in model.parameters())
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    ids, mask = texts(9)
    features = counted(ids, mask)
    if counts == "mean":
        features = features / features.sum(1, keepdim=True)
    expected = features @ model.embeddings.tokens.weight + model.bias
    assert (model(ids, mask) - expected).abs().max() < 1e-12


def test_trained_it_is_scikit_learns_logistic_regression() -> None:
    """The same penalised loss has one minimum, whoever looks for it."""
    from sklearn.linear_model import LogisticRegression

    ids, mask = texts(60)
    labels = (ids[:, 0] + ids.amax(1)) % 3
    features = counted(ids, mask).numpy()
    theirs = LogisticRegression(C=1.0, tol=1e-10, max_iter=5000).fit(features, labels.numpy())
    model = BagOfWordsForSequenceClassification(
        BagOfWordsConfig(vocab_size=V, num_labels=3)
    ).double()
    optimizer = torch.optim.LBFGS(
        model.parameters(), max_iter=500, line_search_fn="strong_wolfe", tolerance_grad=1e-10,
        tolerance_change=1e-14,
    )  # fmt: skip

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(ids, mask), labels, reduction="sum")
        loss = loss + model.embeddings.tokens.weight.square().sum() / 2
        loss.backward()
        return loss

    optimizer.step(closure)  # pyright: ignore[reportArgumentType]
    ours = model(ids, mask).softmax(-1).detach().numpy()
    assert np.abs(ours - theirs.predict_proba(features)).max() < 1e-5


@pytest.mark.parametrize("layers", [0, 2])
def test_order_does_not_matter(layers: int) -> None:
    torch.manual_seed(0)
    model = DeepAveragingForSequenceClassification(
        DeepAveragingConfig(
            vocab_size=V, embedding_size=4, hidden_size=5, num_hidden_layers=layers
        )
    ).double().eval()  # fmt: skip
    ids, mask = texts(5)
    assert (model(ids, mask) - model(ids.flip(1), mask.flip(1))).abs().max() < 1e-12


def test_without_a_hidden_layer_it_is_the_mean_vector() -> None:
    backbone = DeepAveraging(
        DeepAveragingConfig(vocab_size=V, embedding_size=4, num_hidden_layers=0)
    ).eval()
    weight = backbone.embeddings.tokens.weight
    ids = torch.tensor([[1, 2, 2, 0]])
    mean = (weight[1] + 2 * weight[2]) / 3
    assert torch.allclose(backbone(ids, ids != 0)[0], mean, atol=1e-6)
    assert backbone.output_size == 4
    assert len(backbone.layers) == 0


def test_whole_words_are_left_out_and_the_rest_averaged() -> None:
    """Word i is the unit vector i: a mean shows which words were heard."""
    backbone = DeepAveraging(
        DeepAveragingConfig(vocab_size=5, embedding_size=5, num_hidden_layers=0, word_dropout=0.3)
    ).train()
    with torch.no_grad():
        backbone.embeddings.tokens.weight.copy_(torch.eye(5))
    torch.manual_seed(0)
    means = backbone(torch.tensor([[1, 2, 3, 4]]).expand(4000, 4))
    heard = (means > 0).sum(1, keepdim=True)
    assert torch.equal(means, torch.where(means > 0, 1 / heard, 0.0))
    assert set(heard.flatten().tolist()) == {0, 1, 2, 3, 4}
    assert float((means[:, 1:] > 0).float().mean()) == pytest.approx(0.7, abs=0.02)


def test_an_unknown_way_of_counting_is_refused() -> None:
    message = "unknown counts 'means'; words are counted by sum or mean. Did you mean 'mean'?"
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        BagOfWordsConfig(counts="means")
