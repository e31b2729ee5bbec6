"""Find the files of the project that pages and docstrings name, such as ``hfdl/nn/attention.py``.

Apart from ``source_links``, which shows them: this needs no Sphinx.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("hfdl", "cli", "recipes", "benchmarks")
SUFFIXES = (".py", ".yaml")
_NAMED = re.compile(
    rf"`((?:{'|'.join(FOLDERS)})/[\w./-]+(?:{'|'.join(map(re.escape, SUFFIXES))}))`"
)


def is_source(name: str) -> bool:
    """Whether a text is the path of a file of the project that has a page."""
    path = Path(name)
    inside = path.parts[:1] and path.parts[0] in FOLDERS and ".." not in path.parts
    return bool(inside) and path.suffix in SUFFIXES and (ROOT / path).is_file()


def named_sources(docs: Path) -> list[str]:
    """The files that a page of ``docs`` names, or a docstring, which the reference shows."""
    files = (*docs.rglob("*.md"), *(ROOT / "hfdl").rglob("*.py"))
    texts = (path.read_text(encoding="utf-8") for path in files)
    return sorted({name for text in texts for name in _NAMED.findall(text) if is_source(name)})
