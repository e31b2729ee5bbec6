"""A page for the models of one task: what is asked for, what is answered, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import gradio as gr
from gradio.components import Component

from hfdl.demo.html import render
from hfdl.demo.models import DemoModel
from hfdl.tasks.registry import known_spec
from hfdl.weights.limits import length_limit

LONGEST = 100_000
"""Characters of a text; more of them keep a model busy for minutes."""


class Panel:
    """A page for models that answer the same question, side by side.

    A subclass says what its controls are, asks the pipeline and shows the answer. A task names its
    own in ``TaskSpec.panel``.

    Args:
        models: one or more, each with the same kind of pipeline.

    Attributes:
        title: of its tab.
        button: what the button says that asks.
        texts: how many of the controls, from the first, are texts; an example fills them in.
        own_examples: for runs that have recorded none.
        may_be_empty: whether an empty text is a question.
        streams: whether an answer grows while it is watched, and may be stopped.
    """

    title: ClassVar[str] = "Model"
    button: ClassVar[str] = "Run"
    texts: int = 1
    own_examples: Sequence[tuple[str, ...]] = ()
    may_be_empty: ClassVar[bool] = False
    streams: ClassVar[bool] = False

    def __init__(self, models: Sequence[DemoModel]) -> None:
        self.models = list(models)

    @classmethod
    def variant(cls, model: DemoModel) -> str:
        """What models must have in common, beside the task, to share an input."""
        return ""

    def controls(self) -> list[Component]:
        """Draw the controls; their values are what ``ask`` is given, in this order."""
        return [text_box("Text")]

    def ask(self, model: DemoModel, *values: Any) -> Any:
        """What the model's pipeline answers."""
        return model.pipe(values[0])

    def steps(self, model: DemoModel, *values: Any) -> Iterator[Any]:
        """The answer as it comes about; the last one is what ``ask`` gives."""
        yield self.ask(model, *values)

    def show(self, model: DemoModel, values: Sequence[Any], answer: Any) -> str:
        """The answer as HTML."""
        raise NotImplementedError

    def read(self, model: DemoModel, values: Sequence[Any], answer: Any) -> Mapping[str, Any]:
        """What the attention view is of: arguments of ``attention_view``."""
        return {"text": values[0]}

    def example(self, row: Mapping[str, Any]) -> tuple[str, ...] | None:
        """The texts of an example that a row of predictions.jsonl makes; None: it makes none."""
        text = row.get("text")
        return (text,) if isinstance(text, str) and text.strip() else None

    def refuse(self, values: Sequence[Any]) -> str | None:
        """Why this cannot be asked, in words for a person; None: it can."""
        for value in values[: self.texts]:
            if len(value) > LONGEST:
                return f"The text has {len(value):,} characters. The page takes {LONGEST:,}."
        if not self.may_be_empty and not all(v.strip() for v in values[: self.texts]):
            return "Type a text first." if self.texts == 1 else "Type both texts first."
        return None

    def facts(self, model: DemoModel) -> list[str]:
        """What a person should know of the model, a phrase each."""
        count = model.pipe.parameter_count
        size = [f"{_short(count)} parameters"] if count else []
        return [model.pipe.architecture, *size, *self.reads(model)]

    def limit(self, model: DemoModel) -> int | None:
        """Most tokens that the model answers from at once; None: any number."""
        most = length_limit(model.pipe.tokenizer, model.pipe.model.config)
        return most if model.recipe is None else model.recipe.data.max_length or most

    def reads(self, model: DemoModel) -> list[str]:
        """How many tokens the model reads, and what becomes of a longer text."""
        limit = self.limit(model)
        spec = known_spec(model.pipe.task)
        policy = "window" if "window" in spec.long_texts else spec.long_text
        if model.recipe is not None:
            policy = model.recipe.data.long_text or spec.long_text
        if limit is None:
            return []
        fate = spec.long_texts.get(policy, spec.long_texts[spec.long_text])
        return [f"{limit:,} tokens at once", fate]


def text_box(label: str, *, lines: int = 3, info: str | None = None, **options: Any) -> gr.Textbox:
    """A field for a text, which Shift+Enter sends off."""
    return gr.Textbox(
        "", label=label, lines=lines, max_lines=12, info=info, elem_classes=["hfdl-text"],
        buttons=[], **options,
    )  # fmt: skip


def heading(panel: Panel, model: DemoModel) -> str:
    """The name of a model and what should be known of it, as HTML."""
    return render("heading", name=model.name, facts=panel.facts(model))


def _short(count: int) -> str:
    """A number of parameters: 22.7M."""
    for size, letter in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        if count >= size:
            return f"{count / size:.3g}{letter}"
    return str(count)
