"""Check every link of the built pages: ``python .ci/check_links.py docs/_build/html``.

A link inside must lead to a file that is there, and its ``#anchor`` to an id on that page. Sphinx
checks the links of Markdown alone; those of templates, raw HTML and source pages come later.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The ids of a page, and what it asks for or links to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.targets: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" or (name == "name" and tag == "a"):
                self.ids.add(value or "")
            if name in ("href", "src") and value:
                self.targets.append(value)


def broken(site: Path) -> Iterator[str]:
    """``page: link`` of each link that leads nowhere."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    for path, page in sorted(pages.items()):
        for target in sorted(set(page.targets)):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            there = file.is_file() and not (
                parts.fragment and file in pages and unquote(parts.fragment) not in pages[file].ids
            )
            if not there:
                yield f"{path.relative_to(site)}: {target}"


def main(folder: str) -> int:
    """Print what is broken; the exit code says whether anything is."""
    site = Path(folder).resolve()
    found = list(broken(site))
    count = sum(1 for _ in site.rglob("*.html"))
    sys.stdout.write("\n".join([*found, f"{count} pages, {len(found)} broken links"]) + "\n")
    return 1 if found or not count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
