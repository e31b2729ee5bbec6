"""The files of a run as others are given them: without the paths of the machine that made them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hfdl.config.yaml import dump_values, parse_document
from hfdl.errors import HubError
from hfdl.hub.upload import Item
from hfdl.report.card import Shown, card_text, unsigned
from hfdl.report.private import private_paths, shared_words, without_excerpts, without_paths
from hfdl.report.record import RunRecord
from hfdl.sharing.plain_card import plain_card

_JSON = ("config.json", "tokenizer_config.json", "generation_config.json", "metrics.json",
         "adapter_config.json")  # fmt: skip
"""JSON files that can name a folder; those of a tokenizer's vocabulary are left as they are."""
_WORDS = ("log.jsonl", "report.html", "predictions.jsonl", "mistakes.jsonl")


@dataclass(frozen=True)
class Shared:
    """Files for others, and which of them were changed for that.

    Args:
        items: in the order of their paths.
        reduced: files in which paths became names.
        card: whether README.md was ``written`` now or ``kept`` as its author has it.
        card_names_paths: whether one that was kept names paths of this machine.
    """

    items: list[Item]
    reduced: list[str]
    card: str
    card_names_paths: bool


def shared_files(
    files: Mapping[str, Path], run: RunRecord | None, shown: Shown, given: Shown
) -> Shared:
    """Make of a run's files those that go.

    Args:
        files: by path in the repository.
        run: the run that left them; None: a model of another tool's.
        shown: what a card that is written says of the place.
        given: what was said now, which an author's own card is changed by.

    Raises:
        HubError: a file that must be read is damaged.
    """
    near = None if run is None else run.folder
    paths = [] if run is None else [*private_paths(run.recipe, near)]
    items: list[Item] = []
    reduced: list[str] = []
    for name, file in files.items():
        if name == "README.md":
            continue
        item = Item(name, file)
        content = _content(name, file, paths, near)
        if content is not None and content != file.read_bytes():
            item = Item(name, content)
            reduced.append(name)
        items.append(item)
    card, kind = _card(files.get("README.md"), run, shown, given, paths)
    items.append(Item("README.md", card.encode()))
    names_paths = kind == "kept" and shared_words(card, paths) != card
    return Shared(sorted(items, key=lambda item: item.path), reduced, kind, names_paths)


def _content(name: str, file: Path, paths: list[str], near: Path | None) -> bytes | None:
    """What a file becomes; None: it stays, whatever is in it."""
    try:
        if name == "recipe.yaml":
            return _recipe(file.read_text(encoding="utf-8"), near).encode()
        if name in _JSON:
            return _json(file.read_bytes(), near)
        if name in _WORDS:
            text = file.read_text(encoding="utf-8")
            return shared_words(text, paths).encode()
    except (UnicodeError, ValueError) as error:
        raise HubError(
            f"{name} cannot be read: {error}",
            where=str(file.parent),
            rule="paths of this machine are taken out of it before it goes",
            remedy="train or save the model again",
        ) from None
    return None


def _recipe(text: str, near: Path | None) -> str:
    data = parse_document(text, "recipe.yaml").data
    if not any(True for _ in private_paths(data, near)):
        return text
    # Unchecked: a recipe that is checked names its own code by the place on this machine.
    return dump_values(without_paths(data, near), file="recipe.yaml")


def _json(content: bytes, near: Path | None) -> bytes:
    """The JSON again; unchanged to the byte where it holds no path."""
    value = json.loads(content)
    if not any(True for _ in private_paths(value, near)):
        return content
    shown = without_paths(value, near)
    return (json.dumps(shown, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _card(
    file: Path | None, run: RunRecord | None, shown: Shown, given: Shown, paths: list[str]
) -> tuple[str, str]:
    """README.md: the author's own where there is one, else made from the run's figures."""
    if file is not None:
        there, is_as_written = unsigned(file.read_text(encoding="utf-8"))
        if run is None or not (is_as_written or there == card_text(run)):
            return _named(there, given), "kept"
    if run is None:
        return plain_card(shown), "written"
    return card_text(_without_paths(run, paths), shown), "written"


def _named(text: str, given: Shown) -> str:
    """An author's card, with the license and language that were given now."""
    from huggingface_hub import ModelCard

    if given.license is None and not given.language:
        return text
    card = ModelCard(text)
    for key, value in {"license": given.license, "language": [*given.language] or None}.items():
        if value is not None:
            card.data[key] = value
    return str(card)


def _without_paths(run: RunRecord, paths: list[str]) -> RunRecord:
    events: list[dict[str, Any]] = [
        {**event, "text": shared_words(without_excerpts(str(event["text"])), paths)}
        if "text" in event
        else event
        for event in run.events
    ]
    return replace(run, events=events)
