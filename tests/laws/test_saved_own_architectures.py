"""Runs of hfdl's own architectures, opened by transformers as their model cards say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers import small_architectures, tuned_tasks

import hfdl
from hfdl.hf_models.own_architectures import OWN
from hfdl.tasks.registry import TASKS, task_class

RECIPES = {
    "text_classification": "sentiment", "token_classification": "ner", "masked_lm": "mlm",
    "causal_lm": "clm", "translation": "translation",
}  # fmt: skip
STACK = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
         "intermediate_size": 24}  # fmt: skip
PAIR = {"hidden_size": 16, "encoder_layers": 1, "decoder_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 24, "vocab_size": 270}  # fmt: skip
CASES = [
    (task, name)
    for name, architecture in OWN.items()
    for task in TASKS
    if task_class(task).head in architecture.heads
]
WITHOUT_PIPELINE = {("causal_lm", kind) for kind in ("lstm", "gru", "rnn")} | {
    ("translation", "transformer")
}
TEXT = "what a good film"
CALLS: dict[str, dict[str, Any]] = {
    "token_classification": {"aggregation_strategy": "first"},
    "causal_lm": {"do_sample": False, "max_new_tokens": 8},
}
# Run in a process of its own, where nothing else has told transformers of the architectures.
OPEN = """
import json, sys
import hfdl.hf_models, transformers

answers = {}
for name, (folder, auto, code, text, call) in json.load(open(sys.argv[1])).items():
    model, info = getattr(transformers, auto).from_pretrained(folder, output_loading_info=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
    left = sorted([*info["missing_keys"], *info["unexpected_keys"]])
    if auto == "AutoModelForSeq2SeqLM":
        numbers = model.eval().generate(**inputs)[0].tolist()
    else:
        numbers = model.eval()(**inputs).logits[0].tolist()
    shown = []
    if code:
        scope = {"print": shown.append}
        exec(code, scope)
        shown.append(scope["pipe"](text, **call))
    answers[name] = {"left": left, "numbers": numbers, "shown": shown}
print(json.dumps(answers, default=float))
"""


def test_every_architecture_and_head_is_among_the_cases() -> None:
    assert len(OWN) == 9
    assert len(CASES) == 19


def sizes(task: str, name: str) -> dict[str, Any]:
    if name in small_architectures.SIZES:
        return small_architectures.sizes(task, name)
    return PAIR if name == "transformer" else STACK


def trained(task: str, name: str, folder: Path) -> Any:
    nothing = tuned_tasks.Bodies(Path(), Path())
    folder.mkdir()
    settings = (
        {} if task == "translation" else tuned_tasks.MAKERS[task](folder, nothing, "auto").settings
    )
    if task == "translation":
        rows = "text,label\n" + "".join(f"{n} films,smlif {n}\n" for n in range(60))
        (folder / "pairs.csv").write_text(rows)
        settings = {"data.train": str(folder / "pairs.csv"), "data.text": "text",
                    "data.label": "label", "data.max_length": 32}  # fmt: skip
    settings = {
        **settings, "model.name": f"hfdl://{name}", "model.config": sizes(task, name),
        "train.steps": 1, "train.batch_size": 8, "train.precision": "float32",
        **({} if task == "translation" else {"model.tokenizer": None}),
    }  # fmt: skip
    return hfdl.train(RECIPES[task], settings, output=folder / "run", listener=lambda e: None)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("own")
    return {
        f"{task} {name}": trained(task, name, folder / f"{task}-{name}") for task, name in CASES
    }


def card_code(run: Any) -> str:
    """The Python of a run's model card that is for transformers; none where there is none."""
    card = (run.directory / "README.md").read_text(encoding="utf-8")
    found: list[str] = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    theirs = [code for code in found if "from transformers import" in code]
    return theirs[0].replace("path/to/this/folder", str(run.directory)) if theirs else ""


def text_of(task: str, run: Any) -> str:
    mask = run.metrics.get("mask_token")
    return {"masked_lm": f"what a {mask} film", "translation": "7 films"}.get(task, TEXT)


@pytest.fixture(scope="module")
def theirs(runs: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    asked = {
        key: [str(run.directory), task_class(task).auto_class, card_code(run), text_of(task, run),
              CALLS.get(task, {})]
        for key, run in runs.items()
        for task in [key.split()[0]]
    }  # fmt: skip
    file = tmp_path_factory.mktemp("asked") / "asked.json"
    file.write_text(json.dumps(asked))
    done = subprocess.run(
        [sys.executable, "-c", OPEN, str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(("task", "name"), CASES)
def test_transformers_opens_it_and_answers_alike(
    task: str, name: str, runs: dict[str, Any], theirs: dict[str, Any]
) -> None:
    run, found = runs[f"{task} {name}"], theirs[f"{task} {name}"]
    pipe, text = run.pipeline(), text_of(task, run)
    assert found["left"] == []
    if task == "translation":
        ours = pipe([text], return_scores=True)[0]["token_ids"]
        both = min(len(ours), len(found["numbers"]) - 1)
        assert both > 1
        assert found["numbers"][1 : 1 + both] == ours[:both]
        return
    inputs = pipe.tokenizer(text, return_tensors="pt", return_token_type_ids=False)
    logits = pipe.model(**inputs).logits[0].tolist()
    assert flat(found["numbers"]) == pytest.approx(flat(logits), abs=1e-5)
    if found["shown"]:
        same(found["shown"][-1], pipe(text, **CALLS.get(task, {})))


@pytest.mark.parametrize(("task", "name"), CASES)
def test_its_card_imports_the_architecture(
    task: str, name: str, runs: dict[str, Any], theirs: dict[str, Any]
) -> None:
    code = card_code(runs[f"{task} {name}"])
    assert bool(code) == ((task, name) not in WITHOUT_PIPELINE)
    assert code == "" or code.startswith("import hfdl.hf_models\n")
    assert len(theirs[f"{task} {name}"]["shown"]) == (2 if code else 0)
    card = (runs[f"{task} {name}"].directory / "README.md").read_text(encoding="utf-8")
    assert "library_name: hfdl\n" in card


def flat(values: Any) -> list[float]:
    return [one for each in values for one in flat(each)] if isinstance(values, list) else [values]


def same(theirs: Any, ours: Any) -> None:
    assert len(theirs) == len(ours)
    for one, other in zip(theirs, ours, strict=True):
        assert one.keys() == other.keys()
        for key, value in one.items():
            is_score = isinstance(value, float)
            assert other[key] == (pytest.approx(value, abs=1e-5) if is_score else value), key
