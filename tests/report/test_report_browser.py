"""A browser opens pages whose texts, labels and names try to run: nothing does."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import phone

from hfdl.report import write_report, write_side_by_side

from .conftest import MULTI, FakeRun

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(not phone.BROWSER, reason="no Chromium")

ATTACKS = (
    "<script>window.ran = 1</script>",
    "<img src=x onerror='window.ran = 2'>",
    '"><svg onload=window.ran=3>',
    "</style><script>window.ran = 4</script>",
    "</title><script>window.ran = 5</script>",
    "javascript:window.ran=6",
    "' onmouseover='window.ran=7' x='",
    "{{ 7 * 7 }}",
)
ALL = " ".join(ATTACKS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=phone.BROWSER, args=["--no-sandbox"])
        yield opened
        opened.close()


def hostile(folder: Path, **options: Any) -> Path:
    labels = [f"{ATTACKS[i]} {i}" for i in range(4)]
    run = FakeRun(labels=labels, model={"name": f"org/{ALL}"}, notes=[ALL], data={"train": ALL},
                  **options)  # fmt: skip
    for row in run.rows:
        row |= {"text": ALL, "text_pair": ALL, "where": f"{ALL}.csv, line {row['index']}"}
    return run.write(folder)


def of_task(folder: Path, task: str, metrics: dict[str, Any], row: dict[str, Any]) -> Path:
    folder.mkdir(parents=True)
    metrics = {"task": task, "test": {"loss": 1.0, "accuracy": 0.5, **metrics}}
    (folder / "recipe.yaml").write_text(json.dumps({"task": task, "model": {"name": ALL}}))
    (folder / "metrics.json").write_text(json.dumps({**metrics, "labels": ["O", f"B-{ALL}"]}))
    rows = [{"split": "test", "index": i, "where": ALL, **row} for i in range(4)]
    (folder / "predictions.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    sample = {"event": "samples", "step": 1, "samples": [{"prompt": ALL, "text": ALL}]}
    (folder / "log.jsonl").write_text(json.dumps(sample) + "\n")
    return folder


def several(folder: Path) -> Path:
    # A file name has no slash.
    runs = [hostile(folder / f"{i}{ATTACKS[1]}") for i in range(2)]
    return write_side_by_side(runs, folder / "page.html")


ASKED = {"loss": 1.0, "accuracy": 0.5, "tokens": 4}
TOKENS = [{"target": ALL, "prediction": ALL, "after": ALL, "loss": 3.0}]
PAGES: dict[str, Callable[[Path], Path]] = {
    "one label": lambda p: write_report(hostile(p / "run")),
    "several labels": lambda p: write_report(hostile(p / "run", problem_type=MULTI)),
    "entities": lambda p: write_report(of_task(
        p / "run", "token_classification", {"f1": 0.0},
        {"text": ALL, "tokens": ALL.split(), "label": ["O"] * len(ALL.split()),
         "prediction": [f"B-{ALL}"] * len(ALL.split())})),
    "causal": lambda p: write_report(of_task(
        p / "run", "causal_lm", {"perplexity": 2.7}, {"text": ALL, "costly": TOKENS, **ASKED})),
    "masked": lambda p: write_report(of_task(
        p / "run", "masked_lm", {"perplexity": 2.7}, {"text": ALL, "words": TOKENS, **ASKED})),
    "translation": lambda p: write_report(of_task(
        p / "run", "translation", {"chrf": 10.0},
        {"text": ALL, "label": ALL, "prediction": ALL, **ASKED})),
    "side by side": several,
}  # fmt: skip


@pytest.mark.parametrize("kind", PAGES)
def test_nothing_that_a_text_or_a_name_holds_runs(kind: str, browser: Any, tmp_path: Path) -> None:
    path = PAGES[kind](tmp_path)
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    faults: list[Any] = []
    page.on("pageerror", lambda fault: faults.append(fault))
    page.goto(path.as_uri())
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    for box in page.query_selector_all("h1, .details, td, p")[:40]:
        box.dispatch_event("mouseover")
    page.wait_for_timeout(200)
    assert page.evaluate("window.ran") is None
    assert page.evaluate("document.querySelectorAll('script, img, iframe, [onload]').length") == 0
    assert asked == [path.as_uri()]
    assert faults == []
    shown = page.inner_text("body")
    assert ATTACKS[1] in shown
    assert "49" not in shown.replace("49.", "")
    assert "This part is left out" not in shown
    page.close()


def test_what_runs_is_seen(browser: Any, tmp_path: Path) -> None:
    """A negative control: unescaped, the same texts do run."""
    (tmp_path / "bad.html").write_text(f"<p>{ALL}</p>", encoding="utf-8")
    page = browser.new_page()
    page.goto((tmp_path / "bad.html").as_uri())
    page.wait_for_timeout(200)
    assert page.evaluate("window.ran") is not None
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_schemes_and_a_printer_have_their_colours(
    scheme: str, browser: Any, tmp_path: Path
) -> None:
    path = write_report(FakeRun().write(tmp_path / "run"))
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(path.as_uri())
    colour = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(colour) == "rgb(18, 21, 26)"
    assert dark == (scheme == "dark")
    ink = page.evaluate("getComputedStyle(document.querySelector('figure svg path[style]')).stroke")
    assert ink != "rgb(4, 4, 4)"  # the placeholder
    page.emulate_media(media="print")
    assert page.evaluate(colour) == "rgb(246, 247, 249)"  # light on paper, whatever the screen
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    context.close()


def test_a_comparison_fits_the_paper(browser: Any, tmp_path: Path) -> None:
    """A browser shrinks what is wider than the sheet, and cuts off what is twice as wide."""
    more = {"matthews_correlation": 0.123, "precision": 0.12, "recall": 0.12, "f1_macro": 0.12}
    runs = [FakeRun().write(tmp_path / f"a-run-with-a-name-{name}") for name in "abc"]
    for folder in runs:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        metrics["test"] |= more
        (folder / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    path = write_side_by_side(runs, tmp_path / "several.html")
    page = browser.new_page(viewport={"width": 718, "height": 1047})  # A4, less its margins
    page.emulate_media(media="print")
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == 718
    page.close()


def test_headings_and_names_are_those_a_screen_reader_needs(browser: Any, tmp_path: Path) -> None:
    path = write_report(FakeRun(labels=["a", "b", "c"]).write(tmp_path / "run"))
    page = browser.new_page()
    page.goto(path.as_uri())
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - before <= 1 for before, later in itertools.pairwise(levels))
    unnamed = page.evaluate(
        "[...document.querySelectorAll('svg[role=img]')].filter(s => {"
        " const id = s.getAttribute('aria-labelledby');"
        " return !(id && document.getElementById(id)?.textContent); }).length"
    )
    assert unnamed == 0
    assert page.evaluate("document.querySelectorAll('svg[role=img]').length") >= 5
    headless = page.evaluate(
        "[...document.querySelectorAll('table')]"
        ".filter(table => !table.querySelector('th[scope=col]')).length"
    )
    assert headless == 0
    page.close()
