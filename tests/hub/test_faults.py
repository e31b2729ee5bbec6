"""What the Hub refuses, and what becomes of a connection: one line with a remedy, and no secret."""

from __future__ import annotations

import logging
import os
import subprocess
from pathlib import Path

import pytest
from helpers.hub.server import OTHER_TOKEN, READ_TOKEN, TOKEN, Hub
from helpers.processes import HFDL, finish, start
from huggingface_hub import constants

import hfdl
from hfdl.errors import HubAnswerError, ModelError
from hfdl.hub.faults import said

SECRETS = (TOKEN, READ_TOKEN, OTHER_TOKEN, "presigned-secret")

CREATE, COMMIT, LARGE = "POST /api/repos/create", "POST .*/commit/", "PUT /lfs"
CASES = {
    "unknown token": ("whoami", 401, {}, "the Hub does not know the token (401)"),
    "may not create": (CREATE, 403, {}, "the token may not write there (403): the stand-in was"),
    "taken": (CREATE, 409, {}, "the Hub refuses (409): the stand-in was told to fail"),
    "too many": (CREATE, 429, {"Retry-After": "37"}, "wait 37 seconds, then run it again"),
    "too many, no time": (CREATE, 429, {}, "Wait some minutes, then run it again"),
    "a fault": (CREATE, 500, {}, "the Hub has a fault of its own (500)"),
    "gone": (COMMIT, 404, {"X-Error-Code": "RepoNotFound"}, "no such repository, or a private"),
    "somebody else": (COMMIT, 412, {}, "somebody else pushed to it in the meantime (412)"),
    "too large": (LARGE, 413, {}, "the Hub takes no file of that size"),
    "dropped": (LARGE, None, {}, "cannot be reached"),
    "dropped at the end": (COMMIT, None, {}, "cannot be reached"),
    "a fault of storage": (LARGE, 503, {}, "the repository is as it was"),
}


def check_secrets(text: str) -> None:
    for secret in SECRETS:
        assert secret not in text


@pytest.mark.parametrize("name", CASES)
def test_a_push_that_fails(name: str, hub: Hub, run: Path, push, caplog) -> None:
    pattern, status, headers, expected = CASES[name]
    hub.fail(pattern, status, headers=headers)
    with caplog.at_level(logging.DEBUG):
        code, out, err = push(run, "mine", "--yes")
    assert code == 2
    line = err.splitlines()[-1]
    assert line.startswith("error: ")
    assert expected.casefold() in line.casefold()
    assert "Traceback" not in err
    check_secrets(out + err)
    repo = hub.store.repos.get(("model", "ann/mine"))
    assert repo is None or repo.files() == {}
    hub.faults.clear()
    hub.asked.clear()
    assert push(run, "mine", "--yes")[0] == 0
    stored = hub.store.repos["model", "ann/mine"].files()
    assert stored["model.safetensors"].content == (run / "model.safetensors").read_bytes()
    if pattern == COMMIT:  # what had arrived is not sent again
        assert not any(line.startswith("PUT") for line in hub.asked)


def test_a_hub_that_falters_is_asked_again(hub: Hub, run: Path, push) -> None:
    hub.fail(LARGE, 503, times=2)
    hub.fail("preupload", 429, times=1, headers={"Retry-After": "1"})
    hub.fail(LARGE, None, times=1)
    code, out, err = push(run, "mine", "--yes")
    assert code == 0
    check_secrets(out + err)
    assert "model.safetensors" in hub.store.repos["model", "ann/mine"].files()


def test_another_push_in_between_is_not_overwritten(hub: Hub, run: Path) -> None:
    from hfdl.sharing.prepared import prepare

    hub.store.put("ann/mine", {"README.md": b"one"}, private=True)
    prepared = prepare(run, "ann/mine")
    hub.store.put("ann/mine", {"README.md": b"two"}, private=True)
    with pytest.raises(HubAnswerError, match=r"somebody else pushed") as caught:
        prepared.carry_out()
    assert caught.value.status == 412
    assert caught.value.__cause__ is None
    assert hub.store.repos["model", "ann/mine"].files()["README.md"].content == b"two"


def test_a_license_that_the_hub_does_not_know(hub: Hub, run: Path, push) -> None:
    code, _, err = push(run, "mine", "--yes", "--license", "apache")
    assert code == 2
    assert '"license" must be one of [apache-2.0, mit, ...]' in err
    assert err.endswith(". Correct README.md in the folder, or the license and language that were "
                        "given\n")  # fmt: skip
    assert hub.store.repos["model", "ann/mine"].files() == {}


