"""A fault of the model is one request's, and the server goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.serving import Local, served

from hfdl.errors import NotFiniteError

BAD = "bad"


@pytest.fixture(scope="module")
def local(trained: Path) -> Iterator[Local]:
    with served(trained, max_wait=0.2) as local:
        yield local


@pytest.fixture
def failing(local: Local, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The pipeline fails whenever BAD is among its texts; the calls that were made."""
    pipe, calls = local.service.pipe, []
    inner = type(pipe).__call__

    def call(self: Any, inputs: Any, **options: Any) -> Any:
        calls.append([*inputs])
        if BAD in inputs:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9999 bytes")
        return inner(self, inputs, **options)

    monkeypatch.setattr(type(pipe), "__call__", call)
    return calls


def test_one_bad_text_spoils_no_other_request(local: Local, failing: list[list[str]]) -> None:
    local.post({"inputs": "good"})
    bodies = [{"inputs": text} for text in ("good", BAD, "film", "great")]
    answers = local.together(bodies * 4)
    assert [answer.status_code for answer in answers] == [200, 500, 200, 200] * 4
    told = answers[1].json()
    assert told["error_type"] == "model"
    assert "out of memory" in told["error"]
    assert "9999" not in told["error"]  # what the server says of itself stays with it
    assert any(BAD in call and len(call) > 1 for call in failing)  # they had shared a batch
    assert local.post({"inputs": "good"}).status_code == 200


def test_of_several_texts_the_bad_one_is_named(local: Local, failing: list[list[str]]) -> None:
    answer = local.post({"inputs": ["good", "film", BAD]})
    assert answer.status_code == 500
    assert answer.json()["error"].startswith("input 3: the model failed")


def test_an_answer_that_is_no_number_is_no_answer(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = local.service.pipe.model.core.head.out.weight
    before = weights.data.clone()
    try:
        with torch.no_grad():
            weights.fill_(float("nan"))
        answer = local.post({"inputs": "good"})
    finally:
        with torch.no_grad():
            weights.copy_(before)
    assert answer.status_code == 500
    assert "not a finite number" in answer.json()["error"]
    assert local.post({"inputs": "good"}).status_code == 200


def test_what_the_pipeline_refuses_names_the_text_among_those_sent(local: Local) -> None:
    pairs = [{"text": "a", "text_pair": "b"}] * 2
    with_hole: list[Any] = [*pairs, "alone"]
    assert local.post({"inputs": with_hole}).status_code == 200  # each form is a batch of its own
    answer = local.post({"inputs": "good", "parameters": {"function_to_apply": "softmx"}})
    assert answer.status_code == 422
    assert "did you mean 'softmax'" in answer.json()["error"].lower()


def test_the_place_in_a_batch_is_not_told(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    def call(self: Any, inputs: Any, **options: Any) -> Any:
        raise NotFiniteError(0, inputs[0])

    monkeypatch.setattr(type(local.service.pipe), "__call__", call)
    answer = local.post({"inputs": ["a text that is long", "b"]})
    assert answer.json()["error"].startswith("text 1 ('a text that is long')")


def test_nobody_waits_for_what_is_computed_then_it_ends(trained: Path) -> None:
    """A request out of time: the next forward pass of the model ends it."""
    with served(trained, timeout=0.15, max_batch_tokens=1 << 20, max_texts=10_000) as local:
        passes = []
        local.service.pipe.model.register_forward_pre_hook(lambda *_: passes.append(1))
        answer = local.post({"inputs": ["good film " * 10] * 9000}, timeout=60)
        assert answer.status_code == 504
        assert "--timeout" in answer.json()["error"]
        before = len(passes)
        local.service.close()
        local.service.thread.join(30)
        assert not local.service.thread.is_alive()
        assert len(passes) <= before + 3
