"""The page itself: a tab for each question, one input, and a column for each model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr
from gradio.themes import Base, Default

from hfdl.demo.answering import answers
from hfdl.demo.examples import examples_of
from hfdl.demo.html import render
from hfdl.demo.models import DemoModel
from hfdl.demo.panel import Panel, heading

AT_ONCE = 8
"""Answers of one model that are worked on at the same time, for as many people."""
WAITING = 64
"""Questions that wait; another one is told that the queue is full."""
NARROWEST = 320
"""Pixels of a column before the next one goes below it: a phone shows one."""


def build_page(panels: Sequence[Panel]) -> gr.Blocks:
    """The page of some panels.

    Args:
        panels: one for each question; several get a tab each.
    """
    names = list(dict.fromkeys(model.name for panel in panels for model in panel.models))
    with gr.Blocks(title=f"hfdl demo: {', '.join(names)}", analytics_enabled=False) as page:
        _html(render("top", names=names))
        if len(panels) == 1:
            _draw(panels[0])
        else:
            with gr.Tabs(elem_classes="hfdl-tabs"):
                for panel in panels:
                    with gr.Tab(_title(panel, panels)):
                        _draw(panel)
    return page.queue(default_concurrency_limit=AT_ONCE, max_size=WAITING, api_open=False)


def theme() -> Base:
    """Gradio's theme in the fonts that the reader's system has: none is fetched."""
    return Default(
        primary_hue="blue", secondary_hue="blue", neutral_hue="slate",
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"],
        font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
    ).set(
        # White on Gradio's own blue is 3.7 to 1, too little for a text.
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
    )  # fmt: skip


def _title(panel: Panel, panels: Sequence[Panel]) -> str:
    """The panel's title, with its models where two panels have the same."""
    if sum(other.title == panel.title for other in panels) == 1:
        return panel.title
    return f"{panel.title}: {', '.join(model.name for model in panel.models)}"


def _draw(panel: Panel) -> None:
    """One panel: its controls, then a column for each model; of a single model beside them."""
    if len(panel.models) > 1:
        controls, ask, stop = _controls(panel)
        _examples(panel, controls)
        with gr.Row():
            drawn = [_column(panel, model) for model in panel.models]
    else:
        with gr.Row():
            with gr.Column(scale=2, min_width=NARROWEST):
                _html(heading(panel, panel.models[0]))
                controls, ask, stop = _controls(panel)
                answer = _html(kind="hfdl-answers")
                _examples(panel, controls)
            with gr.Column(scale=3, min_width=NARROWEST):
                drawn = [(answer, _html(kind="hfdl-views"))]
    _connect(panel, controls, ask, stop, drawn)


def _controls(panel: Panel) -> tuple[list[Any], gr.Button, gr.Button | None]:
    """The inputs with their buttons."""
    controls = panel.controls()
    with gr.Row():
        ask = gr.Button(panel.button, variant="primary")
        stop = gr.Button("Stop") if panel.streams else None
    return controls, ask, stop


def _examples(panel: Panel, controls: list[Any]) -> None:
    """Texts to click on, which fill the first controls."""
    texts = examples_of(panel)
    gr.Examples(texts, inputs=controls[: len(texts[0])], label="Examples", cache_examples=False)


def _html(value: str = "", *, kind: str | None = None) -> gr.HTML:
    """A place for HTML of our own, without Gradio's frames and lines around it."""
    return gr.HTML(value, apply_default_css=False, padding=False, elem_classes=kind)


def _column(panel: Panel, model: DemoModel) -> tuple[gr.HTML, gr.HTML]:
    with gr.Column(min_width=NARROWEST):
        _html(heading(panel, model))
        return _html(kind="hfdl-answers"), _html(kind="hfdl-views")


def _connect(
    panel: Panel,
    controls: list[Any],
    ask: gr.Button,
    stop: gr.Button | None,
    drawn: Sequence[tuple[gr.HTML, gr.HTML]],
) -> None:
    """Each model answers by itself: a slow one, or one that fails, leaves the others alone."""
    submits = [control.submit for control in controls if isinstance(control, gr.Textbox)]
    running: list[Any] = [
        gr.on(
            [ask.click, *submits], partial(answers, panel, model), controls, [answer, view],
            # As they come: a number beyond its slider gets Gradio's bare "Error" otherwise.
            preprocess=False,
            show_progress="minimal", show_progress_on=answer, api_visibility="private",
        )
        for model, (answer, view) in zip(panel.models, drawn, strict=True)
    ]  # fmt: skip
    if stop is not None:
        stop.click(None, cancels=running, api_visibility="private")
