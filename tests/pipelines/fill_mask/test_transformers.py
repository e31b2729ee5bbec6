"""What ``docs/pipelines.md`` says of transformers' fill-mask pipeline, seen to be so.

None of it is hfdl's: where one of these tests fails transformers has changed, and the page must.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import AutoConfig, AutoTokenizer, BertForMaskedLM, pipeline
from transformers.pipelines.base import PipelineException

import hfdl

pytestmark = pytest.mark.skipif(
    not transformers.__version__.startswith("5.23."),
    reason="docs/pipelines.md describes transformers 5.23",
)
TEXT = "a [MASK] film"


@pytest.fixture
def parts(tiny_bert: Path) -> dict[str, Any]:
    """A random model and its tokenizer, as a pipeline takes them."""
    torch.manual_seed(0)
    model = BertForMaskedLM(AutoConfig.from_pretrained(tiny_bert)).eval()
    return {"model": model, "tokenizer": AutoTokenizer.from_pretrained(tiny_bert)}


@pytest.fixture
def theirs(parts: dict[str, Any]) -> Any:
    return pipeline("fill-mask", **parts)


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What transformers' fill-mask warns of."""
    said: list[str] = []
    monkeypatch.setattr("transformers.pipelines.fill_mask.logger.warning", said.append)
    return said


def test_the_model_stays_in_training_mode(parts: dict[str, Any]) -> None:
    parts["model"].train()
    scores = {pipeline("fill-mask", **parts)(TEXT)[0]["score"] for _ in range(5)}
    assert parts["model"].training
    assert len(scores) == 5
    ours = hfdl.pipeline("fill-mask", **parts)
    assert len({ours(TEXT)[0]["score"] for _ in range(5)}) == 1


def test_a_list_of_one_gives_its_bare_answer_and_an_empty_one_an_error(theirs: Any) -> None:
    assert theirs([TEXT]) == theirs(TEXT)
    assert len(theirs([TEXT, TEXT])) == 2
    with pytest.raises(IndexError):
        theirs([])


def test_a_tuple_is_no_list_of_texts(theirs: Any) -> None:
    with pytest.raises(ValueError, match="Unable to create tensor"):
        theirs((TEXT, "the very long [MASK]"))
    # Of texts of one length the first alone is answered.
    assert theirs((TEXT, "the [MASK] song")) == theirs(TEXT)


@pytest.mark.parametrize("wrap", [iter, lambda texts: map(str, texts)])
def test_an_iterator_that_is_no_generator_is_no_stream(
    wrap: Callable[[list[str]], Any], theirs: Any
) -> None:
    assert list(theirs(text for text in [TEXT, TEXT])) == [theirs(TEXT)] * 2
    with pytest.raises(ValueError, match="text input must be of type"):
        theirs(wrap([TEXT]))


def test_texts_are_read_one_by_one_unless_a_batch_size_is_given(
    parts: dict[str, Any], theirs: Any
) -> None:
    sizes: list[int] = []
    parts["model"].register_forward_pre_hook(
        lambda _, args, kwargs: sizes.append(len(kwargs["input_ids"])), with_kwargs=True
    )
    theirs([TEXT, TEXT, TEXT])
    assert sizes == [1, 1, 1]
    hfdl.pipeline("fill-mask", **parts)([TEXT, "the very long [MASK]", TEXT])
    assert sizes == [1, 1, 1, 2]  # the same text is read once


def test_a_text_that_is_too_long_fails_and_a_late_mask_is_cut_off(theirs: Any) -> None:
    late, early = "good " * 100 + "[MASK]", "[MASK]" + " good" * 100
    for text in (late, early):
        with pytest.raises(RuntimeError, match=r"tensor a \(103\) must match"):
            theirs(text)
    cut = {"tokenizer_kwargs": {"truncation": True}}
    with pytest.raises(PipelineException, match="No mask_token"):
        theirs(late, **cut)
    assert theirs(early, **cut)[0]["sequence"].count("good") == 61  # of 100


def test_a_target_of_several_pieces_is_replaced_by_its_first(
    theirs: Any, warnings: list[str]
) -> None:
    (answer,) = theirs(TEXT, targets=["zebra"])
    assert answer["token_str"] == "z"
    assert warnings == [
        "The specified target token `zebra` does not exist in the model vocabulary. "
        "Replacing with `z`."
    ]


def test_an_unknown_target_is_the_unknown_token_and_an_empty_one_is_left_out(
    theirs: Any, warnings: list[str]
) -> None:
    assert {a["token_str"] for a in theirs(TEXT, targets=["😀", "", "good"])} == {"[UNK]", "good"}
    assert len(warnings) == 2


def test_several_masks_are_each_filled_while_the_others_stay(theirs: Any) -> None:
    found = theirs("[MASK] a [MASK]", top_k=1)
    assert [len(answers) for answers in found] == [1, 1]
    assert [answers[0]["sequence"].count("[MASK]") for answers in found] == [1, 1]


def test_more_answers_than_there_are_words_fail(theirs: Any) -> None:
    with pytest.raises(RuntimeError, match="selected index k out of range"):
        theirs(TEXT, top_k=len(theirs.tokenizer) + 1)
    assert len(theirs(TEXT, top_k=len(theirs.tokenizer))) == len(theirs.tokenizer)


def test_a_model_without_a_head_gets_a_random_one(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(
        "transformers.modeling_utils.logger.warning", lambda text, *_: said.append(str(text))
    )
    scores = {
        pipeline("fill-mask", model=str(tiny_bert))(TEXT)[0]["score"] for _ in range(2)
    }  # fmt: skip
    assert len(scores) == 2
    assert any("cls.predictions.transform.dense.weight" in text for text in said)
