"""Models with positions by name are trained, resumed, evaluated and used like all others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.support import reviews, write_csv
from safetensors.torch import load_file

import hfdl
from hfdl.errors import ConfigError, HfdlError
from hfdl.models.position_choice import POSITION_TYPES
from hfdl.runs.run import Run
from hfdl.training.events import Event

STACK = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32,
    "vocab_size": 300,
}  # fmt: skip
BOTH = {"hidden_size": 16, "encoder_layers": 1, "decoder_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 32, "vocab_size": 300}  # fmt: skip
MODELS = {
    "encoder": ("text_classification", "token_classification", "masked_lm"),
    "decoder": ("text_classification", "token_classification", "causal_lm"),
    "transformer": ("translation",),
}
EVERY = [
    (name, task, kind) for name, tasks in MODELS.items() for task in tasks
    for kind in POSITION_TYPES
]  # fmt: skip
LAST = [(name, tasks[-1], kind) for name, tasks in MODELS.items() for kind in POSITION_TYPES]


def silent(event: Event) -> None:
    """A listener that says nothing."""


@pytest.fixture(autouse=True, scope="module")
def without_report() -> Any:
    """Its plots take longer than the tiny runs do, and are tested elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hfdl.runs.session.write_report", lambda folder: None)
        patch.setattr("hfdl.runs.session.write_model_card", lambda folder: None)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The data section of each task."""
    folder = tmp_path_factory.mktemp("data")
    rows = reviews(40)
    sentences = []
    for row in rows:
        words = row["text"].split()
        tags = ["O"] * (len(words) - 1) + ["B-THING"]
        sentences.append("\n".join(f"{w}\t{t}" for w, t in zip(words, tags, strict=True)))
    (folder / "tags.conll").write_text("\n\n".join(sentences) + "\n", encoding="utf-8")
    (folder / "prose.txt").write_text("\n".join(row["text"] for row in rows) + "\n")
    pairs = [{"source": row["text"], "target": row["text"].upper()} for row in rows]
    texts = {"train": str(folder / "prose.txt"), "max_length": 24}
    return {
        "text_classification": {
            "train": str(write_csv(folder / "texts.csv", rows)), "max_length": 24,
        },
        "token_classification": {"train": str(folder / "tags.conll"), "max_length": 24},
        "masked_lm": texts,
        "causal_lm": texts,
        "translation": {
            "train": str(write_csv(folder / "pairs.csv", pairs)), "max_length": 24,
            "text": "source", "label": "target",
        },
    }  # fmt: skip


def recipe(name: str, task: str, kind: str, data: dict[str, Any], **train: Any) -> Any:
    sizes = BOTH if name == "transformer" else STACK
    return hfdl_recipe({
        "task": task,
        "model": {"name": f"hfdl://{name}", "config": {**sizes, "position_embedding_type": kind}},
        "data": data[task],
        "train": {"steps": 8, "batch_size": 8, "learning_rate": 5e-3, "precision": "float32",
                  "save_every": 4, "keep_checkpoints": 9, **train},
    })  # fmt: skip


def hfdl_recipe(settings: dict[str, Any]) -> Any:
    from hfdl.config.schema import Recipe

    return Recipe.model_validate(settings)


@pytest.fixture(scope="module")
def run_of(
    data: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str, str], Run]:
    """``run_of(name, task, kind)``: a finished run of eight updates; each is trained once."""
    folder = tmp_path_factory.mktemp("runs")
    done: dict[tuple[str, str, str], Run] = {}

    def run(*which: str) -> Run:
        key = (which[0], which[1], which[2])
        if key not in done:
            done[key] = hfdl.train(
                recipe(*key, data), output=folder / "-".join(key), listener=silent
            )
        return done[key]

    return run


def answers(run: Run, task: str) -> list[Any]:
    texts = ["what a good film", "a dreadful book and long"]
    if task == "masked_lm":
        pipe = run.pipeline()
        return pipe([f"{text} {pipe.tokenizer.mask_token}" for text in texts])
    options = {"max_new_tokens": 40} if task == "causal_lm" else {}
    return run.pipeline()(texts, **options)


@pytest.mark.parametrize(("name", "task", "kind"), EVERY)
def test_it_learns_and_is_evaluated_and_used_as_it_was_saved(
    name: str, task: str, kind: str, run_of: Callable[[str, str, str], Run]
) -> None:
    run = run_of(name, task, kind)
    events = [json.loads(line) for line in (run.directory / "log.jsonl").read_text().splitlines()]
    losses = [event["loss"] for event in events if event["event"] == "update"]
    assert min(losses[1:]) < losses[0]
    saved = run.metrics["validation"]
    found = hfdl.evaluate(run.directory, listener=silent)["validation"]
    assert found == pytest.approx({key: saved[key] for key in found}, rel=1e-5)
    config = json.loads((run.directory / "config.json").read_text())
    assert config["position_embedding_type"] == kind
    assert config["max_position_embeddings"] == (512 if kind == "learned" else None)
    first = answers(run, task)
    assert len(first) == 2
    assert answers(run, task) == first


def test_there_are_as_many_as_there_are() -> None:
    assert (len(EVERY), len(LAST)) == (42, 18)


@pytest.mark.parametrize(("name", "task", "kind"), LAST)
def test_a_run_that_was_broken_off_ends_bit_for_bit_like_one_that_was_not(
    name: str, task: str, kind: str, run_of: Callable[[str, str, str], Run],
    data: dict[str, Any], tmp_path: Path,
) -> None:  # fmt: skip
    whole = run_of(name, task, kind)

    def break_off(event: Any) -> None:
        if event.kind == "update" and event.step == 6:
            raise KeyboardInterrupt

    asked = recipe(name, task, kind, data)
    with pytest.raises(KeyboardInterrupt):
        hfdl.train(asked, output=tmp_path / "run", listener=break_off)
    hfdl.train(asked, output=tmp_path / "run", resume=True, listener=silent)
    ended = (tmp_path / "run" / "model.safetensors").read_bytes()
    assert ended == (whole.directory / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("name", "task", "kind", "tune"),
    [(*which, {"lora": {"r": 2}}) for which in LAST]
    + [(*which, {"freeze": "embeddings"}) for which in LAST if which[2] in ("learned", "t5")],
)
def test_adapters_and_frozen_embeddings_of_a_saved_one(
    name: str, task: str, kind: str, tune: dict[str, Any], run_of: Callable[[str, str, str], Run],
    data: dict[str, Any], tmp_path: Path,
) -> None:  # fmt: skip
    """T5's table counts as an embedding: neither changes it, nor learned positions."""
    saved = run_of(name, task, kind)
    asked = recipe(name, task, kind, data, steps=2).model_dump()
    asked |= {"tune": tune, "model": {"name": str(saved.directory)}}
    run = hfdl.train(hfdl_recipe(asked), output=tmp_path / "run", listener=silent)
    before, after = (load_file(r.directory / "model.safetensors") for r in (saved, run))
    assert before.keys() == after.keys()
    changed = {key for key, tensor in before.items() if not torch.equal(tensor, after[key])}
    assert changed
    assert not [key for key in changed if ".positions." in key or ".relative." in key]
    assert not [key for key in changed if "embeddings.tokens" in key]


