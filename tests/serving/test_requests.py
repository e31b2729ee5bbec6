"""What is wrong with a request is said in one form, with 4xx and never 500."""

from __future__ import annotations

import asyncio
import html
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.serving import Local, served

from hfdl.serving.limits import OPTIONS, WORDS

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def local(trained: Path) -> Iterator[Local]:
    with served(trained, max_texts=20, max_length=300, max_body=20_000, max_queue=3) as local:
        yield local


BODIES: list[tuple[bytes, int, str]] = [
    (b"", 400, "no JSON"),
    (b"{", 400, "no JSON"),
    (b"inputs=a", 400, "no JSON"),
    (b'{"inputs": "a"} x', 400, "no JSON"),
    (b'{"inputs": "\xff\xfe"}', 400, "no JSON"),
    (b'{"inputs": "a\x00"}', 400, "no JSON"),
    (rb'{"inputs": "\ud800"}', 400, "no JSON"),
    (rb'{"inputs": "a\u0000b"}', 422, "NUL"),
    (b"[" * 2000 + b"]" * 2000, 400, "no JSON"),
    (b'{"inputs": ' + b"[" * 150 + b"]" * 150 + b"}", 422, "expected a text"),
    (b"[]", 422, '{"inputs": ...}'),
    (b"null", 422, '{"inputs": ...}'),
    (b"{}", 422, "inputs: missing"),
    (b'{"input": "a"}', 422, "inputs"),
    (b'{"inputs": "a", "parameter": {}}', 422, "did you mean 'parameters'"),
    (b'{"inputs": null}', 422, "expected a text"),
    (b'{"inputs": 7}', 422, "expected a text"),
    (b'{"inputs": ["a", 7]}', 422, "expected a text"),
    (b'{"inputs": {"txt": "a"}}', 422, "expected a text"),
    (b'{"inputs": {"text": "a", "label": "b"}}', 422, "expected a text"),
    (b'{"inputs": "a", "parameters": []}', 422, "parameters"),
    (b'{"inputs": "a", "parameters": {"topk": 1}}', 422, "did you mean 'top_k'"),
    (b'{"inputs": "a", "parameters": {"top_k": 0}}', 422, "greater than or equal to 1"),
    (b'{"inputs": "a", "parameters": {"top_k": -2}}', 422, "greater than or equal to 1"),
    (b'{"inputs": "a", "parameters": {"top_k": "1"}}', 422, "integer"),
    (b'{"inputs": "a", "parameters": {"top_k": 1.5}}', 422, "integer"),
    (b'{"inputs": "a", "parameters": {"top_k": true}}', 422, "integer"),
    (b'{"inputs": "a", "parameters": {"top_k": 1e999}}', 422, "integer"),
    (b'{"inputs": "a", "parameters": {"top_k": %s}}' % (b"9" * 400), 422, "2147483648"),
    (b'{"inputs": "a", "parameters": {"top_k": %s}}' % (b"9" * 9000), 400, "no JSON"),
    (b'{"inputs": "a", "parameters": {"threshold": NaN}}', 422, "finite"),
    (b'{"inputs": "a", "parameters": {"threshold": 0.3}}', 422, "threshold"),
    (b'{"inputs": "a", "parameters": {"batch_size": 1}}', 422, "no field 'batch_size'"),
    (b'{"inputs": "a", "parameters": {"long_text": "cut"}}', 422, "long_text"),
    (b'{"inputs": "a", "parameters": {"max_length": -3}}', 422, "max_length"),
    (b'{"inputs": "a", "stream": true}', 422, "no field 'stream'"),
    (json.dumps({"inputs": ["a"] * 21}).encode(), 422, "--max-texts"),
    (json.dumps({"inputs": "a" * 301}).encode(), 422, "--max-length"),
    (json.dumps({"inputs": "a" * 20_001}).encode(), 413, "--max-body"),
]


