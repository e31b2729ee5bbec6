"""Entities, marked in their text with a colour for each type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from hfdl.data.entities.tags import OUTSIDE, split_tag
from hfdl.demo.html import render
from hfdl.demo.models import DemoModel
from hfdl.demo.panel import Panel

GOLDEN_ANGLE = 137.508
"""Degrees between the hues of neighbouring types: however many there are, no two are alike."""


class EntitiesPanel(Panel):
    """Named entities, decoded as ``hfdl predict`` and the run's own figures have them."""

    title = "Entities"
    button = "Find entities"
    own_examples = (
        ("Ann Smith moved to Paris in May.",),
        ("The Red Cross opened an office in Nairobi.",),
        ("Nothing is named here.",),
    )

    def ask(self, model: DemoModel, *values: Any) -> list[dict[str, Any]]:
        return model.pipe(values[0], aggregation_strategy="viterbi")

    def show(self, model: DemoModel, values: Sequence[Any], answer: Any) -> str:
        types = types_of(model.pipe.model.config.id2label.values())
        hues = {name: round(210 + i * GOLDEN_ANGLE) % 360 for i, name in enumerate(types)}
        counts = Counter(entity["entity_group"] for entity in answer)
        legend = [{"type": name, "hue": hues[name], "count": counts[name]} for name in types]
        return render("entities", parts=parts_of(values[0], answer), hues=hues, legend=legend)


def types_of(tags: Any) -> list[str]:
    """The types that a model's tags know, sorted."""
    return sorted({split_tag(str(tag))[1] for tag in tags if tag != OUTSIDE} - {""})


def parts_of(text: str, entities: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A text in order, cut where entities begin and end; joined, the parts are the text."""
    parts: list[dict[str, Any]] = []
    at = 0
    for entity in sorted(entities, key=lambda one: one["start"]):
        parts.append({"text": text[at : entity["start"]], "entity": None})
        parts.append({"text": text[entity["start"] : entity["end"]], "entity": entity})
        at = entity["end"]
    parts.append({"text": text[at:], "entity": None})
    return [part for part in parts if part["text"]]
