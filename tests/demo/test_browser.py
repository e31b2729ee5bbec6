"""``hfdl demo`` as its users meet it: the real command, a real browser that types and clicks."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.browser import PHONE, Watched, chromium
from helpers.processes import start

import hfdl

pytestmark = pytest.mark.needs_browser
# hfdl, with a note of every other machine that it looks up or connects to.
SPY = """
import sys
def look(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        place = args[-1] if event in ("socket.connect", "socket.sendto") else args
        if not str(place[0]).startswith("127.0.0.1"):
            print("REACHED", event, place, file=sys.stderr, flush=True)
sys.addaudithook(look)
from hfdl.cli import main
main()
"""
MARKUP = '<script>ran=1</script><img src="/x" onerror="ran=2">&amp;'
RUNS = "Classify: run, of-words"
SHOWN = [
    "run",
    "bag",
    "other",
    "several",
    "tagger",
    "masked",
    "slow_writer",
    "translator",
    "embedder",
]


@pytest.fixture(scope="module")
def served(models: dict[str, Path]) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a page of all kinds of models, and the process that serves it."""
    folders = [str(models[kind]) for kind in SHOWN]
    process = start([sys.executable, "-P", "-c", SPY, "demo", *folders, "--port", "0"])
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.fullmatch(r"serving at (http://127\.0\.0\.1:\d+) \(Ctrl-C ends it\)\n", line)
    if found is None:
        process.kill()
        pytest.fail(f"{line!r} {process.communicate()[1]}")
    yield found[1], process
    process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def desktop(browser: Any, served: tuple[str, Any]) -> Iterator[Watched]:
    """One window for all tests; they choose the tab that they need."""
    with Watched.opened(browser, served[0]) as page:
        yield page


def scores(panel: Any, column: int = 0) -> list[float]:
    return [float(one) for one in panel.answer(column).locator("[data-score]").evaluate_all(
        "(all) => all.map((one) => one.dataset.score)")]  # fmt: skip


@pytest.fixture(scope="module")
def pipe(models: dict[str, Path]) -> Callable[[str], Any]:
    return lambda kind: hfdl.pipeline(model=models[kind])


def test_labels_of_two_runs_and_the_attention_of_one(desktop: Watched, pipe) -> None:
    panel = desktop.tab(RUNS)
    panel.ask("what a good film", columns=2)
    for column, kind in enumerate(["run", "bag"]):
        expected = pipe(kind)("what a good film", top_k=None)
        assert scores(panel, column) == [one["score"] for one in expected]
    frame = panel.attention()
    assert frame.locator("#words li").all_inner_texts() == [
        "[CLS]", "what", "a", "good", "film", "[SEP]",
    ]  # fmt: skip
    frame.locator("#layer").select_option("1")
    assert "Layer 1" in frame.locator("#words-title").inner_text()
    bag = panel.root.locator(".block.hfdl-views").nth(1)
    assert "of-words has no attention to show" in bag.inner_text()


def test_an_example_fills_the_text_and_shift_enter_asks(desktop: Watched, models) -> None:
    panel = desktop.tab(RUNS)
    panel.root.locator(".gallery-item, button.gallery, .example").first.click()
    desktop.page.wait_for_function(
        "() => [...document.querySelectorAll('.hfdl-text textarea')]"
        ".some((box) => box.value && box.value !== 'what a good film')"
    )
    chosen = panel.text().input_value()
    assert chosen in (models["run"] / "predictions.jsonl").read_text(encoding="utf-8")
    panel.mark_old()
    panel.text().press("Shift+Enter")
    panel.answer().locator("[data-kind]:not([data-old])").wait_for()


def test_two_models_side_by_side_read_one_text(desktop: Watched, models, pipe) -> None:
    panel = desktop.tab(f"Classify: {models['other'].name}, {models['several'].name}")
    panel.ask("the book was long", columns=2)
    for column, kind in enumerate(["other", "several"]):
        expected = pipe(kind)("the book was long", top_k=None)
        assert scores(panel, column) == [one["score"] for one in expected]
    names = panel.root.locator("h2").all_inner_texts()
    assert names == [models["other"].name, models["several"].name]
    boxes = [panel.answer(column).bounding_box() for column in (0, 1)]
    assert boxes[0]["y"] == boxes[1]["y"]
    assert boxes[0]["x"] < boxes[1]["x"]


def test_entities_are_coloured_and_markup_is_text(desktop: Watched, pipe) -> None:
    panel = desktop.tab("Entities")
    panel.ask(MARKUP)
    tagged = panel.answer().locator(".hfdl-tagged")
    found = tagged.locator("mark").evaluate_all(
        "(all) => all.map((m) => [m.dataset.type, +m.dataset.score,"
        " m.firstChild.textContent, getComputedStyle(m).backgroundColor])"
    )
    expected = pipe("tagger")(MARKUP, aggregation_strategy="viterbi")
    assert expected
    assert [tuple(one[:3]) for one in found] == [
        (one["entity_group"], one["score"], MARKUP[one["start"] : one["end"]]) for one in expected
    ]
    colours = {one[0]: one[3] for one in found}
    assert len(set(colours.values())) == len(colours)
    text = tagged.evaluate(
        "(p) => { const c = p.cloneNode(true);"
        " c.querySelectorAll('small').forEach((s) => s.remove()); return c.textContent; }"
    )
    assert text == MARKUP
    desktop.page.wait_for_timeout(200)
    assert desktop.page.evaluate("window.ran") is None
    assert desktop.page.locator("img[src='/x']").count() == 0
    assert panel.attention().locator("img").count() == 0


def test_a_button_puts_the_mask_where_the_cursor_is(desktop: Watched, pipe) -> None:
    panel = desktop.tab("Fill masks")
    panel.ask("no mask here", wait="[role=status]")
    assert "Put [MASK] where" in panel.answer().inner_text()
    text = panel.text()
    text.fill("what a  film")
    text.evaluate("(box) => box.setSelectionRange(7, 7)")
    panel.root.get_by_role("button", name="Insert [MASK]").click()
    desktop.page.wait_for_function(
        "() => document.querySelector('#hfdl-masked-text textarea').value === 'what a [MASK] film'"
    )
    panel.press()
    expected = pipe("masked")("what a [MASK] film")
    assert scores(panel) == [one["score"] for one in expected]


def test_a_text_is_written_while_one_looks_and_can_be_stopped(desktop: Watched, pipe) -> None:
    panel = desktop.tab("Write")
    panel.option("Most new tokens", "250")
    panel.text().fill("what a")
    panel.root.get_by_role("button", name="Write").click()
    written = panel.answer().locator(".hfdl-new")
    lengths = []
    for _ in range(3):
        seen = len(written.inner_text()) if written.count() else 0
        desktop.page.wait_for_function(
            f"() => (document.querySelector('.hfdl-new')?.innerText.length ?? 0) > {seen}"
        )
        lengths.append(len(written.inner_text()))
    panel.root.get_by_role("button", name="Stop").click()
    desktop.page.wait_for_timeout(700)
    stopped = written.inner_text()
    desktop.page.wait_for_timeout(500)
    assert written.inner_text() == stopped
    assert lengths == sorted(set(lengths))
    whole = pipe("slow_writer")("what a", max_new_tokens=250, do_sample=False)
    assert whole[0]["generated_text"].startswith("what a" + stopped)
    assert len(whole[0]["generated_text"]) > len("what a" + stopped)


def test_options_of_writing_and_an_error_after_which_the_page_goes_on(desktop, pipe) -> None:
    panel = desktop.tab("Write")
    panel.option("Most new tokens", "12")
    panel.option("Temperature", "0.9")
    panel.option("Seed", "4")
    panel.ask("what a good film " * 300, wait="[role=alert]")
    assert "shorten the prompt" in panel.answer().inner_text().lower()
    panel.ask("it is", wait=".hfdl-new")
    panel.attention()
    (expected,) = pipe("slow_writer")(
        "it is", max_new_tokens=12, do_sample=True, temperature=0.9, top_p=1.0, seed=4,
        return_full_text=False,
    )  # fmt: skip
    assert panel.answer().locator(".hfdl-new").text_content() == expected["generated_text"]


def test_translations_and_similarities(desktop: Watched, pipe) -> None:
    panel = desktop.tab("Translate")
    panel.ask("she went to the park", wait=".hfdl-new")
    (expected,) = pipe("translator")("she went to the park")
    assert panel.answer().locator(".hfdl-new").text_content() == expected["translation_text"]
    assert panel.attention().locator("[role=tab]").count() == 3
    panel = desktop.tab("Compare texts")
    panel.ask("what a good film\nbad")
    similar = pipe("embedder")("what a good film", ["what a good film", "bad"])
    assert scores(panel)[:2] == pytest.approx(similar, abs=1e-6)


def test_two_people_at_once(browser: Any, served, pipe) -> None:
    prompts = ["the book was long", "bad"]
    with Watched.opened(browser, served[0]) as one, Watched.opened(browser, served[0]) as other:
        panels = [page.tab("Write") for page in (one, other)]
        for panel, prompt in zip(panels, prompts, strict=True):
            panel.option("Most new tokens", "40")
            panel.text().fill(prompt)
        for panel in panels:
            panel.root.get_by_role("button", name="Write").click()
        for panel, prompt in zip(panels, prompts, strict=True):
            panel.attention()
            (expected,) = pipe("slow_writer")(
                prompt, max_new_tokens=40, do_sample=False, return_full_text=False
            )
            new = panel.answer().locator(".hfdl-new").text_content()
            assert new == expected["generated_text"]


def test_nothing_moves_sideways_on_a_phone(browser: Any, served) -> None:
    with Watched.opened(browser, served[0], **PHONE) as phone:
        for title in phone.titles():
            panel = phone.tab(title)
            text = "a [MASK] " + "long" * 60 if title == "Fill masks" else "what a\n" + "long" * 60
            panel.ask(text, wait="[data-kind], [role=alert]")
            wide = phone.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert wide[0] <= wide[1] == 390, title
            cut = panel.root.evaluate(
                "(root) => [...root.querySelectorAll('*')].filter((e) => !e.closest('.hfdl-scroll')"
                " && e.getBoundingClientRect().right > innerWidth + 0.5).map((e) => e.className)"
            )
            assert cut == [], title
        columns = phone.tab(phone.titles()[1])
        boxes = [columns.answer(column).bounding_box() for column in (0, 1)]
        assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]


def test_the_page_asks_nobody_but_this_computer(desktop: Watched, served) -> None:
    """Requests of all the tests before, too: to this server, and none refused by the policy."""
    hosts = {url.split("/")[2] for url in desktop.requests if url.startswith("http")}
    assert hosts == {served[0].removeprefix("http://")}
    assert len(desktop.requests) > 20
    assert desktop.complaints == []


def test_ctrl_c_ends_it_at_once_in_the_middle_of_an_answer(desktop: Watched, served) -> None:
    panel = desktop.tab("Write")
    panel.option("Most new tokens", "250")
    panel.text().fill("what a")
    panel.root.get_by_role("button", name="Write").click()
    panel.answer().locator(".hfdl-new").wait_for()
    process = served[1]
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=5)
    assert process.returncode == 130
    assert stdout == ""
    assert "Traceback" not in stderr
    assert "REACHED" not in stderr
