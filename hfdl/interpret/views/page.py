"""The HTML page of attention maps: one file that loads nothing from the network."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hfdl.errors import NotFiniteError, OutputError
from hfdl.interpret.views.panel import Panel

if TYPE_CHECKING:
    import jinja2

SCRIPTS = ("data.js", "colours.js", "matrix.js", "words.js", "overview.js", "page.js")
"""The page's program, in the order in which its parts need each other."""

STEPS = 4095
"""A weight is one of 4096: two letters of the page, and closer than three decimals show."""
MOST_WEIGHTS = 50_000_000
"""Weights in a page, which is then 100 MB: 24 layers of 16 heads over 360 tokens."""
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TITLES = {"encoder": "Encoder", "decoder": "Decoder", "cross": "Cross (decoder to encoder)"}


def attention_page(
    panels: Sequence[Panel], names: Sequence[str], text: str, *, start: tuple[int, int, int | None]
) -> str:
    """The HTML of a page.

    Args:
        panels: the kinds of attention, a tab each.
        names: the model's name, and that of the one it is compared with.
        text: what the model read.
        start: panel, layer and head that are shown first; head None is the mean over heads.

    Raises:
        OutputError: a browser could not hold so many weights.
    """
    _check_size(panels)
    folder = Path(__file__).parent
    style = (folder / "page.css").read_text(encoding="utf-8")
    script = "\n".join((folder / name).read_text(encoding="utf-8") for name in SCRIPTS)
    script = f'"use strict";\n(() => {{\n{script}}})();\n'
    return _environment().get_template("page.html").render(
        names=names, text=text, style=style, script=script, style_hash=_hash(style),
        script_hash=_hash(script), data=_embedded(_content(panels, names, start)),
    )  # fmt: skip


def _check_size(panels: Sequence[Panel]) -> None:
    models = 1 + any(panel.compared is not None for panel in panels)
    count = models * sum(layer.size for panel in panels for layer in panel.layers)
    if count > MOST_WEIGHTS:
        raise OutputError(
            f"the page would hold {count:,} weights",
            rule=f"a browser copes with {MOST_WEIGHTS:,}",
            remedy="shorten the text, or write a png",
        )


def _content(
    panels: Sequence[Panel], names: Sequence[str], start: tuple[int, int, int | None]
) -> dict[str, Any]:
    return {
        "models": list(names),
        "start": start,
        "steps": STEPS,
        "panels": [_panel(panel) for panel in panels],
    }


def _panel(panel: Panel) -> dict[str, Any]:
    models = [panel.layers] if panel.compared is None else [panel.layers, panel.compared]
    divergences = panel.divergences()
    return {
        "kind": panel.kind,
        "title": _TITLES[panel.kind],
        "tokens": panel.tokens,
        "sources": panel.sources,
        "maps": [[[packed(head) for head in layer] for layer in layers] for layers in models],
        "divergences": None if divergences is None else divergences.round(6).tolist(),
    }


def packed(weights: np.ndarray) -> str:
    """A head's weights (T, S) as text: two letters a weight, a full stop between rows.

    Zeros at the end of a row are left out: half of a causal map.
    """
    if not np.isfinite(weights).all():
        raise NotFiniteError(0, place="the text")
    steps = np.clip(np.rint(weights * STEPS), 0, STEPS).astype(np.int64)
    pairs = np.stack([steps // 64, steps % 64], axis=-1)  # (T, S, 2)
    letters = np.frombuffer(_LETTERS, dtype=np.uint8)[pairs].reshape(len(weights), -1)  # (T, 2S)
    kept = [2 * (np.flatnonzero(row).max(initial=-1) + 1) for row in steps]
    rows = zip(letters, kept, strict=True)
    return ".".join(row[:length].tobytes().decode("ascii") for row, length in rows)


def _embedded(value: Any) -> str:
    """JSON that may stand in a script element: nothing in it can end the element."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).translate(_NO_MARKUP)


_NO_MARKUP = {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}


def _hash(source: str) -> str:
    """The hash by which a content security policy allows a script or a style."""
    digest = hashlib.sha256(source.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


@functools.cache
def _environment() -> jinja2.Environment:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
