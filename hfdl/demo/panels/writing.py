"""Texts that a model writes: continuations, token by token, and translations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from hfdl.demo.html import render
from hfdl.demo.models import DemoModel
from hfdl.demo.panel import Panel, text_box

NEW_TOKENS = 60
"""Most new tokens to begin with; fewer where a model has room for less."""


class ContinuationPanel(Panel):
    """Continuations of a prompt, shown as they are written; a button stops them.

    The first settings are those of ``hfdl predict``: the likeliest token each time, unless the
    model's generation_config says otherwise.
    """

    title = "Write"
    button = "Write"
    may_be_empty = True
    streams = True
    own_examples = (("The harbour",), ("Once upon a time",), ("In the morning she",))

    def controls(self) -> list[Component]:
        most = min([256, *(m.pipe.limit - 1 for m in self.models if m.pipe.limit)])
        prompt = text_box("Prompt", info="Empty: the model begins by itself.")
        rules = self.models[0].pipe.options.rules(self.models[0].pipe.model).settings
        with gr.Accordion("Options", open=False):
            count = gr.Slider(
                1, most, min(NEW_TOKENS, max(1, most // 2)), step=1, label="Most new tokens"
            )
            temperature = gr.Slider(
                0, 2, rules.temperature if rules.do_sample else 0, step=0.05,
                label="Temperature (0: the likeliest token each time)",
            )  # fmt: skip
            top_p = gr.Slider(
                0.05, 1, rules.top_p or 1, step=0.05,
                label="Top-p: draw among the likeliest tokens of this probability together",
            )  # fmt: skip
            seed = gr.Number(0, precision=0, label="Seed of the draws")
        return [prompt, count, temperature, top_p, seed]

    def ask(self, model: DemoModel, *values: Any) -> str:
        options = written_by(*values[1:])
        (answer,) = model.pipe(values[0], return_full_text=False, **options)
        return answer["generated_text"]

    def steps(self, model: DemoModel, *values: Any) -> Iterator[str]:
        """All that is written so far, again with each token."""
        text = ""
        for piece in model.pipe.stream(values[0], **written_by(*values[1:])):
            text += piece
            yield text

    def show(self, model: DemoModel, values: Sequence[Any], answer: Any) -> str:
        return render("written", prompt=values[0], text=answer)

    def read(self, model: DemoModel, values: Sequence[Any], answer: Any) -> Mapping[str, Any]:
        """The prompt and what was written: a causal map of both has that of the prompt in it."""
        return {"text": values[0] + answer}

    def example(self, row: Mapping[str, Any]) -> tuple[str, ...] | None:
        """The beginning of a sentence: rows are blocks, cut anywhere."""
        _, _, text = str(row.get("text") or "").partition(". ")
        words = text.split()
        return (" ".join(words[:5]),) if len(words) > 8 else None

    def limit(self, model: DemoModel) -> int | None:
        return model.pipe.limit

    def reads(self, model: DemoModel) -> list[str]:
        limit = self.limit(model)
        return [] if limit is None else [f"{limit:,} tokens, prompt and continuation together"]


class SourcePanel(Panel):
    """Translations."""

    title = "Translate"
    button = "Translate"
    own_examples = (
        ("A dog runs across the grass.",),
        ("Two people are sitting on a bench.",),
        ("A woman is playing the guitar.",),
    )

    def ask(self, model: DemoModel, *values: Any) -> str:
        (answer,) = model.pipe(values[0])
        return answer["translation_text"]

    def show(self, model: DemoModel, values: Sequence[Any], answer: Any) -> str:
        return render("written", prompt="", text=answer)

    def read(self, model: DemoModel, values: Sequence[Any], answer: Any) -> Mapping[str, Any]:
        """Both texts, the source with its prefix: the decoder has read what the model wrote."""
        return {"text": model.pipe.prefix + values[0], "target": answer or None}


def written_by(
    count: float | None, temperature: float | None, top_p: float | None, seed: float | None
) -> dict[str, Any]:
    """The controls as options of a pipeline; what has no effect is not given.

    Args:
        count, temperature, top_p, seed: as they stand in their fields; None: somebody emptied it.
    """
    if not temperature:
        return {"max_new_tokens": int(count or 1), "do_sample": False}
    return {
        "max_new_tokens": int(count or 1), "do_sample": True, "temperature": temperature,
        "top_p": top_p or 1.0, "seed": int(seed or 0),
    }  # fmt: skip
