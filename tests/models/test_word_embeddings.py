"""Word vectors: fresh, loaded, frozen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hfdl.errors import ShapeError
from hfdl.models.bag_of_words import DeepAveragingConfig, DeepAveragingForSequenceClassification
from hfdl.models.recurrent import RecurrentConfig, RecurrentForTokenClassification
from hfdl.models.text_cnn import TextCnnConfig, TextCnnForSequenceClassification
from hfdl.models.word_embeddings import WordEmbeddingConfig, load_word_vectors, word_embeddings

SIZES = {"vocab_size": 7, "embedding_size": 4}
MODELS = {
    "recurrent": lambda **k: RecurrentForTokenClassification(RecurrentConfig(**SIZES, **k)),
    "cnn": lambda **k: TextCnnForSequenceClassification(TextCnnConfig(**SIZES, **k)),
    "averaging": lambda **k: DeepAveragingForSequenceClassification(
        DeepAveragingConfig(**SIZES, **k)
    ),
}


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_vectors_are_loaded_and_trained_or_not(name: str, frozen: bool) -> None:
    model = MODELS[name](freeze_embeddings=frozen)
    vectors = np.random.default_rng(0).normal(size=(7, 4))
    load_word_vectors(model.backbone.embeddings, vectors)
    weight = model.backbone.embeddings.tokens.weight
    assert torch.equal(weight[1:], torch.from_numpy(vectors[1:]).float())
    assert not weight[0].any()
    before = weight.detach().clone()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.5)
    model(torch.tensor([[1, 2, 3], [4, 5, 6]])).square().sum().backward()
    optimizer.step()
    assert torch.equal(weight, before) == frozen


def test_vectors_of_another_shape_are_refused() -> None:
    embeddings = word_embeddings(WordEmbeddingConfig(vocab_size=7), 4)
    message = (
        r"^word vectors of shape \(7, 3\) for embeddings of \(7, 4\); there is one row for each id "
        r"of the vocabulary, as wide as embedding_size$"
    )
    with pytest.raises(ShapeError, match=message):
        load_word_vectors(embeddings, np.zeros((7, 3)))


def test_first_vectors() -> None:
    torch.manual_seed(0)
    weight = word_embeddings(WordEmbeddingConfig(vocab_size=2000), 30).tokens.weight
    assert weight[1:].std().item() == pytest.approx(0.1, rel=0.02)
    assert not weight[0].any()
    without = word_embeddings(WordEmbeddingConfig(vocab_size=9, pad_token_id=None), 30)
    assert without.tokens.weight.any(1).all()
