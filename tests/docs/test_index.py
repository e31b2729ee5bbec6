"""The start page: it leads to every page once, and what it shows is what the README shows."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
INDEX = (DOCS / "index.md").read_text(encoding="utf-8")
README = (DOCS.parent / "README.md").read_text(encoding="utf-8")
MADE = ("reference/made/commands", "reference/made/recipe-keys")  # by docs/extensions
SPHINX = {"genindex", "py-modindex", "search"}  # it writes pages of these names over ours
LARGEST = 150_000


def listed() -> list[str]:
    """The pages of its trees, in order."""
    trees = re.findall(r"```\{toctree\}\n(.*?)```", INDEX, re.DOTALL)
    lines = [line.strip() for tree in trees for line in tree.splitlines()]
    return [line for line in lines if line and not line.startswith(":")]


def test_its_trees_hold_every_page_once() -> None:
    written = {page.stem for page in DOCS.glob("*.md")} - {"index"}
    expected = written | {"tutorials/index", "reference/api", *MADE}
    assert Counter(listed()) == Counter(expected)


def test_no_page_has_the_name_of_one_that_sphinx_writes() -> None:
    assert not SPHINX & set(listed())


def test_its_text_links_every_page() -> None:
    linked = set(re.findall(r"\]\(([\w/-]+)\.md\)", INDEX))
    assert set(listed()) <= linked


def test_the_output_that_it_shows_is_that_of_the_readme() -> None:
    """CI holds the README's block to what the command prints."""
    (shown,) = re.findall(r"```text\n(.*?)```", INDEX, re.DOTALL)
    block = README.partition("\nIt prints (")[2].partition("```text\n")[2].partition("\n```")[0]
    known = block.splitlines()
    lines = [line for line in shown.splitlines() if line]
    assert len(lines) >= 8
    assert [line for line in lines if line not in known] == []


def test_its_answers_are_those_of_the_readme() -> None:
    """On a terminal there; as JSON, which a pipe gets, in the README."""
    shown = re.findall(r"(?m)^(positive|negative)  (0\.\d{4})  (.+)$", INDEX)
    assert len(shown) == 2
    for label, score, text in shown:
        (exact,) = re.findall(
            rf'"text": "{re.escape(text)}", "label": "{label}", "score": ([\d.]+)', README
        )
        assert f"{float(exact):.4f}" == score


def test_its_pictures_are_there_small_and_described() -> None:
    pictures = re.findall(r"```\{image\} (\S+)\n:alt: (.+)\n:class: only-(\w+)", INDEX)
    assert [scheme for *_, scheme in pictures] == ["light", "dark"]
    for name, description, _ in pictures:
        assert 1_000 < (DOCS / name).stat().st_size < LARGEST
        # What a reader who cannot see it is told is what the README says of this run.
        rates = re.findall(r"accuracy (\d+\.\d) %", description)
        assert rates == [percent("test"), percent("validation")]


def percent(split: str) -> str:
    """The accuracy of a split in the README's table."""
    found = re.search(rf"^{split} +(\S+)", README, re.MULTILINE)
    assert found is not None
    return f"{100 * float(found[1]):.1f}"
