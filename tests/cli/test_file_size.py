"""Sizes of files as commands print them."""

from __future__ import annotations

import pytest

from hfdl.cli.printing.text import file_size


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (38_400, "38.4 kB"), (91_700_000, "91.7 MB"),
        (2_500_000_000, "2.5 GB"), (7_000_000_000_000, "7000.0 GB"),
    ],
)  # fmt: skip
def test_in_the_largest_unit_of_which_there_is_one(count: int, text: str) -> None:
    assert file_size(count) == text
