"""What errors of searches tell a user to type is typed, and works."""

from __future__ import annotations

import pytest
from helpers.remedies.paste import Case, check
from helpers.remedies.place import Place
from helpers.remedies.search_cases import CASES


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_is_typed_and_the_error_is_gone(place: Place, case: Case) -> None:
    check(place, case)
