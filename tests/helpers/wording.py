"""The snapshot of error messages: ``tests/error_messages.txt`` holds each one's whole wording.

A test says ``assert_wording(caught.value)``; the sentence stands in the snapshot under the test's
id, so that a rewording is one reviewed diff of one file: ``pytest -n 0 --update-wording TESTS``.
Paths below pytest's temporary folder are written ``<tmp>``.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

SNAPSHOT = Path(__file__).resolve().parents[1] / "error_messages.txt"


def read_snapshot() -> dict[str, str]:
    """From each key, ``tests/x.py::test_name[case] #n``, to its message."""
    messages: dict[str, str] = {}
    for entry in SNAPSHOT.read_text(encoding="utf-8").split("\n## ")[1:]:
        key, _, message = entry.partition("\n")
        messages[key] = message.rstrip("\n")
    return messages


def write_snapshot(messages: dict[str, str]) -> None:
    """Keys in order, so that a diff shows only what changed."""
    entries = "".join(f"\n## {key}\n{messages[key]}\n" for key in sorted(messages))
    SNAPSHOT.write_text(_HEADER + entries, encoding="utf-8")


class Wordings:
    """The snapshot in one session of pytest; under ``--update-wording`` what will replace it."""

    def __init__(self, base: Path, update: bool) -> None:
        self.base, self.update = base, update
        self.messages = read_snapshot()
        self.times: Counter[str] = Counter()
        self.recorded: dict[str, str] = {}

    def check(self, test: str, message: str) -> None:
        """Compare a message with the next entry of the test ``test``, or record it."""
        self.times[test] += 1
        key = test if self.times[test] == 1 else f"{test} #{self.times[test]}"
        base = re.escape(str(self.base))
        message = re.sub(base + r"/[^/\s'\",;:)]+", "<tmp>", message)
        if self.update:
            self.recorded[key] = message
            return
        assert key in self.messages, f"no wording of {key}; record it with --update-wording"
        assert message == self.messages[key]

    def write(self) -> None:
        """Write what was recorded; other entries of the same test modules are dropped."""
        modules = {key.partition("::")[0] for key in self.recorded}
        kept = {k: m for k, m in self.messages.items() if k.partition("::")[0] not in modules}
        write_snapshot(kept | self.recorded)


def assert_wording(error: BaseException) -> None:
    """The message of ``error`` is the one in the snapshot under the running test's id."""
    test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" (")[0]
    _session[0].check(test, str(error))


@pytest.fixture(scope="session", autouse=True)
def wordings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Reads the snapshot before the tests, and writes it behind them under ``--update-wording``."""
    update = request.config.getoption("--update-wording")
    if update and hasattr(request.config, "workerinput"):
        pytest.fail("--update-wording collects in one process: add -n 0")
    _session[:] = [Wordings(tmp_path_factory.getbasetemp(), update)]
    yield
    if update:
        _session[0].write()


_session: list[Wordings] = []
_HEADER = (
    "# The wording of error messages, by test. Written by: pytest -n 0 --update-wording TESTS\n"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-wording", action="store_true", help="record error messages in the snapshot"
    )
