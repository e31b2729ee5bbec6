"""A text that is sent as it is written, and what others get meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.serving import Local, served

import hfdl

ASKED: dict[str, Any] = {"max_new_tokens": 20, "min_new_tokens": 20}


@pytest.fixture(scope="module")
def local(tiny_gpt2: Path) -> Iterator[Local]:
    with served(tiny_gpt2, "text-generation") as local:
        tokenizer = local.service.pipe.tokenizer
        # Random weights write bytes that are no character, which a stream holds back.
        ids = range(len(tokenizer))
        ASKED["suppress_tokens"] = [i for i in ids if not tokenizer.decode([i]).isascii()]
        yield local


def events(text: str) -> list[dict[str, Any]]:
    lines = [line for line in text.split("\n\n") if line]
    assert all(line.startswith("data:") for line in lines)
    return [json.loads(line.removeprefix("data:")) for line in lines]


def test_pieces_are_the_text(local: Local, tiny_gpt2: Path) -> None:
    pipe = hfdl.pipeline("text-generation", model=tiny_gpt2)
    expected = pipe("a good", return_full_text=False, **ASKED)[0]["generated_text"]
    answer = local.post({"inputs": "a good", "parameters": ASKED, "stream": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    *pieces, last = events(answer.text)
    assert len(pieces) > 5
    assert "".join(piece["token"]["text"] for piece in pieces) == expected
    assert last["generated_text"] == "a good" + expected
    assert [piece["index"] for piece in pieces] == [*range(1, len(pieces) + 1)]
    assert (last["index"], last["token"]) == (len(pieces), {"text": ""})
    assert {piece["generated_text"] for piece in pieces} == {None}
    assert local.service.active == 0


@pytest.mark.parametrize("keeps", [True, False, None])
def test_the_end_is_the_answer_without_a_stream(local: Local, keeps: bool | None) -> None:
    parameters = ASKED if keeps is None else {**ASKED, "return_full_text": keeps}
    body = {"inputs": "a good", "parameters": parameters}
    (whole,) = local.post(body).json()
    assert whole["generated_text"].startswith("a good") == (keeps is not False)
    last = events(local.post({**body, "stream": True}).text)[-1]
    assert last["generated_text"] == whole["generated_text"]


def test_what_the_server_was_started_with_holds_for_both(tiny_gpt2: Path) -> None:
    with served(tiny_gpt2, "text-generation", options={"return_full_text": False}) as local:
        body = {"inputs": "a good", "parameters": ASKED}
        last = events(local.post({**body, "stream": True}).text)[-1]
        assert last["generated_text"] == local.post(body).json()[0]["generated_text"]


def test_of_a_chat_it_is_the_chat(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    template = "{% for one in messages %}{{ one.content }} {% endfor %}"
    monkeypatch.setattr(local.service.pipe.tokenizer, "chat_template", template)
    body = {"inputs": [{"role": "user", "content": "a good"}], "parameters": ASKED}
    last = events(local.post({**body, "stream": True}).text)[-1]
    assert last["generated_text"] == local.post(body).json()[0]["generated_text"]
    assert [one["role"] for one in last["generated_text"]] == ["user", "assistant"]


def test_streams_and_answers_at_once_are_those_of_each_alone(local: Local) -> None:
    prompts = ["a good film", "bad", "the plot"]
    alone = [local.post({"inputs": p, "parameters": ASKED, "stream": True}).text for p in prompts]
    whole = local.post({"inputs": "a good film", "parameters": ASKED}).json()
    bodies = [{"inputs": p, "parameters": ASKED, "stream": True} for p in prompts]
    answers = local.together([*bodies, {"inputs": "a good film", "parameters": ASKED}])
    assert [answer.text for answer in answers[:3]] == alone
    assert answers[3].json() == whole


def test_an_answer_does_not_wait_for_a_stream_to_end(
    local: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One by one the model's turns would be: all of the stream, then the answer."""
    order: list[str] = []
    inner = local.service.pieces

    def pieces(text: Any, options: Any) -> Iterator[str]:
        for piece in inner(text, options):
            order.append("piece")
            yield piece

    monkeypatch.setattr(local.service, "pieces", pieces)

    async def both() -> None:
        body = {"inputs": "a good", "parameters": ASKED, "stream": True}
        async with local.client() as client:
            stream = asyncio.create_task(client.post("/predict", json=body))
            while "piece" not in order:
                await asyncio.sleep(0)
            await client.post("/predict", json={"inputs": "a", "parameters": {"max_new_tokens": 1}})
            order.append("answer")
            await stream

    asyncio.run(both())
    assert order.index("answer") < len(order) - 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"inputs": ["a", "b"]}, "several texts cannot be streamed"),
        ({"inputs": "a", "parameters": {"num_beams": 2}}, "cannot be streamed"),
        ({"inputs": "a", "parameters": {"max_new_tokens": 9999}}, "9999 new tokens cannot follow"),
        ({"inputs": [{"role": "user", "content": "a"}]}, "no chat template"),
    ],
)
def test_what_cannot_be_streamed_has_a_status(local: Local, body: Any, words: str) -> None:
    answer = local.post({**body, "stream": True})
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert local.service.active == 0


def test_a_stream_beyond_its_time_ends_with_an_error(tiny_gpt2: Path) -> None:
    with served(tiny_gpt2, "text-generation", timeout=0.3) as local:
        inner = local.service.pieces

        def slow(text: Any, options: Any) -> Iterator[str]:
            import time

            for piece in inner(text, options):
                yield piece
                time.sleep(0.1)

        local.service.pieces = slow
        answer = local.post({"inputs": "a good", "parameters": ASKED, "stream": True})
        *pieces, last = events(answer.text)
        assert pieces
        assert last["error_type"] == "timeout"
        assert local.service.active == 0
