"""The warpers give the distributions of transformers' warpers, and what the papers say."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from hfdl.generation.warpers import apply_temperature, keep_top_k, keep_top_p, warper

SHAPES = [(1, 1), (1, 7), (3, 2), (5, 101)]
NO_IDS: Any = torch.zeros(0, dtype=torch.long)


def logits_of(shape: tuple[int, int]) -> torch.Tensor:
    return 3 * torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("temperature", [0.1, 1.0, 3.5])
def test_temperature_equals_transformers(shape: tuple[int, int], temperature: float) -> None:
    logits = logits_of(shape)
    expected = TemperatureLogitsWarper(temperature)(NO_IDS, logits)
    assert torch.equal(apply_temperature(logits, temperature), expected)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("k", [1, 2, 5, 1000])
def test_top_k_equals_transformers(shape: tuple[int, int], k: int) -> None:
    logits = logits_of(shape)
    result = keep_top_k(logits, k)
    assert torch.equal(result, TopKLogitsWarper(k)(NO_IDS, logits))
    assert (result.isfinite().sum(1) == min(k, shape[1])).all()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("p", [1e-6, 0.3, 0.9, 0.999, 1.0])
def test_top_p_equals_transformers(shape: tuple[int, int], p: float) -> None:
    logits = logits_of(shape)
    assert torch.equal(keep_top_p(logits, p), TopPLogitsWarper(p)(NO_IDS, logits))


@pytest.mark.parametrize("p", [0.1, 0.5, 0.93])
def test_the_nucleus_is_the_smallest_set_with_mass_p(p: float) -> None:
    logits = logits_of((4, 23)).double()
    probabilities = logits.softmax(1)
    kept = keep_top_p(logits, p).isfinite()
    for row in range(4):
        inside = probabilities[row][kept[row]]
        assert inside.sum() >= p
        assert inside.sum() - inside.min() < p
        assert inside.min() >= probabilities[row][~kept[row]].max()


def test_tokens_equal_to_the_kth_are_kept() -> None:
    logits = torch.tensor([[1.0, 2.0, 1.0, 0.0]])
    expected = torch.tensor([[True, True, True, False]])
    assert torch.equal(keep_top_k(logits, 2).isfinite(), expected)


def test_the_input_stays_as_it_is() -> None:
    logits = logits_of((3, 11))
    before = logits.clone()
    warper(0.5, top_k=3, top_p=0.5)(logits)
    assert torch.equal(logits, before)


def test_all_three_in_transformers_order() -> None:
    logits = logits_of((6, 50))
    result = warper(0.6, top_k=12, top_p=0.8)(logits)
    expected = logits
    for one in (TemperatureLogitsWarper(0.6), TopKLogitsWarper(12), TopPLogitsWarper(0.8)):
        expected = one(NO_IDS, expected)
    assert torch.equal(result, expected)
    swapped = apply_temperature(keep_top_k(keep_top_p(logits, 0.8), 12), 0.6)
    assert not torch.equal(result, swapped), "the logits do not tell orders apart"


def test_without_settings_nothing_is_narrowed() -> None:
    logits = logits_of((2, 9))
    assert torch.equal(warper()(logits), logits)
