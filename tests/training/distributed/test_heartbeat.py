"""Which other process is silent, by a store and a clock that the test holds."""

from __future__ import annotations

import pytest

from hfdl.training.distributed.heartbeat import SILENCE, Others, on_several_machines


class Store:
    """As torch's, in memory; ``broken`` makes it fail as one whose machine is gone."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.broken = False

    def set(self, key: str, value: str) -> None:
        if self.broken:
            raise RuntimeError("Broken pipe")
        self.held[key] = value.encode()

    def check(self, keys: list[str]) -> bool:
        return all(key in self.held for key in keys)

    def get(self, key: str) -> bytes:
        return self.held[key]


def beat(one: Others, second: float, word: str = "") -> str | None:
    one.ask(word or str(second), second)
    return one.silent(second)


def test_who_beats_is_there_and_who_stops_is_named() -> None:
    store = Store()
    watchers = [Others(store, rank, 3, 0.0) for rank in range(3)]
    for second in range(0, 100, 3):
        assert [beat(one, second) for one in watchers] == [None] * 3
    said = None
    for second in range(102, 150, 3):
        said = said or beat(watchers[0], second)
        beat(watchers[1], second)
    assert said == "process 2 has not been heard of for 42 s"


def test_one_that_has_ended_well_may_be_silent() -> None:
    store = Store()
    here, other = Others(store, 0, 2, 0.0), Others(store, 1, 2, 0.0)
    assert beat(other, 1.0, "done") is None
    assert beat(here, 2.0) is None
    assert beat(here, 2.0 + 100 * SILENCE) is None


def test_one_that_never_came_is_named_too() -> None:
    here = Others(Store(), 1, 2, 0.0)
    assert beat(here, SILENCE - 1) is None
    assert beat(here, SILENCE + 1) == "process 0 has not been heard of for 41 s"


def test_the_machine_of_the_store_is_gone() -> None:
    store = Store()
    here, other = Others(store, 1, 2, 0.0), Others(store, 0, 2, 0.0)
    for second in range(0, 30, 3):
        assert (beat(other, second), beat(here, second)) == (None, None)
    store.broken = True
    assert beat(here, 60.0) is None
    assert beat(here, 70.0) == "the first machine has not answered for 43 s"


@pytest.mark.parametrize(
    ("environment", "several"),
    [
        ({}, False),
        ({"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}, False),
        ({"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "1"}, True),
        ({"WORLD_SIZE": "2"}, True),
        ({"WORLD_SIZE": "2", "HFDL_MEETING_FILE": "/x"}, False),
    ],
    ids=str,
)
def test_it_is_for_several_machines(
    environment: dict[str, str], several: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE", "HFDL_MEETING_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert on_several_machines() is several