@pytest.mark.parametrize(("body", "code", "words"), BODIES)
def test_what_is_wrong_is_said(local: Local, body: bytes, code: int, words: str) -> None:
    answer = local.post(content=body, headers=JSON)
    told = answer.json()
    assert (answer.status_code, set(told)) == (code, {"error", "error_type"})
    assert words in told["error"]
    assert len(told["error"]) < 400
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("how", "path", "headers", "code"),
    [
        ("POST", "/predict", {"Content-Type": "text/plain"}, 415),
        ("POST", "/predict", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ("POST", "/predict", {}, 415),
        ("GET", "/predict", {}, 405),
        ("DELETE", "/health", {}, 405),
        ("GET", "/nothing", {}, 404),
        ("POST", "/predict/", JSON, 404),
        ("GET", "/%00%ff/../x", {}, 404),
    ],
)
def test_other_methods_paths_and_types(
    local: Local, how: str, path: str, headers: dict[str, str], code: int
) -> None:
    (answer,) = local.ask([(how, path, {"content": b'{"inputs": "a"}', "headers": headers})])
    assert answer.status_code in (code, 307 if path.endswith("/") else code)
    if answer.status_code != 307:
        assert set(answer.json()) == {"error", "error_type"}


def test_the_description_names_the_codes_and_the_least_numbers(local: Local) -> None:
    (described, page, facts) = local.ask(
        [("GET", path, {}) for path in ("/openapi.json", "/docs", "/")]
    )
    told = described.json()
    codes = {"400", "404", "405", "408", "413", "415", "422", "429", "500", "503", "504"}
    assert codes <= set(told["paths"]["/predict"]["post"]["responses"])
    assert all(f"<code>{code}</code>" in page.text for code in codes)
    number, _ = told["components"]["schemas"]["Parameters"]["properties"]["top_k"]["anyOf"]
    assert number["minimum"] == 1
    assert "integer, 1 or more" in page.text
    assert facts.json()["architecture"] == "BertForSequenceClassification"
    assert "Scratch" not in page.text


def test_the_type_may_have_a_charset(local: Local) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert local.post(content=b'{"inputs": "a"}', headers=headers).status_code == 200


@pytest.mark.parametrize("text", ["", " ", "\t\n", "\ufeff", "😀" * 50, "a\u0301", "\u202e", "ß"])
def test_odd_texts_are_answered(local: Local, text: str) -> None:
    assert local.post({"inputs": text}).status_code == 200


def test_a_full_queue_says_when_to_come_again(local: Local) -> None:
    bodies = [{"inputs": ["good film"] * 20}] * 12
    answers = local.together(bodies)
    codes = [answer.status_code for answer in answers]
    assert set(codes) == {200, 429}
    assert codes.count(200) >= 3
    refused = answers[codes.index(429)]
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["error_type"] == "overloaded"
    assert "--max-queue" in refused.json()["error"]
    assert local.service.active == 0
    assert local.post({"inputs": "good"}).status_code == 200


def test_a_body_that_does_not_come_is_not_waited_for(trained: Path) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b'{"inputs": '
        await asyncio.sleep(30)

    with served(trained, timeout=0.2) as local:
        begun = time.monotonic()
        answer = local.post(content=slow(), headers=JSON)
        assert time.monotonic() - begun < 20
        assert answer.status_code == 408
        assert local.service.active == 0


def test_a_server_that_stops_says_so(trained: Path) -> None:
    with served(trained) as local:
        local.service.stop()
        answer = local.post({"inputs": "a"})
        assert (answer.status_code, local.get("/ready").status_code) == (503, 503)
        assert answer.headers["retry-after"]
        assert local.get("/health").status_code == 200


def test_a_key_is_asked_for(local: Local) -> None:
    locked = Local(local.service, "secret")
    body = {"inputs": "a"}
    for headers in ({}, {"Authorization": "Bearer secre"}, {"Authorization": "secret"}):
        answer = locked.post(body, headers=headers)
        assert (answer.status_code, answer.json()["error_type"]) == (401, "unauthorized")
        assert locked.get("/metrics", headers=headers).status_code == 401
    right = {"Authorization": "Bearer secret"}
    assert locked.post(body, headers=right).status_code == 200
    assert locked.get("/health").status_code == locked.get("/ready").status_code == 200


