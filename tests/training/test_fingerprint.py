"""What enters a run is known again when it is continued, in every task and every part of it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.support import reviews, write_csv
from helpers.wording import assert_wording

import hfdl
from hfdl.config.schema import ModelConfig, TrainConfig
from hfdl.errors import CheckpointError
from hfdl.tasks.registry import TASKS
from hfdl.training.events import Event, Interrupted, Updated

pytestmark = pytest.mark.usefixtures("without_report")

Edit = Callable[[str], str]


def silent(event: Event) -> None:
    """A listener that says nothing."""


def stop(event: Event) -> None:
    """A listener that stops the run after its second update."""
    if isinstance(event, Updated) and event.step == 2:
        signal.raise_signal(signal.SIGTERM)


def conll(n: int) -> str:
    rows = [row["text"].split() for row in reviews(n)]
    tagged = [
        "".join(f"{w} {'B-X' if w in ('film', 'book') else 'O'}\n" for w in words) for words in rows
    ]
    return "\n".join(tagged)


def lines(n: int) -> str:
    return "".join(f"{row['text']}\n\n" for row in reviews(n))


def pairs(n: int) -> str:
    return "source,target\n" + "".join(
        f"{row['text'].replace(',', '')},{row['text'][::-1].replace(',', '')}\n"
        for row in reviews(n)
    )


def table(n: int) -> str:
    return "text,label\n" + "".join(
        f"{row['text'].replace(',', '')},{row['label']}\n" for row in reviews(n)
    )


SMALL = {"n_layer": 1, "n_head": 2, "n_embd": 16, "n_positions": 32}
CASES: dict[str, tuple[str, Callable[[int], str], dict[str, Any]]] = {
    "text_classification": ("csv", table, {}),
    "token_classification": ("conll", conll, {"task": "token_classification"}),
    "masked_lm": ("txt", lines, {"task": "masked_lm"}),
    "masked_lm, a stream": ("txt", lines, {"task": "masked_lm", "data.streaming": True}),
    "causal_lm": ("txt", lines, {
        "task": "causal_lm", "model.name": "hfdl://gpt2", "model.tokenizer": "characters",
        "model.config": SMALL,
    }),
    "causal_lm, a stream": ("txt", lines, {
        "task": "causal_lm", "model.name": "hfdl://gpt2", "model.config": SMALL,
        "model.tokenizer": "characters", "data.streaming": True,
    }),
    "translation": ("csv", pairs, {
        "task": "translation", "model.name": "hfdl://transformer", "data.text": "source",
        "data.label": "target",
        "model.config": {
            "vocab_size": 300, "hidden_size": 16, "encoder_layers": 1, "decoder_layers": 1,
            "num_attention_heads": 2, "intermediate_size": 32,
        },
    }),
}  # fmt: skip
# One word for another: as many tokens and the same labels, so that no length and no answer changes.
WORD: Edit = lambda text: text.replace("film", "meal", 1) if "film" in text else text  # noqa: E731


def case(name: str, tiny_bert: Path, folder: Path) -> dict[str, Any]:
    ending, made, more = CASES[name]
    files = {}
    for split, n in (("train", 64), ("validation", 24)):
        files[split] = folder / f"{split}.{ending}"
        files[split].write_text(made(n))
    return {
        "model.name": str(tiny_bert), "data.max_length": 24, "train.batch_size": 8,
        "train.precision": "float32", "train.steps": 6, "data.train": str(files["train"]),
        "data.validation": str(files["validation"]), **more,
    }  # fmt: skip


def test_the_cases_cover_every_task() -> None:
    assert {name.partition(",")[0] for name in CASES} == set(TASKS)
    assert len(CASES) == 7


@pytest.mark.parametrize("name", CASES)
def test_another_word_in_the_data_is_noticed(
    name: str, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HFDL_CACHE", str(tmp_path / "cache"))
    settings = case(name, tiny_bert, tmp_path)
    run = tmp_path / "run"
    with pytest.raises(Interrupted):
        hfdl.train("sentiment", settings, output=run, listener=stop)
    for split, what in (("validation", "validation"), ("train", "training")):
        file = Path(settings[f"data.{split}"])
        right = file.read_text()
        file.write_text(WORD(right))
        assert file.read_text() != right
        before = {p: p.read_bytes() for p in run.rglob("*.safetensors")}
        with pytest.raises(CheckpointError) as caught:
            hfdl.train("sentiment", output=run, resume=True, listener=silent)
        assert f"the {what} data is not the data that the run was started with" in str(caught.value)
        assert {p: p.read_bytes() for p in run.rglob("*.safetensors")} == before
        file.write_text(right)
    done = hfdl.train("sentiment", output=run, resume=True, listener=silent)
    assert done.metrics["runtime"]["steps"] == 6


def stopped(settings: dict[str, Any], run: Path) -> None:
    with pytest.raises(Interrupted):
        hfdl.train("sentiment", settings, output=run, listener=stop)


def test_rows_in_another_order_are_noticed(settings: dict[str, Any], tmp_path: Path) -> None:
    rows = reviews(60)
    settings |= {"data.train": str(write_csv(tmp_path / "a.csv", rows))}
    stopped(settings, tmp_path / "run")
    write_csv(tmp_path / "a.csv", rows[::-1])
    with pytest.raises(CheckpointError, match="the training data is not"):
        hfdl.train("sentiment", output=tmp_path / "run", resume=True, listener=silent)


def test_another_tokenizer_with_the_same_ids_is_noticed(
    settings: dict[str, Any], tiny_bert: Path, tmp_path: Path
) -> None:
    import shutil

    model = tmp_path / "model"
    shutil.copytree(tiny_bert, model)
    stopped({**settings, "model.name": str(model)}, tmp_path / "run")
    file = model / "tokenizer.json"
    text = file.read_text()
    # A piece that the data has not: every id of it stays.
    assert '"dreadful"' in text
    file.write_text(text.replace('"##q"', '"##Q"'))
    with pytest.raises(CheckpointError) as caught:
        hfdl.train("sentiment", output=tmp_path / "run", resume=True, listener=silent)
    assert_wording(caught.value)


def test_other_word_vectors_are_noticed(settings: dict[str, Any], tmp_path: Path) -> None:
    words = ["what", "a", "good", "bad", "film", "book", "meal", "hotel"]
    vectors = tmp_path / "vectors.txt"
    lines = [f"{w} {' '.join(str((i + j) % 5) for j in range(8))}" for i, w in enumerate(words)]
    vectors.write_text(f"{len(words)} 8\n" + "\n".join(lines) + "\n")
    more = {
        "model.name": "hfdl://lstm", "model.tokenizer": "words", "model.vectors": str(vectors),
        "model.config": {"hidden_size": 8}, "train.batch_size": 8,
    }  # fmt: skip
    stopped({**settings, **more}, tmp_path / "run")
    vectors.write_text(vectors.read_text().replace("good 2", "good 3"))
    with pytest.raises(CheckpointError, match=r"the file of model\.vectors is not the one that"):
        hfdl.train("sentiment", output=tmp_path / "run", resume=True, listener=silent)


def test_other_code_of_an_own_task_is_noticed(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code = tmp_path / "fingerprinted_task.py"
    code.write_text(
        "from hfdl.tasks.spec import TaskSpec\n"
        "from hfdl.tasks.text_classification.task import TextClassification\n\n\n"
        "class Mine(TextClassification):\n"
        '    spec = TaskSpec(name="mine", implementation="fingerprinted_task:Mine")\n'
    )
    try:
        stopped({**settings, "task": "fingerprinted_task:Mine"}, tmp_path / "run")
        code.write_text(code.read_text() + "\n\nLIMIT = 3\n")
        with pytest.raises(CheckpointError, match="the code of the task is not the one that"):
            hfdl.train("sentiment", output=tmp_path / "run", resume=True, listener=silent)
    finally:
        sys.modules.pop("fingerprinted_task", None)
        TASKS.pop("mine", None)


OWN = """
import torch
import transformers


