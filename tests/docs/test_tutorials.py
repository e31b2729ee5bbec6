"""Every tutorial runs, says nothing that it did not compute, and is found from the index."""

from __future__ import annotations

import pytest
from helpers import tutorial_pages
from helpers.tutorial_pages import FOLDER, Cell, Prose, pages, parts

COUNT = 14
# Minutes of training: kept for -m slow, and sphinx-build runs them with their assertions as well.
LONG = ("fine-tuning", "comparing")
RUN = [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in pages()]


def test_the_index_lists_every_page_once() -> None:
    listed = pages()
    assert len(listed) == len(set(listed)) == COUNT
    assert set(LONG) <= set(listed)
    assert sorted(listed) == sorted(p.stem for p in FOLDER.glob("*.md") if p.stem != "index")


@pytest.mark.parametrize("name", RUN)
def test_a_page_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib

    matplotlib.use("Agg")
    monkeypatch.chdir(FOLDER)  # as Sphinx runs it
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with matplotlib.rc_context():
        left = tutorial_pages.run(name)
    assert left["__figures__"] >= 1, "no plot"
    assert left["__asked__"] >= 1, "no sentence says what was computed"


@pytest.mark.parametrize("name", pages())
def test_no_sentence_states_a_figure_that_was_not_computed(name: str) -> None:
    found = list(parts(name))
    assert sum(isinstance(part, Cell) for part in found) >= 3
    stated = [(part.line, part.stated) for part in found if isinstance(part, Prose) and part.stated]
    assert not stated


@pytest.mark.parametrize("name", pages())
def test_no_cell_ends_with_a_semicolon(name: str) -> None:
    """IPython would keep silent what the sentences below it ask for."""
    cells = [part for part in parts(name) if isinstance(part, Cell)]
    assert not [cell.line for cell in cells if cell.code.rstrip().endswith(";")]


def test_a_stated_figure_is_seen(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A negative control: what the test above must find, and what it must pass over."""
    page = """---
file_format: mystnb
---

# 100 things

It is 0.25, or 17 %, or 4096. Not so: {eval}`f"{x:.2f}"`, $x = 0.5$, `Dense(784, 128)`, (Kim 2014),
[the paper](https://arxiv.org/abs/1408.5882).

```{code-cell}
x = 0.125
```

```text
0.75
```
"""
    (tmp_path / "page.md").write_text(page, encoding="utf-8")
    monkeypatch.setattr(tutorial_pages, "FOLDER", tmp_path)
    prose = [part for part in parts("page") if isinstance(part, Prose)]
    assert [part.stated for part in prose] == [("0.25", "17 %", "4096"), ()]
    assert prose[0].asked == ('f"{x:.2f}"',)
