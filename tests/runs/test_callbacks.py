"""Callbacks of a recipe: what may be one, and what is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.wording import assert_wording

from hfdl.errors import ConfigError
from hfdl.runs.callbacks import load_callbacks
from hfdl.training.events import Noted

OWN = """
from transformers import TrainerCallback

heard = []


def listen(event):
    heard.append(("function", event.kind))


class Listener:
    def __init__(self, words="class"):
        self.words = words

    def __call__(self, event):
        heard.append((self.words, event.kind))


instance = Listener("instance")


class OfTheTrainer(TrainerCallback):
    pass


class Needs:
    def __init__(self, words):
        pass


class Silent:
    pass


def two(event, state):
    pass


def generator(event):
    yield event


async def coroutine(event):
    pass


class Coroutine:
    async def __call__(self, event):
        pass


number = 1
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    file = tmp_path / "callbacks.py"
    file.write_text(OWN, encoding="utf-8")
    return file


def test_functions_classes_and_objects_are_called_in_order(own: Path) -> None:
    made = load_callbacks([f"{own}:{name}" for name in ("listen", "Listener", "instance")])
    for callback in made:
        callback(Noted("x"))
    heard = made[0].__globals__["heard"]  # pyright: ignore[reportFunctionMemberAccess]
    assert heard == [("function", "note"), ("class", "note"), ("instance", "note")]


NONE = [
    "OfTheTrainer", "Needs", "Silent", "two", "number", "lisen", "generator", "coroutine",
    "Coroutine",
]  # fmt: skip


@pytest.mark.parametrize("name", NONE)
def test_what_is_no_callback_is_refused(name: str, own: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_callbacks([f"{own}:{name}"])
    assert_wording(caught.value)