# ---- How long a text may be ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", POSITION_TYPES)
@pytest.mark.parametrize("name", ["decoder", "encoder"])
def test_learned_positions_limit_rows_and_no_others_do(
    name: str, kind: str, data: dict[str, Any], tmp_path: Path
) -> None:
    task = MODELS[name][-1]
    asked = recipe(name, task, kind, data, steps=1).model_dump()
    asked["data"] |= {"max_length": 600}
    if kind != "learned":
        run = hfdl.train(hfdl_recipe(asked), output=tmp_path / "run", listener=silent)
        assert run.metrics["runtime"]["steps"] == 1
        return
    with pytest.raises(ConfigError) as error:
        hfdl.train(hfdl_recipe(asked), output=tmp_path / "run", listener=silent)
    assert "600 tokens are more than the model takes; the model's limit is 512" in str(error.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("kind", POSITION_TYPES)
def test_max_position_embeddings_limits_every_type_where_it_is_given(
    kind: str, data: dict[str, Any], tmp_path: Path
) -> None:
    asked = recipe("decoder", "causal_lm", kind, data, steps=1).model_dump()
    asked["model"]["config"]["max_position_embeddings"] = 32
    run = hfdl.train(hfdl_recipe(asked), output=tmp_path / "run", listener=silent)
    pipe = run.pipeline()
    (found,) = pipe("what a good film", return_tensors=True)
    assert len(found["generated_token_ids"]) == 32
    with pytest.raises(HfdlError, match="32"):
        pipe(["what a good film"], max_new_tokens=40)


@pytest.mark.parametrize("kind", POSITION_TYPES)
def test_a_decoder_is_evaluated_on_longer_rows_than_it_was_trained_on(
    kind: str, run_of: Callable[[str, str, str], Run]
) -> None:
    run = run_of("decoder", "causal_lm", kind)
    longer = hfdl.evaluate(run.directory, {"data.max_length": 48}, listener=silent)["validation"]
    assert longer["perplexity"] > 1
    assert longer["perplexity"] != run.metrics["validation"]["perplexity"]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"position_embedding_type": "alibbi"}, "did you mean 'alibi'?"),
        ({"position_embedding_type": "relative"}, "choose one of: learned, "),
        ({"position_embedding_type": 3}, "it is a name"),
        ({"position_embedding_type": "alibi", "rope_theta": 5.0}, "setting of rotary positions"),
        ({"position_embeding_type": "t5"}, "did you mean 'position_embedding_type'?"),
        ({"position_embedding_type": "rotary", "hidden_size": 6, "num_attention_heads": 2},
         "the width is even"),
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused_before_anything_is_written(
    name: str, config: dict[str, Any], message: str, data: dict[str, Any], tmp_path: Path
) -> None:
    asked = recipe(name, MODELS[name][-1], "none", data).model_dump()
    asked["model"]["config"] |= config
    if "position_embeding_type" in config:
        del asked["model"]["config"]["position_embedding_type"]
    with pytest.raises(ConfigError) as error:
        hfdl.train(hfdl_recipe(asked), output=tmp_path / "run", listener=silent)
    assert message in str(error.value).lower()
    assert not (tmp_path / "run").exists()
