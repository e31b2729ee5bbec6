"""The command: its port, its end, who may reach it, and what it says when it cannot."""

from __future__ import annotations

import re
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.processes import HFDL, start
from helpers.wording import assert_wording

from hfdl.cli import errors
from hfdl.cli.demo import demo
from hfdl.demo.launch import PORT, launch
from hfdl.demo.server import HOST, listen
from hfdl.errors import ConfigError, MissingExtraError, ModelError


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that this process listens on."""
    listener = listen(0)
    yield listener.getsockname()[1]
    listener.close()


def test_a_port_in_use_is_said_before_a_model_is_looked_for(taken: int, capsys) -> None:
    assert errors.run(["demo", "nowhere/at/all", "--port", str(taken)]) == 2
    said = capsys.readouterr().err
    assert f"port: port {taken} cannot be used: another program listens there" in said
    assert "nowhere" not in said.splitlines()[-1]
    # What the message says to type gets further: to the model, which is not there.
    assert "give --port 0" in said
    assert errors.run(["demo", "nowhere/at/all", "--port", "0"]) == 2
    assert "nowhere/at/all" in capsys.readouterr().err


def test_a_port_stays_taken_while_models_are_opened() -> None:
    with listen(0) as listener, pytest.raises(ConfigError) as caught:
        listen(listener.getsockname()[1])
    assert caught.value.where == "port"


def test_the_port_is_free_again_after_an_error(tmp_path: Path) -> None:
    with listen(0) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ModelError):
        launch(tmp_path / "nothing", port=port)
    listen(port).close()


def test_only_this_computer_is_listened_to() -> None:
    with listen(0) as listener:
        assert listener.getsockname()[0] == HOST == "127.0.0.1"


def test_without_gradio_the_extra_is_named(monkeypatch) -> None:
    monkeypatch.setattr("hfdl.demo.launch.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError) as caught:
        launch("nowhere")
    assert caught.value.extra == "demo"
    assert_wording(caught.value)


def test_languages_are_for_models_that_translate(models) -> None:
    with pytest.raises(ConfigError) as caught:
        launch(models["run"], port=0, tgt_lang="de")
    assert_wording(caught.value)
    with pytest.raises(ConfigError) as caught:
        launch([], port=0)
    assert_wording(caught.value)


def test_a_public_address_is_asked_for_by_its_option_alone(models, monkeypatch) -> None:
    asked: list[int] = []

    def tunnel(port: int) -> str:
        asked.append(port)
        return "https://x.gradio.live"

    monkeypatch.setattr("hfdl.demo.share.public_address", tunnel)
    monkeypatch.setenv("GRADIO_SHARE", "True")  # Gradio's own switch does nothing here
    with launch(models["bag"], port=0) as demo:
        assert demo.shared_url is None
    assert asked == []
    with launch(models["bag"], port=0, share=True) as demo:
        assert demo.shared_url == "https://x.gradio.live"
        assert [f"http://127.0.0.1:{port}" for port in asked] == [demo.url]
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(demo.url, timeout=5)


def test_without_the_network_a_public_address_is_an_error(models, monkeypatch) -> None:
    def unreachable(*_: object) -> str:
        raise RuntimeError("Could not get share link from Gradio API Server.")

    monkeypatch.setattr("gradio.networking.setup_tunnel", unreachable)
    with pytest.raises(ConfigError) as caught:
        launch(models["bag"], port=0, share=True)
    assert_wording(caught.value)


def test_who_may_reach_it_and_sigterm(models) -> None:
    process = start([*HFDL, "demo", str(models["bag"]), "--port", "0"])
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
    assert found is not None, process.communicate()
    with urllib.request.urlopen(found[0], timeout=20) as answer:
        page = answer.read().decode()
        policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy
    loaded = re.findall(r'<(?:script|link)[^>]* (?:src|href)="([^"]+)"', page)
    assert loaded
    assert [place for place in loaded if "//" in place] == []
    # A page of another site whose name leads to this computer.
    asked = urllib.request.Request(found[0], headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked, timeout=20)
    assert refused.value.code == 400
    with socket.socket() as other, pytest.raises(OSError, match=r"refused|unreachable"):
        other.connect((_address(), int(found[1])))
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=10)
    assert process.returncode == 143
    assert stdout == ""
    assert "Traceback" not in stderr


def _address() -> str:
    """This computer as others see it, or else the second loopback address."""
    found = socket.gethostbyname(socket.gethostname())
    return found if not found.startswith("127.0.0.1") else "127.0.0.2"


def test_the_commands_of_the_page_and_of_the_help_are_taken(monkeypatch) -> None:
    """With a launch that only notes what it is asked for: the words are right, and reach it."""
    asked: list[tuple[list[str], dict]] = []

    def note(models: list[str], **options: object) -> None:
        asked.append((models, options))
        raise KeyError("noted")

    monkeypatch.setattr("hfdl.demo.launch.launch", note)
    page = (Path(__file__).parents[2] / "docs" / "demo.md").read_text(encoding="utf-8")
    lines = re.findall(r"^ *(hfdl demo .*)$", page + "\n" + (demo.__doc__ or ""), re.MULTILINE)
    assert len(lines) >= 9
    for line in lines:
        assert errors.run(line.split()[1:]) == 1
    assert (["runs/sentiment", "runs/bag-of-words"], {
        "port": PORT, "share": False, "src_lang": None, "tgt_lang": None, "precision": "float32",
    }) in asked  # fmt: skip
    assert "int8" in [options["precision"] for _, options in asked]
    assert asked[-1][1]["tgt_lang"] == "de"


def test_a_precision_that_a_model_has_not_is_refused(models) -> None:
    with pytest.raises(ConfigError) as caught:
        launch([models["run"], models["translator"]], port=0, precision="int8")
    assert "translation has no int8" in str(caught.value)
    with pytest.raises(ConfigError, match="unknown precision 'int4'"):
        launch(models["run"], port=0, precision="int4")


def test_the_page_opens_in_a_browser_where_that_is_asked(models, monkeypatch, capsys) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("hfdl.demo.launch.Demo.wait", lambda self: None)
    for words in (["--open"], []):
        assert errors.run(["demo", str(models["bag"]), "--port", "0", *words]) == 0
    addresses = re.findall(r"serving at (\S+) ", capsys.readouterr().out)
    assert len(addresses) == 2
    assert opened == addresses[:1]
