"""What a model attended to in the text that it has just answered: hfdl attention's own view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hfdl.demo.html import render
from hfdl.demo.models import DemoModel
from hfdl.errors import shell_word

MOST_WEIGHTS = 4_000_000
"""Weights that are sent to the browser: 8 MB, or 6 layers of 12 heads over 230 tokens."""


def attention_html(model: DemoModel, read: Mapping[str, Any], limit: int | None) -> str:
    """The attention view in a frame of its own, or in words that it is too large.

    The frame is sandboxed: the view's script runs, and reaches neither this page nor the network.

    Args:
        model: the model that answered. It is held while its attention is captured.
        read: what it has read, as arguments of ``attention_view``.
        limit: tokens that an answer is of at once: of a longer text the view shows more.

    Raises:
        HfdlError: the model has no attention, or the text is too long for it.
    """
    from hfdl.interpret.attention_view import attention_view

    with model.lock:
        tokens = model.pipe.tokenizer(read["text"], read.get("text_pair"), verbose=False)
        view = attention_view(
            model.pipe.model, tokenizer=model.pipe.tokenizer, name=model.name, **read
        )
    count = sum(layer.size for panel in view.panels.values() for layer in panel.layers)
    if count > MOST_WEIGHTS:
        return render("note", text=_too_many(model, count, read["text"]))
    note, length = "", len(tokens["input_ids"])
    if limit is not None and length > limit:
        note = render("note", text=_more_than_answered(length, limit))
    return note + render("frame", name=model.name, page=view.html())


def _more_than_answered(length: int, limit: int) -> str:
    return (
        f"The answer was made from {limit:,} tokens at a time; this view is of all {length:,} "
        "together."
    )


def _too_many(model: DemoModel, count: int, text: str) -> str:
    words = " ".join(text.split())[:40]
    where = shell_word(str(model.folder)) if model.folder else "MODEL"
    return (
        f"The attention view of so long a text would be {count:,} weights, more than a page can "
        f"show at once. Write it to a file: hfdl attention {where} {shell_word(words + '...')} "
        "--output attention.html"
    )
