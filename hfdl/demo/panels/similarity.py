"""How alike texts are, by a model that makes vectors of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from hfdl.demo.html import render
from hfdl.demo.models import DemoModel
from hfdl.demo.panel import Panel, text_box

MOST_TEXTS = 50
"""Rows and columns of a matrix that a screen can still show."""


class SimilarityPanel(Panel):
    """Similarities of all pairs of some texts, a text a line."""

    title = "Compare texts"
    button = "Compare"
    own_examples = (
        ("A film to see twice.\nI would watch it again.\nThe shop opens at nine.",),
        ("How old are you?\nWhat is your age?",),
    )

    def controls(self) -> list[Component]:
        texts = text_box("Texts, one a line", lines=4)
        number = gr.Number(1, precision=0, minimum=1, label="Attention of text number")
        return [texts, number]

    def ask(self, model: DemoModel, *values: Any) -> list[list[float]]:
        """A row for each text (N, N): its similarity to every text."""
        vectors = model.pipe.encode(lines_of(values[0]), convert_to_tensor=True)
        return model.pipe.similarity(vectors, vectors).tolist()

    def show(self, model: DemoModel, values: Sequence[Any], answer: Any) -> str:
        name = model.pipe.similarity_fn_name
        # Distances and dot products have no scale of their own: the largest is the darkest.
        most = max((abs(value) for row in answer for value in row), default=0) or 1.0
        scale = 1.0 if name == "cosine" else most
        return render("matrix", texts=lines_of(values[0]), rows=answer, name=name, scale=scale)

    def read(self, model: DemoModel, values: Sequence[Any], answer: Any) -> Mapping[str, Any]:
        texts = lines_of(values[0])
        return {"text": texts[min(max(int(values[1] or 1), 1), len(texts)) - 1]}

    def refuse(self, values: Sequence[Any]) -> str | None:
        refusal = super().refuse(values)
        if refusal is None and not 2 <= len(lines_of(values[0])) <= MOST_TEXTS:
            return f"Type two texts or more, one a line, up to {MOST_TEXTS}."
        return refusal

    def limit(self, model: DemoModel) -> int | None:
        return model.pipe.max_length

    def reads(self, model: DemoModel) -> list[str]:
        limit = self.limit(model)
        vector = f"{model.pipe.dimension} numbers a vector"
        return [vector] if limit is None else [vector, f"{limit:,} tokens of a text"]


def lines_of(text: str) -> list[str]:
    """The texts: lines that are not blank."""
    return [line.strip() for line in text.splitlines() if line.strip()]
