"""``hfdl serve``: what it prints, and what its errors tell a user to type."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import threading
import time
from pathlib import Path

import httpx
import pytest

import hfdl
from hfdl.cli.errors import run


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        return opened.getsockname()[1]


def served_until_ready(port: int, *words: str) -> tuple[int, list[httpx.Response]]:
    """Run the command in this process, ask it once it is ready, and end it as Ctrl+C does."""
    answers: list[httpx.Response] = []

    def ask() -> None:
        until = time.monotonic() + 100
        while time.monotonic() < until:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/ready", timeout=5).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        body = {"inputs": ["good", "bad film"]}
        answers.append(httpx.post(f"http://127.0.0.1:{port}/predict", json=body, timeout=30))
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    asking = threading.Thread(target=ask)
    asking.start()
    code = run(["serve", *words, "--port", str(port)])
    asking.join(60)
    return code, answers


def test_the_line_names_model_task_and_address(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    code, (answer,) = served_until_ready(port, str(trained), "top_k=2")
    out, err = capsys.readouterr()
    assert code == 130
    assert out.splitlines() == [
        f"{trained} (text-classification) answers at http://127.0.0.1:{port}",
        f"  POST http://127.0.0.1:{port}/predict; a page with all paths: "
        f"http://127.0.0.1:{port}/docs",
    ]
    assert "network" not in err
    assert [len(each) for each in answer.json()] == [2, 2]  # the server's own parameter


def test_an_open_host_is_told_what_it_means(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    code, (answer,) = served_until_ready(port, str(trained), "--host", "0.0.0.0", "--json")
    out, err = capsys.readouterr()
    assert (code, answer.status_code) == (130, 200)
    facts = json.loads(out)
    assert facts["url"] == f"http://127.0.0.1:{port}"
    assert facts["task"] == "text-classification"
    assert "no key is asked for" in err


def test_the_precision_is_said_and_served(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    code, (answer,) = served_until_ready(port, str(trained), "top_k=2", "--precision", "int8")
    assert code == 130
    what = f"{trained} (text-classification, int8)"
    assert capsys.readouterr().out.startswith(f"{what} answers at http://127.0.0.1:{port}")
    found, exact = answer.json()[0], hfdl.pipeline(model=trained)("good", top_k=2)
    assert found == hfdl.pipeline(model=trained, precision="int8")(["good"], top_k=2)[0]
    assert 0 < abs(found[0]["score"] - exact[0]["score"]) < 0.02


def test_a_precision_that_is_none_or_is_given_twice(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "unknown precision 'int4'" in told(capsys, str(trained), "--precision", "int4")
    words = [str(trained), "precision=int8", "--precision", "int8"]
    assert "give it once" in told(capsys, *words)


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The error of a command that cannot start."""
    assert run(["serve", *words]) == 2
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "remedies"),
    [
        (["--host", "no.such.host.invalid"], ["--host 127.0.0.1", "--host 0.0.0.0"]),
        (["--host", "192.0.2.1"], ["--host 127.0.0.1", "--host 0.0.0.0"]),
        (["--port", "TAKEN"], ["--port 0"]),
    ],
)
def test_what_an_address_cannot_be_is_mended_as_told(
    capsys: pytest.CaptureFixture[str], words: list[str], remedies: list[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = [port if word == "TAKEN" else word for word in words]
        others = [] if "--port" in words else ["--port", "0"]
        error = told(capsys, "no-such-model", *words, *others)
        for remedy in remedies:
            assert remedy in error
            mended = told(capsys, "no-such-model", *shlex.split(remedy), *others)
            assert "no-such-model" in mended  # it came as far as the model
            assert remedy not in mended


def test_a_parameter_that_there_is_not_names_the_nearest(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    error = told(capsys, str(trained), "--port", "0", "topk=2")
    assert "did you mean 'top_k'" in error.lower()
    error = told(capsys, str(trained), "--port", "0", "top_k=two")
    assert "whole number" in error
    assert "KEY=VALUE" in told(capsys, str(trained), "top_k")


@pytest.mark.parametrize("content", [None, "", "two words", b"\xff"])
def test_a_file_without_a_key_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | bytes | None
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    assert str(file) in told(capsys, "no-such-model", "--api-key-file", str(file))


@pytest.mark.parametrize("words", [["--timeout", "0"], ["--grace", "nan"], ["--max-wait", "-1"]])
def test_limits_that_cannot_be(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert words[0] in told(capsys, "no-such-model", *words)
