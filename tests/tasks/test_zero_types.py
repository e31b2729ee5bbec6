"""Types of tokens that are all 0: left out where that is the same, given where it is not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from helpers.support import reviews, write_csv

import hfdl
from hfdl.weights.limits import _TYPES_ARE_WORDS, types_of_0_count

MODELS = Path(transformers.__file__).parent / "models"
# A layer other than one of types, applied to the types: the embedding of words.
ADDED = re.compile(r"self\.(?:w|wte|embeddings|tokens_embed)\(token_type_ids\)")
# No models of text alone.
OTHERS = {"decision_transformer", "imagegpt"}


def test_the_families_are_those_whose_source_says_so() -> None:
    found = {
        re.search(r'model_type = "(.+?)"', path.with_name(name).read_text(encoding="utf-8"))
        for path in MODELS.glob("*/modeling_*.py")
        if ADDED.search(path.read_text(encoding="utf-8"))
        for name in [path.name.replace("modeling_", "configuration_")]
    }
    assert {match.group(1) for match in found if match} - OTHERS == _TYPES_ARE_WORDS
    assert len(_TYPES_ARE_WORDS) == 9


@pytest.mark.parametrize("implementation", ["auto", "hf"])
@pytest.mark.parametrize("family", ["gpt2", "bert"])
def test_a_run_answers_as_transformers_does_with_the_saved_folder(
    family: str, implementation: str, tiny_bert: Path, tmp_path: Path
) -> None:
    """With a tokenizer that gives types, as BERT's does."""
    data = write_csv(tmp_path / "train.csv", reviews(24))
    own = {
        "model.name": "hfdl://gpt2", "model.tokenizer": str(tiny_bert),
        "model.config": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64},
    }  # fmt: skip
    settings: dict[str, Any] = {"model.name": str(tiny_bert)} if family == "bert" else own
    run = tmp_path / "run"
    more = {"data.train": str(data), "data.max_length": 32, "train.steps": 3}
    hfdl.train(
        "sentiment", {**settings, **more, "model.implementation": implementation}, output=run
    )
    texts = ["a good film", "bad , a very bad film indeed", "the"]
    theirs: Any = transformers.pipeline("text-classification", model=str(run), top_k=None)
    assert "token_type_ids" in theirs.tokenizer.model_input_names
    assert types_of_0_count(theirs.model.config) == (family == "gpt2")
    ours = hfdl.pipeline("sentiment", model=run, top_k=None)(texts)
    for mine, reference in zip(ours, theirs(texts), strict=True):
        scores = {each["label"]: each["score"] for each in mine}
        assert scores == pytest.approx({e["label"]: e["score"] for e in reference}, abs=1e-6)
    # It would show: types of 0 change what such a model says.
    with torch.inference_mode():
        inputs = theirs.tokenizer("a good film", return_tensors="pt")
        without = theirs.model(**{n: x for n, x in inputs.items() if n != "token_type_ids"}).logits
        assert torch.equal(theirs.model(**inputs).logits, without) == (family == "bert")
