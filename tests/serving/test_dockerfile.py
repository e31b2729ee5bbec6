"""The Dockerfile's own steps in a fresh environment: pip, serve and the health check.

There is no Docker and no base image here, so the lines are read from the file and run as they are,
with another folder for the environment, the model and the port.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILE = ROOT / "Dockerfile"
PORT = "18765"


def instructions() -> list[tuple[str, str]]:
    """The file's instructions, lines that go on joined."""
    text = FILE.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines)]


def of(name: str) -> list[str]:
    return [rest for each, rest in instructions() if each == name]


def test_it_runs_as_a_user_without_rights_a_network_or_a_key_in_it() -> None:
    names = [name for name, _ in instructions()]
    assert of("USER") == ["hfdl"]
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert any("HF_HUB_OFFLINE=1" in rest for rest in of("ENV"))
    assert of("STOPSIGNAL") == ["SIGTERM"]
    assert of("EXPOSE") == ["8000"]
    (health,) = of("HEALTHCHECK")
    assert "/ready" in health
    assert json.loads(of("ENTRYPOINT")[0])[:3] == ["hfdl", "serve", "/model"]
    assert not [rest for name, rest in instructions() if name == "ARG" or "token" in rest.lower()]


def test_what_is_copied_leaves_runs_and_environments_out() -> None:
    left_out = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert {".git", ".venv", "runs"} <= {*left_out}


@pytest.mark.slow
def test_its_steps_give_a_server(trained: Path, tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    source = copy_of_the_checkout(tmp_path / "src")
    path = f"{environment}/bin:{os.environ['PATH']}"
    shell = {**os.environ, "PATH": path, "HF_HUB_OFFLINE": "1", "PYTHONPATH": ""}
    # An index that is out of reach is given up soon, and the other one used.
    shell |= {"PIP_RETRIES": "0", "PIP_DEFAULT_TIMEOUT": "15"}
    for step in of("RUN"):
        if not step.startswith("useradd"):  # the machine's own users are left alone
            step = step.replace("/opt/hfdl", str(environment))
            step = step.replace("python -m venv", f"{sys.executable} -m venv")
            done = run(["bash", "-ec", step], shell, source)
            assert done.returncode == 0, done.stderr[-2000:]
    command = json.loads(of("ENTRYPOINT")[0])
    given = {"/model": str(trained), "0.0.0.0": "127.0.0.1", "8000": PORT}
    process = subprocess.Popen([given.get(word, word) for word in command], cwd=tmp_path, env=shell)
    (health,) = of("HEALTHCHECK")
    check = [word.replace(":8000", f":{PORT}") for word in json.loads(health.partition("CMD ")[2])]
    codes: list[int] = []
    try:
        until = time.monotonic() + 120
        while (not codes or codes[-1]) and time.monotonic() < until:
            codes.append(run(check, shell, tmp_path).returncode)
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)
    assert (codes[0] != 0, codes[-1], code) == (True, 0, 143)
    which = run(["bash", "-c", "command -v hfdl"], shell, tmp_path).stdout
    assert which.startswith(str(environment))


def copy_of_the_checkout(folder: Path) -> Path:
    """What ``COPY . .`` takes, .dockerignore followed."""
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    anywhere = shutil.ignore_patterns(*(name[3:] for name in ignored if name.startswith("**/")))

    def left_out(place: str, names: list[str]) -> set[str]:
        at_the_root = set(ignored) if Path(place) == ROOT else set()
        return {*anywhere(place, names), *(at_the_root & set(names))}

    shutil.copytree(ROOT, folder, ignore=left_out)
    return folder


def run(
    command: list[str], environment: dict[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
