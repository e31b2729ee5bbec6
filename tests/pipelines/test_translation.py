"""The translation pipeline: its structures, and that it says what the model says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.wording import assert_wording
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

import hfdl
from hfdl.config.schema import ModelConfig
from hfdl.data.train_tokenizer import learn_bpe
from hfdl.errors import HfdlError
from hfdl.pipelines.translation import TranslationPipeline
from hfdl.tasks.new_model import NewModel

TEXTS = ["a man sleeps on the sofa", "two", "", "a dog and a cat run", "two"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model that nobody trained, beside its tokenizer: no recipe."""
    path = tmp_path_factory.mktemp("translator")
    tokenizer = learn_bpe(TEXTS, 290)
    sizes = {
        "hidden_size": 16, "encoder_layers": 1, "decoder_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 32,
        "tie_word_embeddings": False,  # a tied one, untrained, says what it read
    }  # fmt: skip
    torch.manual_seed(0)
    new = NewModel("seq2seq", ModelConfig(name="hfdl://transformer", config=sizes))
    new.tokenizer = tokenizer
    model, _ = new.build()
    with torch.no_grad():
        for parameter in model.parameters():  # wide, so that no two logits lie near each other
            if parameter.dim() > 1:
                parameter.copy_(torch.randn_like(parameter))
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def by_transformers(folder: Path, text: str, **options: Any) -> str:
    """What transformers alone generates, one text at a time and without a batch's padding."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder)
    batch = tokenizer(text, return_tensors="pt")
    limit = 2 * batch["input_ids"].shape[1] + 10
    ids = model.generate(**batch, max_new_tokens=limit, do_sample=False, **options)
    return tokenizer.decode(ids[0], skip_special_tokens=True).strip()


def test_answers_are_those_of_transformers_in_its_structures(folder: Path) -> None:
    pipe = hfdl.pipeline("translation", model=folder)
    assert isinstance(pipe, TranslationPipeline)
    expected = [by_transformers(folder, text) for text in TEXTS]
    assert len({*expected}) >= 3
    assert pipe(TEXTS[0]) == [{"translation_text": expected[0]}]
    one_by_one = [pipe(text)[0]["translation_text"] for text in TEXTS]
    assert one_by_one == expected
    assert pipe([]) == []


def test_a_list_is_answered_in_its_order_whatever_the_batches(folder: Path) -> None:
    pipe = hfdl.pipeline(None, model=folder, batch_size=1)
    alone = pipe(TEXTS)
    assert alone == [pipe(text)[0] for text in TEXTS]
    assert pipe(TEXTS, batch_size=5) == alone


def test_beams_are_those_of_transformers(folder: Path) -> None:
    pipe = hfdl.pipeline("translation", model=folder, num_beams=3, batch_size=1)
    expected = [by_transformers(folder, text, num_beams=3) for text in TEXTS[:2]]
    assert [row["translation_text"] for row in pipe(TEXTS[:2])] == expected
    greedy = [row["translation_text"] for row in pipe(TEXTS[:2], num_beams=1)]
    assert greedy != expected


def test_a_stream_is_read_as_it_is_answered(folder: Path) -> None:
    pipe = hfdl.pipeline("translation", model=folder, batch_size=2)
    read: list[str] = []

    def texts() -> Iterator[str]:
        for text in TEXTS:
            read.append(text)
            yield text

    answers = pipe(texts())
    first = next(answers)
    assert read == TEXTS[:2]
    assert [first, *answers] == pipe(TEXTS)


def test_an_open_model_is_taken_with_its_tokenizer(folder: Path) -> None:
    model = AutoModelForSeq2SeqLM.from_pretrained(folder).train()
    pipe = hfdl.pipeline(
        "translation", model=model, tokenizer=AutoTokenizer.from_pretrained(folder)
    )
    assert not model.training
    assert pipe(TEXTS) == hfdl.pipeline("translation", model=folder)(TEXTS)


def test_long_texts_are_cut_as_asked(folder: Path) -> None:
    pipe = hfdl.pipeline("translation", model=folder, max_length=4)
    ids = AutoTokenizer.from_pretrained(folder)(TEXTS[0], add_special_tokens=False)["input_ids"]
    assert len(ids) > 4
    seen: list[torch.Tensor] = []
    pipe.model.get_input_embeddings().register_forward_hook(
        lambda module, args, out: seen.append(args[0])
    )
    pipe(TEXTS[0])
    assert seen[0].tolist() == [[*ids[:3], 2]]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (["a", 5], "input 2: cannot translate 5; an input is a text"),
        ({"text": "a"}, "input 1: cannot translate {'text': 'a'}; an input is a text"),
        (7, "input 1: cannot translate 7; an input is a text"),
        (b"a", "input 1: cannot translate b'a'; an input is a text"),
    ],
)
def test_what_is_no_text_is_refused(inputs: Any, message: str, folder: Path) -> None:
    with pytest.raises(HfdlError) as caught:
        hfdl.pipeline("translation", model=folder)(inputs)
    assert str(caught.value) == message


def test_wrong_options_are_refused(folder: Path) -> None:
    with pytest.raises(HfdlError) as caught:
        hfdl.pipeline("translation", model=folder, num_beams=0)
    assert_wording(caught.value)
    with pytest.raises(HfdlError) as caught:
        hfdl.pipeline("translation")
    assert_wording(caught.value)