class Same(transformers.BertForSequenceClassification):
    pass


class Slow(torch.optim.SGD):
    pass


def plain(q, k, v, mask, *, dropout=0.0):
    scores = torch.zeros(*q.shape[:3], k.shape[2], dtype=q.dtype)
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return scores.softmax(-1) @ v


def one(predictions, references):
    return 1.0


def fails(event):
    if event.kind == "update" and event.step == 2:
        raise KeyError("mine")
"""
OWN_CODE = {
    "model.class": "Same", "model.attention": "plain", "train.optimizer": "Slow",
    "train.metrics": "one",
}  # fmt: skip


def test_the_keys_of_own_code_are_covered() -> None:
    keys = {
        f"{section}.{key}"
        for section in ("model", "train")
        for key, value in json_schema(section).items()
        if "file.py:" in value.get("description", "")
    }
    assert keys == {*OWN_CODE, "train.callbacks"}


def json_schema(section: str) -> dict[str, Any]:
    kind = {"model": ModelConfig, "train": TrainConfig}[section]
    return kind.model_json_schema()["properties"]


@pytest.mark.parametrize("as_module", [False, True])
@pytest.mark.parametrize("key", OWN_CODE)
def test_other_code_of_an_own_part_is_noticed(
    key: str, as_module: bool, settings: dict[str, Any], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    code = tmp_path / f"own_{key.replace('.', '_')}.py"
    code.write_text(OWN)
    named = f"{code.stem if as_module else code}:{OWN_CODE[key]}"
    value: Any = [named] if key == "train.metrics" else named
    try:
        stopped({**settings, key: value}, tmp_path / "run")
        code.write_text(OWN + "\n\nRATE = 2\n")
        place = f"{key}[0]" if key == "train.metrics" else key
        with pytest.raises(CheckpointError) as caught:
            hfdl.train("sentiment", output=tmp_path / "run", resume=True, listener=silent)
        assert f"the file of {place} is not the one that" in str(caught.value)
        code.write_text(OWN)
        hfdl.train("sentiment", output=tmp_path / "run", resume=True, listener=silent)
    finally:
        sys.modules.pop(code.stem, None)


def test_a_callback_that_failed_is_mended_and_the_run_resumed(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    code = tmp_path / "listens.py"
    code.write_text(OWN)
    more = {"train.callbacks": [f"{code}:fails"], "train.save_every": 1}
    with pytest.raises(KeyError):
        hfdl.train("sentiment", {**settings, **more}, output=tmp_path / "run", listener=silent)
    code.write_text(OWN.replace('raise KeyError("mine")', "pass"))
    done = hfdl.train("sentiment", output=tmp_path / "run", resume=True, listener=silent)
    assert done.metrics["runtime"]["steps"] > 2
