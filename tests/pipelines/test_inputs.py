"""What the pipelines share: devices, batch sizes, streams, and one type for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.wording import assert_wording
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertForTokenClassification,
    GPT2Config,
    GPT2LMHeadModel,
)

import hfdl
from hfdl import errors
from hfdl.config.schema import ModelConfig
from hfdl.data.train_tokenizer import learn_bpe, learn_tokenizer
from hfdl.errors import ConfigError, HfdlError
from hfdl.pipelines.inputs import (
    WINDOW,
    can_iterate,
    checked_batch_size,
    stream,
    torch_device,
)
from hfdl.pipelines.protocol import Pipeline
from hfdl.tasks.new_model import NewModel
from hfdl.tasks.registry import TASKS, attribute
from hfdl.tasks.text_classification.task import TextClassification


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (-1, "cpu"),
        ("cpu", "cpu"),
        (0, "cuda:0"),
        (1, "cuda:1"),
        ("cuda:1", "cuda:1"),
        (torch.device("meta"), "meta"),
    ],
)
def test_devices_as_transformers_names_them(asked, found) -> None:
    assert torch_device(asked) == torch.device(found)


@pytest.mark.parametrize(("there", "found"), [(True, "cuda"), (False, "cpu")])
def test_a_gpu_if_there_is_one(monkeypatch, there, found) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert torch_device(None) == torch.device(found)


def test_batch_sizes() -> None:
    assert [checked_batch_size(size) for size in (None, 1, 7)] == [None, 1, 7]
    with pytest.raises(ConfigError) as caught:
        checked_batch_size(0)
    assert_wording(caught.value)


@pytest.mark.parametrize(("size", "window"), [(3, 3), (None, WINDOW)])
def test_a_stream_reads_no_further_than_it_must(size, window) -> None:
    read: list[int] = []
    asked: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(2 * window + 1):
            read.append(number)
            yield number

    def double(some: list[int]) -> list[int]:
        asked.append(len(some))
        return [2 * number for number in some]

    answers = stream(numbers(), double, size)
    assert read == []
    assert next(answers) == 0
    assert len(read) == window
    assert list(answers) == [2 * number for number in range(1, 2 * window + 1)]
    assert asked == [window, window, 1]
    assert list(stream([], double, size)) == []


def test_what_can_be_iterated_has_getitem_alone_too() -> None:
    class KeyDataset:
        def __getitem__(self, index: int) -> str:
            return ["a", "b"][index]

    assert can_iterate(KeyDataset())
    assert can_iterate(iter(["a"]))
    assert not can_iterate(7)
    assert not can_iterate(None)


def test_every_pipeline_is_of_the_one_type(tiny_pipelines) -> None:
    assert {*tiny_pipelines} == {*TASKS}
    for name, pipe in tiny_pipelines.items():
        assert type(pipe) is attribute(str(TASKS[name].pipeline))
        assert isinstance(pipe, Pipeline)
        assert isinstance(pipe.task, str)
        assert isinstance(pipe.model, torch.nn.Module)
        assert not pipe.model.training
        assert pipe([PROMPTS.get(name, "a text")], batch_size=1)
    assert not isinstance(len, Pipeline)


WRONG = [
    None, 3, 3.5, object(), b"bytes", {1}, {"x": 1}, ["a", None], ["a", 3], [["a"]],
]  # fmt: skip


def test_what_is_no_text_is_a_value_error_as_in_transformers(tiny_pipelines) -> None:
    """Code written for transformers catches ``ValueError``; hfdl's own errors are that too."""
    tried = 0
    for name, pipe in tiny_pipelines.items():
        for wrong in WRONG:
            with pytest.raises(ValueError) as caught:  # noqa: PT011  the type is what matters
                pipe(wrong)
            assert isinstance(caught.value, HfdlError)
            tried += 1
        for size in (0, -1, "x", 2.5):
            with pytest.raises(ValueError, match="batch_size cannot be"):
                pipe(PROMPTS.get(name, "a text"), batch_size=size)
            tried += 1
    assert tried == (len(WRONG) + 4) * len(TASKS) >= 70


def test_every_error_is_one() -> None:
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, Exception)]
    assert len(kinds) >= 13
    assert all(issubclass(kind, ValueError) for kind in kinds)
    assert issubclass(errors.MissingExtraError, ImportError)


PROMPTS = {"masked_lm": "a <mask>"}


@pytest.fixture
def tiny_pipelines() -> dict[str, Pipeline]:
    """A pipeline of each task on a random model."""
    tokenizer = learn_bpe(["a text"], 262)
    sizes = {
        "hidden_size": 8, "encoder_layers": 1, "decoder_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 8,
    }  # fmt: skip
    new = NewModel("seq2seq", ModelConfig(name="hfdl://transformer", config=sizes))
    new.tokenizer = tokenizer
    translator, _ = new.build()
    classifier = BertForSequenceClassification(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=8,
        )
    )
    masks = learn_tokenizer("bpe", ["a text"], 270, masks=True)
    body: dict[str, Any] = {
        "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8,
        "vocab_size": len(masks), "max_position_embeddings": 40,
    }  # fmt: skip
    tagger = BertForTokenClassification(BertConfig(**body, num_labels=3))
    filler = BertForMaskedLM(BertConfig(**body))
    writer = GPT2LMHeadModel(
        GPT2Config(vocab_size=len(masks), n_embd=8, n_layer=1, n_head=2, n_positions=40)
    )
    return {
        "text_classification": hfdl.pipeline(
            "text_classification", model=classifier, tokenizer=tokenizer
        ),
        "token_classification": hfdl.pipeline("ner", model=tagger, tokenizer=masks),
        "masked_lm": hfdl.pipeline("fill-mask", model=filler, tokenizer=masks),
        "causal_lm": hfdl.pipeline(
            "text-generation", model=writer, tokenizer=masks, max_new_tokens=3
        ),
        "translation": hfdl.pipeline("translation", model=translator, tokenizer=tokenizer),
    }


@pytest.mark.parametrize("named", [True, False])
def test_a_model_is_opened_once(
    trained: Path, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    """Its config and recipe are read once, its template once, and one task reads its texts."""
    calls: Counter[str] = Counter()

    def counted(module: str, name: str) -> None:
        function = getattr(import_module(module), name)

        def count(*arguments: Any, **keywords: Any) -> Any:
            calls[name] += 1
            return function(*arguments, **keywords)

        monkeypatch.setattr(f"{module}.{name}", count)

    counted("hfdl.tasks.base", "load_config")
    counted("hfdl.weights.model_config", "load_config")
    counted("hfdl.tasks.base", "load_tokenizer")
    counted("hfdl.pipelines.open_model", "load_recipe")
    counted("hfdl.pipelines.open_model", "find_model")
    counted("hfdl.data.encode", "read_template")
    begin = TextClassification.__init__

    def beginning(self: TextClassification, *arguments: Any, **keywords: Any) -> None:
        calls["task"] += 1
        begin(self, *arguments, **keywords)

    monkeypatch.setattr(TextClassification, "__init__", beginning)
    pipe = hfdl.pipeline("sentiment" if named else None, model=trained)
    for _ in range(3):
        assert len(pipe(["a fine film", "a poor film"])) == 2
    assert calls == {
        "load_config": 1, "load_tokenizer": 1, "load_recipe": 1, "find_model": 1,
        "read_template": 1, "task": 1,
    }  # fmt: skip
