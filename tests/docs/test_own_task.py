"""The worked example of a task of one's own: trained, evaluated and reported from its own file."""

from __future__ import annotations

import csv
import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.support import reviews, write_csv
from transformers import AutoModel, AutoTokenizer

from hfdl.cli import errors
from hfdl.cli.errors import OWN_CODE
from hfdl.errors import ConfigError
from hfdl.tasks.base import PretrainedTask
from hfdl.tasks.registry import TASKS, canonical_name, register_task, task_class
from hfdl.tasks.spec import TaskSpec

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
Run = Callable[..., "Done"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The example's files, and pairs of texts that are alike or not."""
    for name in ("similarity_task.py", "similarity.yaml"):
        shutil.copy(EXAMPLES / name, tmp_path / name)
    texts = [row["text"] for row in reviews(40)]
    rows = [
        {"a": text, "b": text if i % 2 else texts[i - 7], "score": i % 2}
        for i, text in enumerate(texts)
    ]
    write_csv(tmp_path / "pairs.csv", rows)
    return tmp_path


@dataclass(frozen=True)
class Done:
    """What a command left: its exit code, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def in_a_process_of_its_own(folder: Path, *words: str) -> Done:
    """As typed into a shell: trained thus, so that what reads the run has not seen the training."""
    command = [sys.executable, "-m", "hfdl.cli", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def registry() -> Iterator[None]:
    """The registry as it was, afterwards."""
    before = dict(TASKS)
    yield
    TASKS.clear()
    TASKS.update(before)


@pytest.fixture
def hfdl(
    folder: Path, registry: None, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> Iterator[Run]:
    """The command line in the example's folder, in this process; its module is gone afterwards."""
    monkeypatch.chdir(folder)
    before = set(sys.modules)

    def run(*words: str) -> Done:
        capsys.readouterr()
        code = errors.run(words)
        return Done(code, *capsys.readouterr())

    with monkeypatch.context() as path:
        path.syspath_prepend(str(folder))
        yield run
    for name in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_the_example_is_short() -> None:
    code = [line for line in (EXAMPLES / "similarity_task.py").read_text().splitlines() if line]
    assert len(code) <= 60


def test_a_recipe_that_names_a_class_trains_it_and_its_run_is_evaluated(
    folder: Path, tiny_bert: Path, hfdl: Run
) -> None:
    done = in_a_process_of_its_own(
        folder, "train", "similarity.yaml", f"model.name={tiny_bert}", "data.max_length=32",
        "train.learning_rate=1e-3", "train.precision=float32", "--output", "run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    metrics = json.loads((folder / "run" / "metrics.json").read_text())
    assert metrics["task"] == "similarity"
    assert set(metrics["validation"]) >= {"mse", "pearsonr", "spearmanr", "loss"}
    assert metrics["validation"]["mse"] == pytest.approx(metrics["validation"]["loss"], rel=1e-5)
    assert metrics["best"]["metric"] == "spearmanr"
    assert "similarity" in (folder / "run" / "report.html").read_text().lower()
    assert "task: similarity_task:Similarity" in (folder / "run" / "recipe.yaml").read_text()
    again = hfdl("evaluate", "run", "data.test=pairs.csv", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["test"]["mse"] == pytest.approx(mse(folder), rel=1e-4)


OWN_BERT = "import transformers\n\n\nclass Mine(transformers.BertModel):\n    pass\n"


def test_the_example_trains_a_new_model_and_a_class_of_ones_own(
    folder: Path, tiny_bert: Path, hfdl: Run
) -> None:
    sizes = "{hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 8}"
    new = ["train", "similarity.yaml", "model.name=hfdl://bert", f"model.config={sizes}"]
    refused = hfdl(*new, "--output", "run")
    assert refused.returncode == 2
    assert "model.tokenizer=FOLDER" in refused.stderr
    done = in_a_process_of_its_own(folder, *new, f"model.tokenizer={tiny_bert}", "--output", "run")
    assert done.returncode == 0, done.stderr
    (folder / "mine.py").write_text(OWN_BERT)
    own = hfdl(
        "train", "similarity.yaml", "model.name=run", "model.class=mine.py:Mine", "--output", "own"
    )
    assert own.returncode == 0, own.stderr
    again = hfdl("evaluate", "own", "data.test=pairs.csv", "--json")
    assert json.loads(again.stdout)["test"]["mse"] == pytest.approx(mse(folder, "own"), rel=1e-4)


def mse(folder: Path, name: str = "run") -> float:
    """The error of a saved run, by transformers alone, one pair at a time."""
    model, tokenizer = (part.from_pretrained(folder / name) for part in (AutoModel, AutoTokenizer))
    squares = []
    with (folder / "pairs.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        inputs = [
            tokenizer(row[side], return_tensors="pt", max_length=32, truncation=True)
            for side in "ab"
        ]
        with torch.no_grad():
            means = [model(**one).last_hidden_state[0].mean(0) for one in inputs]
        cosine = torch.cosine_similarity(means[0], means[1], dim=0)
        squares.append((float(cosine) - float(row["score"])) ** 2)
    assert len(squares) == 40
    return math.fsum(squares) / len(squares)


def test_a_class_that_is_not_there_is_refused(hfdl: Run, folder: Path) -> None:
    done = hfdl("train", "similarity.yaml", "task=similarity_task:Similar", "--output", "run")
    assert done.returncode == 2
    assert "task: similarity_task has no 'Similar'" in done.stderr
    assert "Did you mean 'Similarity'?" in done.stderr
    assert not (folder / "run").exists()


@pytest.mark.parametrize(
    ("line", "becomes", "said"),
    [
        ("        scores = torch.tensor(", "        scores = torch.tenser(", "AttributeError: "),
        ("import torch\n", "import torch\n\nscale = sclae\n", "NameError: "),
        ("import torch\n", "import torch\n\ndef scale(:\n", "SyntaxError: "),
    ],
)
def test_a_fault_of_a_task_of_ones_own_is_told_with_its_line(
    hfdl: Run, folder: Path, tiny_bert: Path, line: str, becomes: str, said: str
) -> None:
    file = folder / "similarity_task.py"
    text = file.read_text().replace(line, becomes)
    file.write_text(text)
    mistake = next(word for word in ("tenser", "sclae", "(:") if word in text)
    number = 1 + text[: text.index(mistake)].count("\n")
    done = hfdl("train", "similarity.yaml", f"model.name={tiny_bert}", "--output", "run")
    assert done.returncode == 2
    assert done.stderr.count("Traceback (most recent call last)") == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"error: {file}, line {number}: {said}")
    assert last.endswith(OWN_CODE)


def own_task(**spec: Any) -> type[PretrainedTask]:
    return type("Mine", (PretrainedTask,), {"spec": TaskSpec(implementation="m:Mine", **spec)})


def test_a_registered_task_is_found_by_its_names(registry: None) -> None:
    task = register_task(own_task(name="mine", aliases=("my-task",)))
    assert canonical_name("my-task") == "mine"
    assert task_class("mine") is task
    register_task(task)  # twice is no mistake


def test_a_name_that_is_taken_is_refused(registry: None) -> None:
    for name in ("translation", "ner"):
        with pytest.raises(ConfigError, match="is taken"):
            register_task(own_task(name=name))


def test_a_class_without_a_spec_is_told_what_to_add() -> None:
    with pytest.raises(ConfigError, match=r"Plain has no spec.*TaskSpec"):
        register_task(type("Plain", (), {}))
