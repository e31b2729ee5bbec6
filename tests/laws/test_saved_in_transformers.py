"""What a run saves works in plain transformers with its defaults, and answers as hfdl does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import transformers
from helpers import tuned_tasks

import hfdl
from hfdl.hf_models.from_config import architectures
from hfdl.tasks.registry import TASKS, task_class
from hfdl.weights.pretrained import quiet_transformers

SIZES: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
_WIDE = {**SIZES, "intermediate_size": 24, "max_position_embeddings": 64}
_NAMES = {
    "gpt2": {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 64},
    "distilbert": {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 24,
                   "max_position_embeddings": 64},
}  # fmt: skip
RECIPES = {
    "text_classification": "sentiment", "token_classification": "ner", "masked_lm": "mlm",
    "causal_lm": "clm",
}  # fmt: skip
HF_TASKS = {
    "text_classification": "text-classification", "token_classification": "token-classification",
    "masked_lm": "fill-mask", "causal_lm": "text-generation",
}  # fmt: skip
OWN = ("lstm", "gru", "rnn", "text-cnn", "word-average", "bag-of-words", "transformer")
CASES = [
    (task, name.removeprefix("hfdl://"))
    for task in RECIPES
    for name in architectures(task_class(task).head)
    if name.removeprefix("hfdl://") not in OWN
]


def test_every_task_and_family_is_among_the_cases() -> None:
    assert set(RECIPES) == set(TASKS) - {"translation"}
    assert len(CASES) == 42


@pytest.mark.parametrize(("task", "family"), CASES)
@pytest.mark.usefixtures("without_report")
def test_a_saved_model_works_in_plain_transformers(
    task: str, family: str, tmp_path: Path, tiny_bert: Path, tiny_gpt2: Path
) -> None:
    bodies = tuned_tasks.Bodies(tiny_bert, tiny_gpt2)
    made = tuned_tasks.make(task, tmp_path / "data", bodies, "auto", train__steps=1)
    settings = {
        **made.settings, "model.name": f"hfdl://{family}",
        "model.config": _NAMES.get(family, _WIDE), "model.tokenizer": None,
    }  # fmt: skip
    run = hfdl.train(RECIPES[task], settings, output=tmp_path / "run", listener=lambda e: None)
    made.open(run.directory)  # nothing is missing, and nothing is left over
    tokenizer = transformers.AutoTokenizer.from_pretrained(run.directory)
    assert tokenizer.model_max_length == 64 - (
        tokenizer.pad_token_id + 1 if "roberta" in family else 0
    )
    with quiet_transformers():
        theirs: Any = transformers.pipeline(HF_TASKS[task], model=str(run.directory))  # pyright: ignore[reportCallIssue, reportArgumentType]
        ours: Any = run.pipeline()
        if task == "causal_lm":
            for seed in range(3):
                transformers.set_seed(seed)
                written = theirs("what a", return_tensors=True)[0]["generated_token_ids"]
                assert len(written) <= 64
            greedy = {"do_sample": False, "return_tensors": True}
            assert theirs("what a", **greedy) == ours("what a", **greedy)
            with pytest.raises(ValueError, match="`max_length` is set to 64"):
                theirs("what a good film it is " * 40)
        elif task == "masked_lm":
            text = f"what a {tokenizer.mask_token} film"
            same(theirs(text), ours(text))
        elif task == "text_classification":
            same(theirs(["what a good film", "a"]), ours(["what a good film", "a"]))
        else:
            same(theirs("what a good film"), ours("what a good film"))


def same(theirs: list[dict[str, Any]], ours: list[dict[str, Any]]) -> None:
    assert len(theirs) == len(ours)
    for one, other in zip(theirs, ours, strict=True):
        assert one.keys() == other.keys()
        for key, value in one.items():
            assert other[key] == (pytest.approx(value, abs=1e-5) if key == "score" else value)
