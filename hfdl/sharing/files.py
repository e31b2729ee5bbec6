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
from hfdl.report.card import Shown, card_text
from hfdl.report.private import private_paths, shared_words, without_paths
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
    """

    items: list[Item]
    reduced: list[str]
    card: str


def shared_files(files: Mapping[str, Path], run: RunRecord | None, shown: Shown) -> Shared:
    """Make of a run's files those that go.

    Args:
        files: by path in the repository.
        run: the run that left them; None: a model of another tool's.
        shown: what the card says of the place.

    Raises:
        HubError: a file that must be read is damaged.
    """
    paths = [] if run is None else [*private_paths(run.recipe)]
    items: list[Item] = []
    reduced: list[str] = []
    for name, file in files.items():
        if name == "README.md":
            continue
        item = Item(name, file)
        content = _content(name, file, paths)
        if content is not None and content != file.read_bytes():
            item = Item(name, content)
            reduced.append(name)
        items.append(item)
    card, kind = _card(files.get("README.md"), run, shown, paths)
    items.append(Item("README.md", card.encode()))
    return Shared(sorted(items, key=lambda item: item.path), reduced, kind)


def _content(name: str, file: Path, paths: list[str]) -> bytes | None:
    """What a file becomes; None: it stays, whatever is in it."""
    try:
        if name == "recipe.yaml":
            return _recipe(file.read_text(encoding="utf-8")).encode()
        if name in _JSON:
            return _json(file.read_bytes())
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


def _recipe(text: str) -> str:
    data = parse_document(text, "recipe.yaml").data
    if not any(True for _ in private_paths(data)):
        return text
    # Unchecked: a recipe that is checked names its own code by the place on this machine.
    return dump_values(without_paths(data), file="recipe.yaml")


def _json(content: bytes) -> bytes:
    """The JSON again; unchanged to the byte where it holds no path."""
    value = json.loads(content)
    if not any(True for _ in private_paths(value)):
        return content
    return (
        json.dumps(without_paths(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    ).encode()


def _card(
    file: Path | None, run: RunRecord | None, shown: Shown, paths: list[str]
) -> tuple[str, str]:
    """README.md: the author's own where there is one, else made from the run's figures."""
    there = None if file is None else file.read_text(encoding="utf-8")
    if there is not None and (run is None or there != card_text(run)):
        return _named(there, shown), "kept"
    if run is None:
        return plain_card(shown), "written"
    return card_text(_without_paths(run, paths), shown), "written"


def _named(text: str, shown: Shown) -> str:
    """An author's card, with the license and language that were given now."""
    from huggingface_hub import ModelCard

    if shown.license is None and not shown.language:
        return text
    card = ModelCard(text)
    given = {"license": shown.license, "language": [*shown.language] or None}
    for key, value in given.items():
        if value is not None:
            card.data[key] = value
    return str(card)


def _without_paths(run: RunRecord, paths: list[str]) -> RunRecord:
    events: list[dict[str, Any]] = [
        {**event, "text": shared_words(str(event["text"]), paths)} if "text" in event else event
        for event in run.events
    ]
    return replace(run, events=events)
