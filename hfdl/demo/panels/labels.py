"""Labels with their probabilities: one label or several, pairs of texts, and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from hfdl.demo.html import render
from hfdl.demo.models import DemoModel
from hfdl.demo.panel import Panel, text_box

SHOWN = 10
"""Labels that are shown at once; the others fold out."""


class LabelsPanel(Panel):
    """Classification and regression of texts.

    Models of one text and models of pairs do not share an input. Of a model that hfdl did not train
    it is not known which it is: its second text may stay empty.
    """

    title = "Classify"
    button = "Classify"
    own_examples = (
        ("A warm and funny film.",),
        ("The plot is thin, but I smiled.",),
        ("Two hours that I will never get back.",),
    )

    @classmethod
    def variant(cls, model: DemoModel) -> str:
        if model.recipe is None:
            return "either"
        return "pairs" if model.recipe.data.text_pair else "single"

    def __init__(self, models: Sequence[DemoModel]) -> None:
        super().__init__(models)
        self._variant = self.variant(models[0])

        self.texts = 1 if self._variant == "single" else 2

    def controls(self) -> list[Component]:
        if self._variant == "pairs":
            return [text_box("First text"), text_box("Second text")]
        first = text_box("Text")
        if self._variant == "single":
            return [first]
        with gr.Accordion("Second text, for a model of pairs", open=False):
            return [first, text_box("Second text", info="Empty: the text is read alone.")]

    def refuse(self, values: Sequence[Any]) -> str | None:
        alone = self._variant == "either" and not values[1].strip()
        return super().refuse(values[:1] if alone else values)

    def ask(self, model: DemoModel, *values: Any) -> dict[str, Any]:
        """All scores, the best first, and of several labels those that hold."""
        given = _input(values)
        scores = model.pipe(given, top_k=None)
        if not _has_several(model):
            return {"scores": scores}
        return {"scores": scores, "holds": [one["label"] for one in model.pipe(given)]}

    def show(self, model: DemoModel, values: Sequence[Any], answer: Any) -> str:
        scores = answer["scores"]
        if getattr(model.pipe.model.config, "problem_type", None) == "regression":
            return render("numbers", rows=scores)
        return render("bars", rows=scores, holds=answer.get("holds"), shown=SHOWN)

    def read(self, model: DemoModel, values: Sequence[Any], answer: Any) -> Mapping[str, Any]:
        given = _input(values)
        return {"text": given} if isinstance(given, str) else given

    def example(self, row: Mapping[str, Any]) -> tuple[str, ...] | None:
        if self._variant != "pairs":
            return super().example(row)
        texts = (str(row.get("text") or ""), str(row.get("text_pair") or ""))
        return texts if all(text.strip() for text in texts) else None


def _input(values: Sequence[Any]) -> str | dict[str, str]:
    if len(values) > 1 and values[1].strip():
        return {"text": values[0], "text_pair": values[1]}
    return values[0]


def _has_several(model: DemoModel) -> bool:
    return model.pipe.model.config.problem_type == "multi_label_classification"
