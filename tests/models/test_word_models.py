"""What every small model over words promises, kind by kind."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from helpers.word_models import CASES, LABELS, VOCABULARY, Case, texts
from torch import Tensor, nn
from torch.nn import functional as F

BOUND = 1e-12


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def at_real(case: Case, logits: Tensor, mask: Tensor) -> Tensor:
    """The logits that stand for something: of texts, or of real words."""
    return logits if case.answers == "texts" else logits[mask.bool()]


def drawn(case: Case, **changed: Any) -> nn.Module:
    """Every parameter drawn, those that begin at zero too, so that nothing agrees by being zero."""
    model = case.build(**changed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model.eval()


def test_every_model_and_kind_is_covered() -> None:
    """Texts: 3 kinds x 2 directions x (4 poolings + 1 of two layers); words and next words: two
    depths of each kind and direction, or tied and not.
    """
    counted = Counter(case.model.__name__ for case in CASES.values())  # pyright: ignore
    assert counted == {
        "RecurrentForSequenceClassification": 3 * 2 * (4 + 1),
        "RecurrentForTokenClassification": 3 * 2 * 2,
        "RecurrentForCausalLM": 3 * 2 * 2,
        "TextCnnForSequenceClassification": 2,
        "BagOfWordsForSequenceClassification": 2,
        "DeepAveragingForSequenceClassification": 3,
    }
    assert len(CASES) == 61


def test_shapes(case: Case) -> None:
    ids, mask = texts()
    logits = case.build()(ids, mask)
    expected = {"texts": (5, LABELS), "words": (5, 6, LABELS), "next words": (5, 6, VOCABULARY)}
    assert logits.shape == expected[case.answers]
    assert logits.isfinite().all()


@pytest.mark.parametrize("side", ["right", "left", "both"])
def test_padding_changes_no_output(case: Case, side: str) -> None:
    model = drawn(case)
    ids, mask = texts()
    expected = at_real(case, model(ids, mask), mask)
    assert expected.flatten(0, -2).std(0).min() > 1e-4  # or every text would do
    left, right = {"right": (0, 3), "left": (4, 0), "both": (2, 9)}[side]
    wide, seen = F.pad(ids, (left, right)), F.pad(mask, (left, right))
    for padding in (0, 7):  # the padding token, and any other that the mask bars
        filled = wide.masked_fill(seen == 0, padding)
        assert (at_real(case, model(filled, seen), seen) - expected).abs().max() < BOUND


def test_each_text_is_answered_as_if_it_were_alone(case: Case) -> None:
    model = drawn(case)
    ids, mask = texts()
    logits = model(ids, mask.bool())
    for row, length in enumerate(mask.sum(1).tolist()):
        alone = model(ids[row : row + 1, :length])[0]  # without a mask all words are real
        answer = logits[row] if case.answers == "texts" else logits[row, :length]
        assert (alone - answer).abs().max() < BOUND


def test_a_text_without_a_word_harms_nobody(case: Case) -> None:
    model = drawn(case)
    ids, mask = texts()
    expected = model(ids, mask)
    ids, mask = F.pad(ids, (0, 0, 0, 1)), F.pad(mask, (0, 0, 0, 1))  # one more row
    logits = model(ids, mask)
    assert (
        at_real(case, logits[:-1], mask[:-1]) - at_real(case, expected, mask[:-1])
    ).abs().max() < BOUND
    assert logits.isfinite().all()
    logits.square().sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
    assert model(ids[:, :0], mask[:, :0]).isfinite().all()


def test_gradients_flow_to_every_parameter(case: Case) -> None:
    model = drawn(case, pad_token_id=None)  # the padding token's vector would have none
    words = torch.arange(VOCABULARY).view(1, -1)  # every word is read
    model(words, torch.ones_like(words)).pow(3).sum().backward()
    parameters = dict(model.named_parameters())
    assert len(parameters) >= 2
    for name, parameter in parameters.items():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name
        greatest = "cnn" in str(model).lower() or getattr(case.config, "pooling", "") == "max"
        if name.endswith("tokens.weight") and not greatest:
            assert parameter.grad.any(-1).all()


def test_embeddings_can_stand_in_the_place_of_ids(case: Case) -> None:
    model = drawn(case)
    ids, mask = texts()
    embeddings = getattr(model, "backbone", model).embeddings
    embedded = embeddings.tokens(ids)
    assert torch.equal(model(ids, mask), model(attention_mask=mask, inputs_embeds=embedded))


def test_frozen_embeddings_are_not_trained(case: Case) -> None:
    model = case.build(freeze_embeddings=True)
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    assert {name.split(".")[-2] for name in frozen} == {"tokens"}


def test_dropout_is_drawn_in_training_alone(case: Case) -> None:
    model = drawn(case)
    ids, mask = texts()
    assert torch.equal(model(ids, mask), model(ids, mask))
    random = not torch.equal(model.train()(ids, mask), model(ids, mask))
    assert random == (case.model.__name__ != "BagOfWordsForSequenceClassification")  # pyright: ignore


def test_state_dict_goes_round(case: Case) -> None:
    model, other = drawn(case), case.build(seed=9).eval()
    other.load_state_dict(model.state_dict())
    ids, mask = texts()
    assert torch.equal(model(ids, mask), other(ids, mask))
