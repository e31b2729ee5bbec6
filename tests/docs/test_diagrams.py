"""The diagrams of the tutorials stay readable on a phone: they scroll where they are too wide."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
DIAGRAMS = sorted((DOCS / "_static" / "diagrams").glob("*.svg"))
LEAST = 8.0  # pixels of the smallest letters


@pytest.mark.parametrize("diagram", DIAGRAMS, ids=lambda path: path.stem)
def test_letters_have_a_least_size(diagram: Path) -> None:
    text = diagram.read_text(encoding="utf-8")
    size = re.search(r'viewBox="0 0 (\d+) ', text)
    width = re.search(r"min-width:(\d+)px", text)
    assert size is not None
    assert width is not None
    letters = [float(one) for one in re.findall(r'font-size[=:]"?([\d.]+)', text)]
    assert min(letters) * int(width[1]) / int(size[1]) >= LEAST


def test_each_stands_in_a_box_that_scrolls() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (DOCS / "tutorials").glob("*.md"))
    boxed = re.findall(
        r"````\{container\} diagram\n```\{raw\} html\n:file: \S+/(\w[\w-]*)\.svg\n```\n````", pages
    )
    assert sorted(boxed) == [path.stem for path in DIAGRAMS]
    assert pages.count("_static/diagrams/") == len(DIAGRAMS) == 4
    style = (DOCS / "_static" / "tutorials.css").read_text(encoding="utf-8")
    assert re.search(r"\.diagram \{[^}]*overflow-x: auto", style)
