"""Weights that were trained with an attention of the user's own are used with it, wherever they are
opened, or refused: never with the usual one in silence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import hfdl
from hfdl.cli import errors
from hfdl.errors import ConfigError, HfdlError, ModelError
from hfdl.interpret.attention_view import attention_view

OWN = """
import torch

RETURNS_WEIGHTS = {weights}


def steep(q, k, v, mask, *, dropout=0.0):
    scores = q @ k.transpose(-1, -2) + torch.arange(k.shape[2]).to(q)
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    weights = scores.softmax(-1)
    return (weights @ v, weights) if RETURNS_WEIGHTS else weights @ v
"""
TEXTS = ["a superb movie", "a bad film, and a long one"]
USUAL = {"attn_implementation": "eager"}


@pytest.fixture(params=[True, False], ids=["weights", "output alone"])
def gives_weights(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.fixture
def run(gives_weights: bool, settings: dict[str, Any], tmp_path: Path, without_report: Any) -> Path:
    file = tmp_path / "mine.py"
    file.write_text(OWN.format(weights=gives_weights), encoding="utf-8")
    chosen = {**settings, "train.steps": 1, "model.attention": f"{file}:steep"}
    hfdl.train("sentiment", chosen, output=tmp_path / "run", listener=lambda event: None)
    return tmp_path / "run"


def by_hand(run: Path, text: str) -> Any:
    """Transformers' body with the function registered by hand: states and attention weights."""
    space: dict[str, Any] = {}
    exec(OWN.format(weights=True), space)

    def attend(module: Any, q: Any, k: Any, v: Any, mask: Any, **rest: Any) -> Any:
        kept = None if mask is None else (mask if mask.dtype == torch.bool else mask == 0)
        out, weights = space["steep"](q, k, v, kept)
        return out.transpose(1, 2), weights

    transformers.AttentionInterface.register("steep_by_hand", attend)
    model: Any = transformers.AutoModel.from_pretrained(
        run, attn_implementation="steep_by_hand"
    ).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(run)
    with torch.no_grad():
        return model(**tokenizer(text, return_tensors="pt"), output_attentions=True)


def features(**options: Any) -> Callable[[Path], Any]:
    return lambda run: hfdl.pipeline("feature-extraction", model=run, **options)(TEXTS)


@pytest.mark.parametrize("implementation", ["hf", "hfdl"])
def test_states_are_those_of_the_recorded_attention(run: Path, implementation: str) -> None:
    found = features(implementation=implementation)(run)
    usual: Any = transformers.AutoModel.from_pretrained(run, attn_implementation="eager").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(run)
    for text, states in zip(TEXTS, found, strict=True):
        expected = by_hand(run, text).last_hidden_state
        torch.testing.assert_close(torch.tensor(states), expected, rtol=1e-4, atol=1e-5)
        with torch.no_grad():
            plain = usual(**tokenizer(text, return_tensors="pt")).last_hidden_state
        assert not torch.allclose(plain, expected, rtol=1e-3, atol=1e-3)  # it makes a difference


def test_vectors_are_those_of_the_recorded_attention(run: Path, tmp_path: Path) -> None:
    command = ["embed", str(run), *TEXTS, "--output", str(tmp_path / "vectors.npy")]
    assert errors.run(command) == 0
    vectors = np.load(tmp_path / "vectors.npy")
    expected = [by_hand(run, text).last_hidden_state[0].mean(0).numpy() for text in TEXTS]
    np.testing.assert_allclose(vectors, np.stack(expected), rtol=1e-4, atol=1e-5)


def test_the_view_shows_the_recorded_attention_or_refuses(run: Path, gives_weights: bool) -> None:
    if not gives_weights:
        with pytest.raises(ModelError, match="gives no weights"):
            attention_view(run, TEXTS[0])
        return
    [panel] = attention_view(run, TEXTS[0]).panels.values()
    shown = np.stack(panel.layers)  # (layers, H, T, S)
    expected = torch.cat(by_hand(run, TEXTS[0]).attentions).numpy()
    np.testing.assert_allclose(shown, expected, atol=1e-5)


OPENERS: dict[str, Callable[[Path], Any]] = {
    "predict": lambda run: hfdl.pipeline("text-classification", model=run)(TEXTS),
    "evaluate": lambda run: hfdl.evaluate(run, listener=lambda event: None),
    "feature-extraction": features(),
    "sentence-similarity": lambda run: hfdl.pipeline("sentence-similarity", model=run)(
        {"source_sentence": TEXTS[0], "sentences": TEXTS}
    ),
    "attention": lambda run: attention_view(run, TEXTS[0]),
    "verify": lambda run: hfdl.verify(str(run)),
    "load_scratch": lambda run: hfdl.load_scratch(str(run)),
}


@pytest.mark.parametrize("name", OPENERS)
def test_without_its_file_no_one_opens_it(run: Path, name: str) -> None:
    (run.parent / "mine.py").unlink()
    with pytest.raises(HfdlError) as caught:
        OPENERS[name](run)
    assert isinstance(caught.value, ConfigError | ModelError)
    assert "mine.py" in str(caught.value)


def test_load_scratch_opens_it_where_the_attention_is_named(run: Path) -> None:
    with pytest.raises(ModelError, match="were trained with the attention"):
        hfdl.load_scratch(str(run))
    assert hfdl.load_scratch(str(run), attn_implementation="sdpa")
