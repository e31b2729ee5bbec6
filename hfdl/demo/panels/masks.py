"""Candidates for the masks of a text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from hfdl.demo.html import render
from hfdl.demo.models import DemoModel
from hfdl.demo.panel import Panel, text_box

ID = "hfdl-masked-text"
_INSERT = """(text) => {{
  const box = document.querySelector("#{id} textarea"), mask = {mask};
  const [from, to] = [box.selectionStart, box.selectionEnd];
  return text.slice(0, from) + mask + text.slice(to);
}}"""
"""Puts a mask where the cursor was last, in place of what is selected there."""


class MasksPanel(Panel):
    """What stands behind masks. A button puts one where the cursor is.

    Args:
        models: their masks may be written differently: each is given its own.
    """

    title = "Fill masks"
    button = "Fill"

    def __init__(self, models: Sequence[DemoModel]) -> None:
        super().__init__(models)
        self.masks = list(dict.fromkeys(m.pipe.tokenizer.mask_token for m in models))
        self.mask = self.masks[0]
        self.own_examples = tuple(
            (text.format(mask=self.mask),)
            for text in ("The film was {mask}.", "Paris is the {mask} of France.")
        )

    def controls(self) -> list[Component]:
        text = text_box("Text", info=f"{self.mask} stands for what is asked for.", elem_id=ID)
        mask = gr.Button(f"Insert {self.mask}", size="sm", elem_classes=["hfdl-mask"])
        insert = _INSERT.format(id=ID, mask=json.dumps(self.mask, allow_nan=False))
        mask.click(None, text, text, js=insert, api_visibility="private")
        count = gr.Slider(1, 20, 5, step=1, label="Candidates")
        return [text, count]

    def ask(self, model: DemoModel, *values: Any) -> Any:
        return model.pipe(self._own_mask(model, values[0]), top_k=int(values[1] or 1))

    def show(self, model: DemoModel, values: Sequence[Any], answer: Any) -> str:
        several = bool(answer) and isinstance(answer[0], list)
        return render("masks", masks=answer if several else [answer])

    def read(self, model: DemoModel, values: Sequence[Any], answer: Any) -> Mapping[str, Any]:
        return {"text": self._own_mask(model, values[0])}

    def refuse(self, values: Sequence[Any]) -> str | None:
        refusal = super().refuse(values)
        if refusal is None and not any(mask in values[0] for mask in self.masks):
            return f"The text has no mask. Put {self.mask} where the model is to fill in a word."
        return refusal

    def example(self, row: Mapping[str, Any]) -> tuple[str, ...] | None:
        """A short text with its last word behind a mask."""
        words = str(row.get("text") or "").split()[:12]
        if len(words) < 3 or any(mask in word for word in words for mask in self.masks):
            return None
        return (" ".join([*words[:-1], self.mask]),)

    def reads(self, model: DemoModel) -> list[str]:
        limit = self.limit(model)
        return [] if limit is None else [f"{limit:,} tokens around the masks"]

    def _own_mask(self, model: DemoModel, text: str) -> str:
        for mask in self.masks:
            text = text.replace(mask, model.pipe.tokenizer.mask_token)
        return text
