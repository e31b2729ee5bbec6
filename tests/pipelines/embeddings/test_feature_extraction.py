"""The feature-extraction pipeline against transformers' own, call by call."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from helpers.sentence_models import TEXTS
from helpers.wording import assert_wording

import hfdl
from hfdl.errors import ConfigError, DataError

SHORT = TEXTS[:-1]
# name -> inputs (made anew for each call), keywords of the call, keywords of the constructor.
CALLS: dict[str, tuple[Callable[[], Any], dict[str, Any], dict[str, Any]]] = {
    "text": (lambda: SHORT[0], {}, {}),
    "empty text": (lambda: "", {}, {}),
    "list": (lambda: SHORT, {}, {}),
    "list of one": (lambda: SHORT[:1], {}, {}),
    "generator": (lambda: (text for text in SHORT), {}, {}),
    "cut": (lambda: TEXTS[-1], {"truncation": True}, {}),
    "cut, in the constructor": (lambda: TEXTS, {}, {"truncation": True}),
    "cut to eight": (
        lambda: TEXTS, {"tokenize_kwargs": {"truncation": True, "max_length": 8}}, {},
    ),
    "tensors": (lambda: SHORT, {"return_tensors": True}, {}),
    "tensor": (lambda: SHORT[0], {"return_tensors": True}, {}),
    "tensors, in the constructor": (lambda: SHORT, {}, {"return_tensors": True}),
    "no tensors after all": (lambda: SHORT[0], {"return_tensors": False}, {"return_tensors": True}),
}  # fmt: skip


def same(ours: Any, theirs: Any) -> int:
    """Assert equal structure and numbers; how many numbers were compared."""
    assert type(ours) is type(theirs)
    if isinstance(theirs, torch.Tensor):
        assert ours.dtype == theirs.dtype
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
        return theirs.numel()
    if isinstance(theirs, list):
        assert len(ours) == len(theirs)
        return sum(same(a, b) for a, b in zip(ours, theirs, strict=True))
    assert ours == pytest.approx(theirs, abs=1e-5)
    return 1


@pytest.mark.parametrize("implementation", ["hf", "hfdl"])
@pytest.mark.parametrize("name", ["tiny_bert", "tiny_gpt2", "trained"])
def test_every_call_gives_what_transformers_gives(
    request: pytest.FixtureRequest, name: str, implementation: str
) -> None:
    folder = request.getfixturevalue(name)
    compared = 0
    for call, (make, keywords, made) in CALLS.items():
        if name == "tiny_gpt2" and call != "text":
            continue  # transformers fails on the empty text
        ours = hfdl.pipeline(
            "feature-extraction", model=folder, implementation=implementation, **made
        )(make(), **keywords)
        theirs = transformers.pipeline("feature-extraction", model=str(folder), **made)(
            make(), **keywords
        )
        is_lazy = call == "generator"
        assert isinstance(ours, list | torch.Tensor) != is_lazy
        compared += same(list(ours), list(theirs)) if is_lazy else same(ours, theirs)
    assert compared > (100 if name == "tiny_gpt2" else 15_000)


def test_answers_hold_no_padding(tiny_bert: Path) -> None:
    pipe = hfdl.pipeline("feature-extraction", model=tiny_bert)
    together = pipe(SHORT, batch_size=100, return_tensors=True)
    for text, states in zip(SHORT, together, strict=True):
        alone = pipe(text, return_tensors=True)
        assert states.shape == alone.shape
        assert (states - alone).abs().max() < 1e-5
    assert pipe([]) == []
    assert pipe.encode("what a good film").shape == (32,)


def test_a_long_text_is_cut_and_said(tiny_bert: Path) -> None:
    pipe = hfdl.pipeline("feature-extraction", model=tiny_bert)
    with pytest.warns(UserWarning, match="1 of 2 texts are longer than 64 tokens") as caught:
        states = pipe(["a", TEXTS[-1]])
    assert caught[0].filename == __file__
    assert np.shape(states[1]) == (1, 64, 32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.shape(pipe(TEXTS[-1], truncation=True)) == (1, 64, 32)
    with pytest.raises(DataError) as caught_error:
        pipe(["a", TEXTS[-1]], truncation=False)
    assert_wording(caught_error.value)


@pytest.mark.parametrize("inputs", [None, ["a", 3], {"text": "a"}, b"a"])
def test_what_is_no_text_is_refused(tiny_bert: Path, inputs: Any) -> None:
    with pytest.raises(DataError) as caught:
        hfdl.pipeline("feature-extraction", model=tiny_bert)(inputs)
    assert_wording(caught.value)


def test_other_options_of_the_tokenizer_are_refused(tiny_bert: Path) -> None:
    pipe = hfdl.pipeline("feature-extraction", model=tiny_bert)
    with pytest.raises(ConfigError) as caught:
        pipe("a", tokenize_kwargs={"truncate": True})
    assert_wording(caught.value)
    with pytest.raises(ConfigError) as caught:
        pipe("a", tokenize_kwargs={"max_length": 100})
    assert_wording(caught.value)
