"""``hfdl.train(..., model=module)``: the object itself is trained, saved and opened again."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from helpers import tuned_tasks
from helpers.tuned_tasks import Bodies
from helpers.wording import assert_wording
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file

import hfdl
from hfdl.config.own_code import load_own
from hfdl.errors import HfdlError
from hfdl.training.events import Noted

pytestmark = pytest.mark.usefixtures("without_report")


def silent(event: Any) -> None:
    """A listener that says nothing."""


def train(run: tuned_tasks.Run, output: Path, listener: Any = silent, **objects: Any) -> Any:
    chosen = {k: v for k, v in run.settings.items() if k != "model.name"}
    return hfdl.train(run.recipe, chosen, output=output, listener=listener, **objects)


@pytest.mark.parametrize("task", list(tuned_tasks.MAKERS))
def test_a_transformers_model_of_each_task(task: str, bodies: Bodies, tmp_path: Path) -> None:
    run = tuned_tasks.make(task, tmp_path / "data", bodies, "auto", train__steps=4)
    folder = run.settings["model.name"]
    labels = {"num_labels": 3} if task == "token_classification" else {}
    model = getattr(transformers, run.auto).from_pretrained(folder, **labels)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    trained = train(run, tmp_path / "run", model=model)
    changed = [
        name for name, old in before.items() if not torch.equal(old, model.state_dict()[name])
    ]
    assert len(changed) > len(before) // 2
    opened = run.open(tmp_path / "run")  # plain transformers
    assert type(opened).__name__ == type(model).__name__
    for name, tensor in opened.state_dict().items():
        torch.testing.assert_close(tensor, model.state_dict()[name], rtol=0, atol=0)
    again = hfdl.evaluate(tmp_path / "run", listener=silent)["validation"]
    assert again["loss"] == pytest.approx(trained.metrics["validation"]["loss"], rel=1e-5)
    assert "class: memory://model" in (tmp_path / "run" / "recipe.yaml").read_text()


def test_it_equals_the_run_of_the_folder(bodies: Bodies, tmp_path: Path) -> None:
    """The same weights, the same data, the same seed: the same model, bit for bit."""
    run = tuned_tasks.make(
        "causal_lm", tmp_path / "data", bodies, "auto", train__steps=5, model__implementation="hf"
    )
    model = transformers.AutoModelForCausalLM.from_pretrained(run.settings["model.name"])
    train(run, tmp_path / "object", model=model)
    hfdl.train(run.recipe, run.settings, output=tmp_path / "folder", listener=silent)
    a, b = (load_file(tmp_path / n / "model.safetensors") for n in ("object", "folder"))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("gives_tokenizer", [True, False])
def test_a_plain_module(gives_tokenizer: bool, own: Path, bodies: Bodies, tmp_path: Path) -> None:
    run = tuned_tasks.make("text_classification", tmp_path / "data", bodies, "auto", train__steps=4)
    tokenizer = transformers.AutoTokenizer.from_pretrained(bodies.bert)
    value = load_own(f"{own}:Words", "model.class", "a model").value
    module = value(transformers.BertConfig(vocab_size=len(tokenizer)))
    old = module.out.weight.detach().clone()
    if gives_tokenizer:
        trained = train(run, tmp_path / "run", model=module, tokenizer=tokenizer)
    else:
        trained = hfdl.train(
            run.recipe, run.settings, output=tmp_path / "run", listener=silent, model=module
        )
    assert not torch.equal(old, module.out.weight)
    saved = load_file(tmp_path / "run" / "model.safetensors")
    torch.testing.assert_close(saved["out.weight"], module.out.weight.detach(), rtol=0, atol=0)
    ids = tokenizer("what a good film", return_tensors="pt")
    module.eval()
    right = module(ids["input_ids"], ids["attention_mask"]).softmax(-1)[0]
    found = trained.pipeline(top_k=None)(["what a good film"])[0]
    scores = {each["label"]: each["score"] for each in found}
    assert scores["negative"] == pytest.approx(float(right[0].detach()), rel=1e-5)


def test_a_tokenizer_of_no_folder(own: Path, bodies: Bodies, tmp_path: Path) -> None:
    """Neither model nor tokenizer came from a folder: the run still opens by itself."""
    run = tuned_tasks.make("text_classification", tmp_path / "data", bodies, "auto", train__steps=4)
    tokenizer = transformers.AutoTokenizer.from_pretrained(bodies.bert)
    tokenizer.name_or_path = ""
    value = load_own(f"{own}:Words", "model.class", "a model").value
    module = value(transformers.BertConfig(vocab_size=len(tokenizer)))
    trained = train(run, tmp_path / "run", model=module, tokenizer=tokenizer)
    again = hfdl.evaluate(tmp_path / "run", listener=silent)["validation"]
    assert again["loss"] == pytest.approx(trained.metrics["validation"]["loss"], rel=1e-5)
    assert trained.recipe.model.name == "Words"


def test_the_rows_of_a_given_head_go_by_name(bodies: Bodies, tmp_path: Path) -> None:
    run = tuned_tasks.make(
        "text_classification", tmp_path / "data", bodies, "auto", train__steps=1,
        train__learning_rate=1e-12,
    )  # fmt: skip
    names = {0: "positive", 1: "negative"}  # the data has them the other way round
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        bodies.bert, id2label=names, label2id={v: k for k, v in names.items()}
    )
    old = model.classifier.weight.detach().clone()
    notes: list[str] = []
    train(
        run, tmp_path / "run", model=model,
        listener=lambda event: notes.append(event.text) if isinstance(event, Noted) else None,
    )  # fmt: skip
    new = load_file(tmp_path / "run" / "model.safetensors")["classifier.weight"]
    torch.testing.assert_close(new, old.flip(0), rtol=0, atol=1e-9)
    assert any("head kept, its rows" in note for note in notes), notes


def test_a_class_of_a_notebook_works_where_it_is_defined(
    own: Path, bodies: Bodies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tuned_tasks.make("text_classification", tmp_path / "data", bodies, "auto", train__steps=2)
    words = load_own(f"{own}:Words", "model.class", "a model").value
    cell = type("Cell", (words,), {"__module__": "__main__"})
    cell.__qualname__ = "Cell"
    monkeypatch.setattr(sys.modules["__main__"], "Cell", cell, raising=False)
    tokenizer = transformers.AutoTokenizer.from_pretrained(bodies.bert)
    module = cell(transformers.BertConfig(vocab_size=len(tokenizer)))
    trained = train(run, tmp_path / "run", model=module, tokenizer=tokenizer)
    assert trained.pipeline()("what a good film")
    monkeypatch.delattr(sys.modules["__main__"], "Cell")
    with pytest.raises(HfdlError, match="defined in a script or a notebook") as caught:
        trained.pipeline()
    assert_wording(caught.value)
    chosen = {"model.class": f"{own}:Words"}
    assert hfdl.evaluate(tmp_path / "run", chosen, listener=silent)["validation"]


def test_a_compiled_module_is_its_module(bodies: Bodies, tmp_path: Path) -> None:
    run = tuned_tasks.make("text_classification", tmp_path / "data", bodies, "auto", train__steps=1)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(bodies.bert)
    train(run, tmp_path / "run", model=torch.compile(model))
    assert type(run.open(tmp_path / "run")).__name__ == "BertForSequenceClassification"


def test_a_module_in_data_parallel_is_that_module(
    own: Path, bodies: Bodies, tmp_path: Path
) -> None:
    run = tuned_tasks.make("text_classification", tmp_path / "data", bodies, "auto", train__steps=1)
    words = load_own(f"{own}:Words", "model.class", "a model").value
    made = words(transformers.AutoConfig.from_pretrained(bodies.bert))
    parallel = torch.nn.DataParallel(made)
    tokenizer = transformers.AutoTokenizer.from_pretrained(bodies.bert)
    trained = train(run, tmp_path / "run", model=parallel, tokenizer=tokenizer)
    again = hfdl.evaluate(tmp_path / "run", listener=silent)["validation"]
    assert again["loss"] == pytest.approx(trained.metrics["validation"]["loss"], rel=1e-5)


def test_a_name_or_a_folder_is_the_models_name(bodies: Bodies, tmp_path: Path) -> None:
    run = tuned_tasks.make("text_classification", tmp_path / "data", bodies, "auto", train__steps=1)
    trained = train(run, tmp_path / "run", model=bodies.bert)
    assert trained.recipe.model.name == str(bodies.bert)
    assert trained.recipe.model.own_class is None


@pytest.mark.parametrize(
    "kind",
    ["class", "number", "no tokenizer", "again", "translation", "tokenizer alone", "adapters",
     "meta", "larger tokenizer"],
)  # fmt: skip
def test_what_is_no_model_is_refused_and_nothing_is_written(
    kind: str, own: Path, bodies: Bodies, tmp_path: Path
) -> None:
    task = "translation" if kind == "translation" else "text_classification"
    run = tuned_tasks.make(task, tmp_path / "data", bodies, "auto", train__steps=1)
    value = load_own(f"{own}:Words", "model.class", "a model").value
    tokenizer = transformers.AutoTokenizer.from_pretrained(bodies.bert)
    module = value(transformers.BertConfig(vocab_size=len(tokenizer)))
    bert = transformers.AutoModelForSequenceClassification.from_pretrained(bodies.bert)
    larger = transformers.AutoTokenizer.from_pretrained(bodies.bert)
    larger.add_tokens(["[X]", "[Y]"])
    objects: dict[str, Any] = {
        "class": {"model": value, "tokenizer": tokenizer},
        "number": {"model": 3},
        "no tokenizer": {"model": module},
        "again": {},
        "translation": {"model": module, "tokenizer": tokenizer},
        "tokenizer alone": {"tokenizer": tokenizer},
        "adapters": {"model": get_peft_model(bert, LoraConfig(target_modules=["query"]))},
        "meta": {"model": copy.deepcopy(bert).to("meta")},
        "larger tokenizer": {"model": bert, "tokenizer": larger},
    }[kind]
    if kind == "again":
        run.settings.update({"model.class": "memory://model"})
    with pytest.raises(HfdlError) as caught:
        train(run, tmp_path / "run", **objects)
    assert_wording(caught.value)
    assert not (tmp_path / "run").exists()
