"""What README.md shows is what happens."""

from __future__ import annotations

import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest
from helpers.support import write_csv

from hfdl.cli import main

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_ci_runs_the_lines_of_the_readme() -> None:
    module = runpy.run_path(str(REPOSITORY / ".ci" / "readme_line.py"))
    lines = {name: module["readme_line"](name, README) for name in ("train", "test", "docs")}
    assert lines["train"].endswith("hfdl train sentiment --output runs/sentiment")
    assert lines["test"].endswith("&& pytest -n auto --dist worksteal")
    assert lines["docs"].endswith("&& sphinx-build -W docs docs/_build/html")
    script = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
    assert all(f"line {name}" in script for name in lines)
    with pytest.raises(SystemExit):
        module["readme_line"]("absent", README)


def test_the_error_that_the_readme_shows_is_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = re.search(r"\$ (hfdl train sentiment .*reviw .*)\n(error: .*)\n", README)
    assert found is not None
    command, message = found.groups()
    write_csv(tmp_path / "reviews.csv", [{"review": "fine", "stars": i % 2} for i in range(8)])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert capsys.readouterr().err.strip() == message


def test_every_command_of_the_readme_is_one_that_hfdl_knows() -> None:
    from typer.main import get_command

    from hfdl.cli.app import app

    known = get_command(app).commands  # type: ignore[attr-defined]
    blocks = re.findall(r"```(?:bash|console)\n(.*?)```", README, re.DOTALL)
    used = [
        match for block in blocks for match in re.findall(r"(?:^|\$ |&& )hfdl (\w+)", block, re.M)
    ]
    assert len(used) >= 7
    assert set(used) <= set(known)


@pytest.mark.parametrize(
    "command", ["tune", "report", "calibrate", "diff", "demo", "serve", "export", "push"]
)
def test_what_is_done_around_a_training_has_a_line_and_a_page(command: str) -> None:
    section = README.partition("## Around a training\n")[2].partition("\n## ")[0]
    (line,) = [part for part in section.split("\n- ") if f"`hfdl {command} " in part]
    pages = re.findall(r"\]\((docs/[\w-]+\.md)\)", line)
    assert pages
    said = "".join((REPOSITORY / page).read_text(encoding="utf-8") for page in pages)
    assert f"hfdl {command} " in said
