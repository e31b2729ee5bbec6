"""``model.class``: trained by every task, saved, and opened again as the class itself opens it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tuned_tasks
from helpers.support import reviews
from helpers.tuned_tasks import Bodies
from safetensors.torch import load_file, load_model
from transformers import AutoConfig, AutoTokenizer, PreTrainedModel

import hfdl
from hfdl.config.own_code import load_own
from hfdl.config.schema import ModelConfig, Recipe
from hfdl.errors import HfdlError
from hfdl.training.events import Noted

pytestmark = pytest.mark.usefixtures("without_report")

CASES = [
    ("text_classification", "MeanBert"),
    ("text_classification", "Words"),
    ("text_classification", "FromFolder"),
    ("token_classification", "Tagger"),
    ("token_classification", "WordTags"),
    ("masked_lm", "Filler"),
    ("masked_lm", "Gaps"),
    ("causal_lm", "Writer"),
    ("causal_lm", "Recurrent"),
    ("translation", "Translator"),
]


def class_at(file: Path, name: str) -> Any:
    return load_own(f"{file}:{name}", "model.class", "a model").value


def opened_by_hand(run: Path, value: Any) -> Any:
    """What a user without hfdl does with the folder."""
    if issubclass(value, PreTrainedModel):
        return value.from_pretrained(run).eval()
    module = value(AutoConfig.from_pretrained(run))
    load_model(module, run / "model.safetensors")
    return module.eval()


def test_the_cases_are_all_tasks_and_both_kinds() -> None:
    assert {task for task, _ in CASES} == set(tuned_tasks.MAKERS)
    assert len(CASES) == 10


@pytest.mark.parametrize(("task", "name"), CASES)
def test_it_is_trained_saved_and_opened_again(
    task: str, name: str, own: Path, bodies: Bodies, tmp_path: Path
) -> None:
    run = tuned_tasks.make(task, tmp_path / "data", bodies, "auto", train__steps=6)
    value = class_at(own, name)
    trained = run.train(tmp_path / "run", model__class=f"{own}:{name}", train__learning_rate=1e-3)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["architectures"] == [name]
    assert config["hfdl_class"]["name"] == f"{own}:{name}"
    again = hfdl.evaluate(tmp_path / "run", listener=lambda event: None)
    for key, figure in trained.metrics["validation"].items():
        assert again["validation"][key] == pytest.approx(figure, rel=1e-5, abs=1e-6), key
    text = reviews(3)[1]["text"]
    asked = f"{text} [MASK]" if task == "masked_lm" else text
    answer = hfdl.pipeline(task, model=tmp_path / "run")(asked)
    assert answer or task == "token_classification"
    # What hfdl opened computes what the class computes by itself.
    module = opened_by_hand(tmp_path / "run", value)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "run")
    ids = tokenizer(text, return_tensors="pt")
    inputs = {"input_ids": ids["input_ids"]}
    if task == "text_classification":
        inputs["attention_mask"] = ids["attention_mask"]
        with torch.no_grad():
            found: Any = module(**inputs)
        logits = getattr(found, "logits", found)
        best = answer[0]
        row = logits.softmax(-1)[0]
        assert best["score"] == pytest.approx(float(row.max()), rel=1e-5)
        assert best["label"] == config["id2label"][str(int(row.argmax()))]


@pytest.mark.parametrize("name", ["MeanBert", "FromFolder"])
def test_it_begins_with_the_weights_of_the_named_model(
    name: str, own: Path, bodies: Bodies, tmp_path: Path
) -> None:
    run = tuned_tasks.make("text_classification", tmp_path / "data", bodies, "auto")
    run.train(
        tmp_path / "run", model__class=f"{own}:{name}", train__steps=1, train__learning_rate=1e-12
    )
    saved = load_file(tmp_path / "run" / "model.safetensors")
    body = load_file(bodies.bert / "model.safetensors")
    prefix = "bert." if name == "MeanBert" else "body."
    common = [key for key in body if "pooler" not in key and not key.endswith("position_ids")]
    assert len(common) > 20
    for key in common:
        torch.testing.assert_close(saved[prefix + key], body[key], rtol=0, atol=1e-9)


def test_sizes_of_its_own_reach_the_class_and_others_make_it_anew(
    own: Path, bodies: Bodies, tmp_path: Path
) -> None:
    run = tuned_tasks.make("text_classification", tmp_path / "data", bodies, "auto", train__steps=1)
    run.train(tmp_path / "a", model__class=f"{own}:Words", model__config__my_width=7)
    assert load_file(tmp_path / "a" / "model.safetensors")["embed.weight"].shape[1] == 7
    assert hfdl.evaluate(tmp_path / "a", listener=lambda event: None)["validation"]
    run.train(
        tmp_path / "b", model__class=f"{own}:MeanBert",
        model__config={"hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 8},
    )  # fmt: skip
    assert load_file(tmp_path / "b" / "model.safetensors")["classifier.weight"].shape[1] == 8


@pytest.mark.parametrize("name", ["Words", "MeanBert", "OurModel"])
def test_a_class_is_made_from_sizes_alone(
    name: str, own: Path, bodies: Bodies, tmp_path: Path
) -> None:
    """hfdl://bert gives a learned tokenizer and a config; a class may have its own kind."""
    run = tuned_tasks.make("text_classification", tmp_path / "data", bodies, "auto", train__steps=2)
    sizes: dict[str, Any] = {"vocab_size": 100}
    sizes |= {"width": 6} if name == "OurModel" else {"hidden_size": 8, "num_attention_heads": 2}
    trained = run.train(
        tmp_path / "run", model__name="hfdl://bert", model__class=f"{own}:{name}",
        model__config=sizes,
    )  # fmt: skip
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["model_type"] == ("of-our-own" if name == "OurModel" else "bert")
    assert trained.pipeline()("what a good film")[0]["label"] in ("positive", "negative")
    if name == "OurModel":
        assert load_file(tmp_path / "run" / "model.safetensors")["embed.weight"].shape[1] == 6