def test_without_a_token(hub: Hub, run: Path, push, monkeypatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    for repo in ("mine", "ann/mine"):
        code, _, err = push(run, repo, "--yes")
        assert code == 2
        assert "there is no token of the Hub on this machine" in err
        assert "Log in once: hf auth login; or set HF_TOKEN" in err
    assert hub.store.repos == {}


def test_offline(hub: Hub, run: Path, push, monkeypatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    code, _, err = push(run, "ann/mine", "--yes")
    assert code == 2
    assert err.endswith(
        "because HF_HUB_OFFLINE is set; it needs the network. Unset HF_HUB_OFFLINE\n"
    )
    code, out, err = push(run, "ann/mine", "--dry-run")
    assert code == 0
    assert "model.safetensors" in out
    assert hub.asked == []


def test_in_somebody_elses_namespace(hub: Hub, run: Path, push) -> None:
    code, _, err = push(run, "ben/theirs", "--yes")
    assert code == 2
    assert "You don't have the rights to write under 'ben'" in err


# ---- reading ------------------------------------------------------------------------------------


def refusal(model: str) -> str:
    with pytest.raises(ModelError) as caught:
        hfdl.pipeline("sentiment", model=model)
    check_secrets(str(caught.value))
    return str(caught.value)


def test_a_private_model(hub: Hub, run: Path, push, monkeypatch) -> None:
    push(run, "ann/mine", "--yes")
    monkeypatch.setenv("HF_TOKEN", OTHER_TOKEN)
    text = refusal("ann/mine")
    assert "no such repository, or a private one that this token does not open (404)" in text
    monkeypatch.delenv("HF_TOKEN")
    text = refusal("ann/mine")
    assert "no such repository, or a private one that no token opens (401)" in text
    assert text.endswith("of a private one, log in as somebody who may read it: hf auth login")
    monkeypatch.setenv("HF_TOKEN", "hf_" + "nobodysToken1234567890")
    assert "the Hub does not know the token (401)" in refusal("ann/mine")
    monkeypatch.setenv("HF_TOKEN", READ_TOKEN)
    assert hfdl.pipeline("sentiment", model="ann/mine")("a fine film")


def test_a_gated_model(hub: Hub, monkeypatch) -> None:
    hub.store.create("model", "ben/gated", private=False, gated=True)
    text = refusal("ben/gated")
    assert f"Accept them at {hub.url}/ben/gated, then: hf auth login" in text


def test_a_revision_that_is_not_there(hub: Hub) -> None:
    hub.store.put("ann/mine", {"config.json": b"{}"})
    assert "it has no such revision" in refusal("ann/mine@v9")


@pytest.mark.parametrize("status", [500, 429, None])
def test_a_hub_that_fails(status: int | None, hub: Hub) -> None:
    hub.fail("GET /api/models", status)
    text = refusal("ann/mine")
    assert text.startswith("model 'ann/mine' is not on this machine")
    expected = {500: "(500)", 429: "(429)", None: "does not answer"}[status]
    assert expected in text


def test_pickles_are_not_even_downloaded(hub: Hub, tiny_bert: Path) -> None:
    files = {path.name: path.read_bytes() for path in tiny_bert.iterdir()}
    files["pytorch_model.bin"] = files.pop("model.safetensors")
    hub.store.put("ben/old", {**files, "modeling_x.py": b"raise SystemExit"})
    text = refusal("ben/old")
    assert "no model.safetensors, only pytorch_model.bin, which was not downloaded" in text
    assert "a pickle can run code" in text
    assert not any("pytorch_model" in line or "modeling" in line for line in hub.asked)


# ---- real processes -----------------------------------------------------------------------------


def test_nothing_secret_in_the_most_talkative_process(hub: Hub, run: Path, tmp_path: Path) -> None:
    environment = {
        **hub.environment(tmp_path / "home"), "HF_DEBUG": "1", "HF_HUB_VERBOSITY": "debug",
        "PYTHONWARNINGS": "always",
    }  # fmt: skip
    hub.fail("POST .*/commit/", 403)
    done = subprocess.run(
        [*HFDL, "push", str(run), "mine", "--yes"], env={**os.environ, **environment},
        text=True, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "may not write there (403)" in done.stderr
    check_secrets(done.stdout + done.stderr)


def test_an_interrupted_upload_leaves_the_repository_as_it_was(hub, run, push, tmp_path) -> None:
    import signal
    import time

    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN  # or the process would ignore it
    hub.wait = 20.0  # the stand-in takes its time with large files
    environment = hub.environment(tmp_path / "home")
    process = start([*HFDL, "push", str(run), "mine", "--yes"], **environment)
    deadline = time.monotonic() + 60
    while not any(line.startswith("PUT") for line in hub.asked) and time.monotonic() < deadline:
        assert process.poll() is None, finish(process)
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    code, err = finish(process)
    hub.wait = 0.0
    assert code == 130
    assert "interrupted: ann/mine is as it was; run it again" in err
    assert "Traceback" not in err
    assert hub.store.repos["model", "ann/mine"].files() == {}
    assert push(run, "mine", "--yes")[0] == 0
    assert "model.safetensors" in hub.store.repos["model", "ann/mine"].files()


def test_words_of_the_hub_lose_their_secrets() -> None:
    text = f"bad {TOKEN} at https://x.example/a?sig=presigned-secret&b=1 and\n more"
    assert said(text) == "bad hf_... at https://x.example/a and more"
    assert len(said("x" * 10_000)) == 300
