"""The check of links finds those that lead nowhere, and each linked source file has a page."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SITE = {
    "index.html": '<p id="top"><a href="#top">a</a><a href="more/page.html#there">b</a>'
    '<a href="https://example.org/gone">c</a><img src="picture.png"></p>',
    "more/page.html": '<h1 id="there">x</h1><a href="../index.html">back</a>',
    "picture.png": "",
}
BROKEN = {
    "#nowhere": "an anchor of the page itself",
    "more/page.html#gone": "an anchor of another page",
    "gone.html": "a page",
    "more/": "a folder without a file's name",
}


def found(site: Path) -> list[str]:
    return list(runpy.run_path(str(ROOT / ".ci" / "check_links.py"))["broken"](site))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name, text in SITE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_site_without_broken_links_passes(site: Path) -> None:
    assert found(site) == []
    assert "check_links.py docs/_build/html" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("link", BROKEN)
def test_a_broken_link_is_named_with_its_page(site: Path, link: str) -> None:
    page = site / "more" / "other.html"
    page.write_text(f'<a href="../index.html">x</a><a href="{link}">y</a>', encoding="utf-8")
    if link.startswith("more"):
        page = page.replace(site / "other.html")
        page.write_text(f'<a href="{link}">y</a>', encoding="utf-8")
    assert found(site) == [f"{page.relative_to(site)}: {link}"]


def test_a_source_file_that_a_docstring_names_has_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """hfdl.nn's docstrings name files that no page in Markdown does."""
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "extensions"))
    from source_files import named_sources

    names = named_sources(ROOT / "docs")
    assert "hfdl/nn/cpu/cheap_dropout.py" in names
    assert len(names) == len(set(names)) > 50