def test_heads_keep_their_rows_by_name(own: Path, bodies: Bodies, tmp_path: Path) -> None:
    """Trained on, an own class over a fine-tuned model keeps the row of each label."""
    run = tuned_tasks.make("text_classification", tmp_path / "data", bodies, "auto", train__steps=3)
    run.train(tmp_path / "one", train__learning_rate=1e-3)
    notes: list[str] = []
    chosen = {
        "model.name": str(tmp_path / "one"), "model.class": f"{own}:MeanBert",
        "data.labels": ["positive", "negative"], "train.learning_rate": 1e-12, "train.steps": 1,
    }  # fmt: skip
    hfdl.train(
        run.recipe, {**run.settings, **chosen}, output=tmp_path / "two",
        listener=lambda event: notes.append(event.text) if isinstance(event, Noted) else None,
    )  # fmt: skip
    old = load_file(tmp_path / "one" / "model.safetensors")["classifier.weight"]
    new = load_file(tmp_path / "two" / "model.safetensors")["classifier.weight"]
    torch.testing.assert_close(new, old.flip(0), rtol=0, atol=1e-9)


def test_prompts_that_are_padded_together_are_written_on_as_alone(
    own: Path, bodies: Bodies, tmp_path: Path
) -> None:
    run = tuned_tasks.make("causal_lm", tmp_path / "data", bodies, "auto", train__steps=10)
    trained = run.train(
        tmp_path / "run", model__class=f"{own}:Recurrent", train__learning_rate=1e-2
    )
    pipe = trained.pipeline(max_new_tokens=8)
    prompts = ["what a good film", "what", "the hotel was a"]
    together = pipe(prompts, batch_size=3)
    alone = [pipe(prompt) for prompt in prompts]
    assert together == alone
    beams = pipe(prompts, batch_size=3, num_beams=3)
    assert beams == [pipe(prompt, num_beams=3) for prompt in prompts]


def test_a_stopped_run_is_resumed_bit_for_bit_and_not_with_another_class(
    own: Path, bodies: Bodies, tmp_path: Path
) -> None:
    run = tuned_tasks.make("text_classification", tmp_path / "data", bodies, "auto", train__steps=8)
    more = {"model__class": f"{own}:Words", "train__learning_rate": 1e-3, "train__save_every": 2}
    run.train(tmp_path / "whole", **more)

    class StopError(Exception):
        pass

    def stop(event: Any) -> None:
        if event.kind == "update" and event.step == 5:
            raise StopError

    with pytest.raises(StopError):
        run.train(tmp_path / "run", stop, **more)
    text = own.read_text()
    own.write_text(text.replace("states * mask", "states * mask * 2"))
    with pytest.raises(HfdlError, match=r"the file of model\.class"):
        hfdl.train(run.recipe, output=tmp_path / "run", resume=True, listener=lambda event: None)
    own.write_text(text)
    hfdl.train(run.recipe, output=tmp_path / "run", resume=True, listener=lambda event: None)
    whole, resumed = (load_file(tmp_path / n / "model.safetensors") for n in ("whole", "run"))
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def test_the_key_has_its_own_name_in_python_and_yaml() -> None:
    section = ModelConfig.model_validate({"name": "a", "class": "b:C"})
    assert section.own_class == "b:C"
    recipe = Recipe(task="sentiment", model=section)
    assert Recipe.model_validate(recipe.model_dump()) == recipe
    assert list(ModelConfig.model_fields)[:2] == ["name", "class"]
