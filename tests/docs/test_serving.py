"""The requests of docs/serving.md go to a real server, and its tables are those of the code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.server_process import Server, server

from hfdl.serving.limits import OPTIONS, Limits
from hfdl.serving.metrics import Metrics
from hfdl.serving.service import PATHS

PAGE = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
HERE = "http://127.0.0.1:8000"
CURLS = [line for line in PAGE.splitlines() if line.startswith("curl ")]


def code(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_requests_of_the_page_are_answered(trained: Path) -> None:
    with server(trained) as running:
        assert len(CURLS) == 2
        answers = [json.loads(asked(running, line)) for line in CURLS]
        (python,) = code("python")
        done = subprocess.run(
            [sys.executable, "-c", python.replace(HERE, running.url)],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert [list(one) for one in answers[0]] == [["label", "score"]]
    assert [len(one) for one in answers[1]] == [2, 2]
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[{'label': ")


def asked(running: Server, line: str) -> str:
    done = subprocess.run(
        ["bash", "-c", line.replace(HERE, running.url)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout


def test_commands_of_the_page_parse() -> None:
    """Each is taken as far as its model, which is not there."""
    lines = [line for block in code("bash") for line in block.splitlines()]
    commands = [line for line in lines if line.startswith("hfdl serve ")]
    assert len(commands) >= 4
    from hfdl.cli.errors import run

    for line in commands:
        assert run([*line.split()[1:2], "--help", *line.split()[2:]]) == 0


def test_limits_and_their_defaults_are_those_of_the_page() -> None:
    for name, option in OPTIONS.items():
        rows = [row for row in PAGE.splitlines() if row.startswith(f"| `{option} ")]
        assert len(rows) == 1, option
        default = getattr(Limits(), name)
        if name == "max_wait":
            default *= 1000
        if default is not None:
            assert f"{default:,.0f}" in rows[0].split("|")[2], rows[0]


@pytest.mark.parametrize("path", sorted(PATHS))
def test_every_path_stands_there(path: str) -> None:
    assert f"GET {path}`" in PAGE or f"POST {path}`" in PAGE or f"`{path}`" in PAGE


def test_every_figure_stands_there() -> None:
    names = [family.name for family in Metrics(PATHS).registry.collect()]
    assert len(names) >= 7
    for name in names:
        assert f"`{name}" in PAGE
