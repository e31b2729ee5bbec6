"""A tokenizer with more tokens than the model has embeddings: resized in training, else refused."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from helpers import scratch_models, tuned_tasks
from helpers.scratch_models import VOCABULARY

import hfdl
from hfdl.config.schema import ModelConfig
from hfdl.errors import ModelError
from hfdl.hf_models.build import build_saved
from hfdl.interpret.inputs import open_with_tokenizer
from hfdl.parity.opening import open_reference
from hfdl.tasks.registry import TASKS
from hfdl.training.events import Noted
from hfdl.weights.pretrained import quiet_transformers

AUTO = {
    "masked_lm": "AutoModelForMaskedLM", "causal_lm": "AutoModelForCausalLM",
    "sequence": "AutoModelForSequenceClassification", "token": "AutoModelForTokenClassification",
}  # fmt: skip
CASES = [case for case in scratch_models.CASES if case[1] in AUTO]


class Tokens:
    """A vocabulary alone."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def get_vocab(self) -> dict[str, int]:
        return {f"t{i}": i for i in range(self.size)}


def test_every_family_and_head_is_among_the_cases() -> None:
    assert len(CASES) == 54
    assert set(TASKS) == set(tuned_tasks.MAKERS)


@pytest.mark.parametrize("implementation", ["hf", "hfdl"])
@pytest.mark.parametrize(("variant", "head"), CASES)
def test_resizing_leaves_the_rest_as_it_is(
    variant: str, head: str, implementation: str, tmp_path: Path
) -> None:
    before = scratch_models.hf_model(variant, head)
    with quiet_transformers():
        before.save_pretrained(tmp_path / "model")
    section = ModelConfig(name=str(tmp_path), implementation=implementation)  # pyright: ignore[reportArgumentType]
    folder, ids = tmp_path / "model", scratch_models.batch("none").ids
    for size in (VOCABULARY - 3, VOCABULARY):
        built = build_saved(AUTO[head], folder, section, tokenizer=Tokens(size))
        assert built.facts == []
    built = build_saved(AUTO[head], folder, section, tokenizer=Tokens(VOCABULARY + 3))
    assert built.facts == [
        "embeddings resized from 40 to 43: the tokenizer has 3 tokens more than the model ('t40', "
        "'t41', 't42'); they begin at the mean of the others"
    ]
    model: Any = built.model.eval()
    with torch.no_grad():
        old, new = before(ids).logits, model(ids).logits
        torch.testing.assert_close(new[..., : old.shape[-1]], old, rtol=1e-5, atol=1e-5)
        assert model(torch.full_like(ids, VOCABULARY + 2)).logits.isfinite().all()
    assert model.config.vocab_size == VOCABULARY + 3
    with quiet_transformers():
        model.save_pretrained(tmp_path / "saved")
        again, info = getattr(transformers, AUTO[head]).from_pretrained(
            tmp_path / "saved", output_loading_info=True
        )
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    with torch.no_grad():
        torch.testing.assert_close(again.eval()(ids).logits, new, rtol=1e-5, atol=1e-5)


UNTRAINED = [
    "the embeddings of the 2 new tokens are not trained and stay at the mean of the others; "
    "tune.lora=null trains them with all weights, and a second run with tune.lora can go on from "
    "there"
]


def add_tokens(folder: Path) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["[PERSON]", "[PLACE]"])
    tokenizer.save_pretrained(folder)


@pytest.fixture
def bodies(tiny_bert: Path, tiny_gpt2: Path, tmp_path: Path) -> tuned_tasks.Bodies:
    import shutil

    copies = []
    for body in (tiny_bert, tiny_gpt2):
        copies.append(Path(shutil.copytree(body, tmp_path / body.name)))
    return tuned_tasks.Bodies(*copies)


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("implementation", ["hf", "hfdl"])
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.usefixtures("without_report")
def test_every_task_trains_a_model_with_a_larger_tokenizer(
    task: str, implementation: str, lora: bool, bodies: tuned_tasks.Bodies, tmp_path: Path
) -> None:
    run = tuned_tasks.make(task, tmp_path / "data", bodies, implementation, train__steps=1)
    add_tokens(run.start)
    if lora:
        pytest.importorskip("peft")
        run.settings["tune.lora"] = {}
    events: list[Any] = []
    done = run.train(tmp_path / "run", listener=events.append)
    facts = [e.text for e in events if isinstance(e, Noted) and "embeddings resized" in e.text]
    assert len(facts) == 1
    assert "('[PERSON]', '[PLACE]')" in facts[0]
    said = [e.text for e in events if isinstance(e, Noted) and "new tokens are not" in e.text]
    assert said == (UNTRAINED if lora else [])
    opened = run.open(done.directory)
    tokenizer = transformers.AutoTokenizer.from_pretrained(done.directory)
    assert (
        opened.get_input_embeddings().weight.shape[0] == len(tokenizer) == opened.config.vocab_size
    )
    measured = hfdl.evaluate(done.directory, listener=lambda e: None)
    assert measured["validation"]["loss"] == pytest.approx(
        done.metrics["validation"]["loss"], rel=1e-5
    )


@pytest.mark.parametrize(
    ("frozen", "says"),
    [("embeddings", True), ("body", True), ("layers.0", False), (None, False)],
)
@pytest.mark.usefixtures("without_report")
def test_frozen_embeddings_of_new_tokens_are_told_with_a_remedy_that_works(
    frozen: str | None, says: bool, bodies: tuned_tasks.Bodies, tmp_path: Path
) -> None:
    run = tuned_tasks.make("text_classification", tmp_path / "data", bodies, "hf", train__steps=1)
    add_tokens(run.start)
    events: list[Any] = []
    run.train(tmp_path / "run", listener=events.append, tune__freeze=frozen)
    lines = [line.replace("tune.lora", "tune.freeze") for line in UNTRAINED]
    said = [e.text for e in events if isinstance(e, Noted) and "new tokens are not" in e.text]
    assert said == (lines if says else [])
    again: list[Any] = []
    run.train(tmp_path / "again", listener=again.append, tune__freeze=None)
    assert not [e for e in again if isinstance(e, Noted) and "new tokens are not" in e.text]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.usefixtures("without_report")
def test_a_saved_model_with_a_larger_tokenizer_is_refused_in_use(
    task: str, bodies: tuned_tasks.Bodies, tmp_path: Path
) -> None:
    run = tuned_tasks.make(task, tmp_path / "data", bodies, "auto", train__steps=1)
    done = run.train(tmp_path / "run").directory
    add_tokens(done)
    expected = r"the tokenizer has [\d,]+ tokens, and the model embeddings of [\d,]+; .*PERSON"
    with pytest.raises(ModelError, match=expected):
        hfdl.evaluate(done, listener=lambda e: None)
    with pytest.raises(ModelError, match=expected):
        hfdl.pipeline(task, model=done)
    with pytest.raises(ModelError, match=expected):
        open_with_tokenizer(done)
    model = run.open(done)
    tokenizer = transformers.AutoTokenizer.from_pretrained(done)
    with pytest.raises(ModelError, match=expected):
        hfdl.pipeline(task, model=model, tokenizer=tokenizer)
    if task != "translation":
        with pytest.raises(ModelError, match=expected) as caught:
            open_reference(done)
        command = str(caught.value).partition("resize it once: ")[2]
        program, flag, code = shlex.split(command)
        assert (program, flag) == ("python", "-c")
        subprocess.run([sys.executable, "-c", code], check=True)
        hfdl.pipeline(task, model=done)