def test_a_browser_is_asked_for_the_key_on_a_page(local: Local) -> None:
    """It sends no Bearer header of its own; the page that asks says nothing of the model."""
    locked = Local(local.service, "secret")
    page = locked.get("/docs")
    assert page.status_code == 401
    assert page.headers["content-type"].startswith("text/html")
    assert 'type="password"' in page.text
    assert local.service.name not in page.text
    assert "secret" not in page.text
    right = {"Authorization": "Bearer secret"}
    opened = locked.get("/docs", headers=right).text
    assert 'id="key"' in opened
    assert "-H 'Authorization: Bearer KEY'" in opened
    assert "<code>401</code>" in opened
    assert "Bearer" not in local.get("/docs").text.partition("<script>")[0]
    assert locked.post({}, path="/docs").headers["content-type"] == "application/json"


def test_the_description_has_the_key_where_one_is_asked_for(local: Local) -> None:
    right = {"Authorization": "Bearer secret"}
    made = Local(local.service, "secret").get("/openapi.json", headers=right).json()
    (scheme,) = made["components"]["securitySchemes"].items()
    assert scheme == ("key", {"type": "http", "scheme": "bearer"})
    for path, methods in made["paths"].items():
        for method in methods.values():
            is_open = path in ("/health", "/ready")
            assert ("401" in method["responses"]) == (not is_open), path
            assert method.get("security") == (None if is_open else [{"key": []}])
    plain = local.get("/openapi.json").json()
    assert "securitySchemes" not in plain["components"]
    assert not any("401" in m["responses"] for p in plain["paths"].values() for m in p.values())


def test_limits_are_in_the_units_of_their_options(trained: Path) -> None:
    with served(trained, max_wait=0.004, timeout=20) as local:
        limits = local.get("/").json()["limits"]
        page = local.get("/docs").text
    assert set(limits) == set(OPTIONS) == set(WORDS)
    assert (limits["max_wait"], limits["timeout"]) == (4, 20)
    for option, value in (
        ("max-wait", "4 ms"),
        ("max-body", "2,097,152 bytes"),
        ("timeout", "20 s"),
    ):
        assert f"<code>--{option}</code></td><td>{value}</td>" in page


@pytest.mark.parametrize(
    ("inputs", "place"),
    [(["a", 3], "number 2 of 2"), ([None, "b"], "number 1 of 2"), (["a", "b", ["c"]], "number 3"),
     ([{"text": "a"}, {"txt": "a"}], "number 2 of 2"), (["a", 10**4000], "number 2 of 2")],
)  # fmt: skip
def test_which_of_several_inputs_is_wrong_is_told(local: Local, inputs: Any, place: str) -> None:
    answer = local.post({"inputs": inputs})
    assert answer.status_code == 422
    assert place in answer.json()["error"]
    assert "expected a text" in answer.json()["error"]


def test_the_page_shows_the_answer_to_its_example(local: Local) -> None:
    page = html.unescape(local.get("/docs").text)
    text, given = local.service.pipe.example()
    answer = local.post({"inputs": text, "parameters": given}).json()
    shown = re.findall(r"is answered with</p>\n<pre>(.*?)</pre>", page)
    assert json.loads(shown[0])[0]["label"] == answer[0]["label"]


def test_figures_are_those_of_the_requests(trained: Path) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    with served(trained) as local:
        for body in ({"inputs": ["a", "b c"]}, {"inputs": 3}, {"inputs": "a"}):
            local.post(body)
        local.get("/nothing/1")
        local.get("/nothing/2")
        page = local.get("/metrics").text
        counted = local.service.counter
        tokens = counted(["a"]) * 2 + counted(["b c"])
    found: dict[Any, float] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found[(sample.name, *sorted(sample.labels.items()))] = sample.value
    counts = {key: value for key, value in found.items() if key[0] == "hfdl_requests_total"}
    assert counts == {
        ("hfdl_requests_total", ("code", "200"), ("path", "/predict")): 2,
        ("hfdl_requests_total", ("code", "422"), ("path", "/predict")): 1,
        ("hfdl_requests_total", ("code", "404"), ("path", "other")): 2,
    }
    assert found[("hfdl_tokens_total",)] == tokens
    assert found[("hfdl_batch_texts_sum",)] == 3
    assert found[("hfdl_request_seconds_count", ("path", "/predict"))] == 3
    assert found[("hfdl_ready",)] == 1
    assert found[("hfdl_active_requests",)] == found[("hfdl_queue_requests",)] == 0
