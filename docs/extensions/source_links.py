"""Link the files that pages name, such as ``hfdl/nn/attention.py``, to pages that show them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_for_filename
from source_files import ROOT, is_source, named_sources
from sphinx.application import Sphinx
from sphinx.util.osutil import relative_uri


def link_sources(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Turn each file's name in a page into a link."""
    for literal in list(doctree.findall(nodes.literal)):
        name = literal.astext()
        if not is_source(name) or isinstance(literal.parent, nodes.reference):
            continue
        target = relative_uri(app.builder.get_target_uri(page), f"source/{name}.html")
        link = nodes.reference("", "", refuri=target, internal=True)
        literal.replace_self(link)
        link += literal


def source_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """A page for each file that a page or a docstring names."""
    for name in named_sources(Path(app.srcdir)):
        body = f"<h1><code>{name}</code></h1>{highlighted(ROOT / name)}"
        yield f"source/{name}", {"title": name, "body": body, "toc": ""}, "page.html"


def highlighted(path: Path) -> str:
    """The file as HTML, with an anchor for each line."""
    lexer = get_lexer_for_filename(path.name)
    formatter = HtmlFormatter(linenos="inline", lineanchors="L", cssclass="highlight")
    return highlight(path.read_text(encoding="utf-8"), lexer, formatter)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.connect("doctree-resolved", link_sources)
    app.connect("html-collect-pages", source_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
