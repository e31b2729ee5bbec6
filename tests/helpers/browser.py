"""A headless Chromium that types and clicks, and what it saw of the network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


def why_no_browser() -> str | None:
    """Why no browser can be driven here; None: one can."""
    try:
        import playwright  # noqa: F401
    except ImportError:
        return "playwright is not installed"
    return None if BROWSER else "there is no chromium on the path"


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser of playwright's, the machine's own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Panel:
    """A tab of the demo's page, as its reader sees it."""

    root: Any

    def text(self) -> Any:
        return self.root.locator(".hfdl-text textarea").first

    def answer(self, column: int = 0) -> Any:
        """The answer of a model, from the left."""
        return self.root.locator(".block.hfdl-answers").nth(column)

    def attention(self, column: int = 0) -> Any:
        """The attention view within its frame, once it is drawn."""
        place = self.root.locator(".block.hfdl-views").nth(column)
        place.locator("iframe:not([data-old])").wait_for()
        frame = place.frame_locator("iframe")
        frame.locator("main").wait_for()
        return frame

    def mark_old(self) -> None:
        """Mark what is shown now, so that a new answer can be waited for."""
        self.root.locator(".hfdl-answers *, .hfdl-views *").evaluate_all(
            "(all) => all.forEach((one) => one.setAttribute('data-old', ''))"
        )

    def press(self, columns: int = 1, wait: str = "[data-kind]") -> None:
        """Press the button, and wait for what is looked for in the new answers."""
        self.mark_old()
        self.root.locator("button.primary").click()
        for column in range(columns):
            self.answer(column).locator(wait).locator(
                "xpath=self::*[not(@data-old)]"
            ).first.wait_for()

    def ask(self, text: str, *, columns: int = 1, wait: str = "[data-kind]") -> None:
        """Type a text, press the button, and wait for what is looked for in the answers."""
        self.text().fill(text)
        self.press(columns, wait)

    def option(self, label: str, value: str) -> None:
        """Set a slider or a number, its fold opened."""
        box = self.root.get_by_label(label).and_(self.root.locator("input[type=number]")).first
        if not box.is_visible():
            self.root.get_by_role("button", name="Options").click()
            box.wait_for()
            # Gradio mounts what a fold holds when it opens, and what is typed before that is lost.
            self.root.page.wait_for_timeout(500)
        box.fill(value)
        box.press("Tab")


@dataclass
class Watched:
    """A page, every address that it asked for, and what its console complained of."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @classmethod
    @contextmanager
    def opened(cls, browser: Any, url: str, **options: Any) -> Iterator[Watched]:
        """A window of its own, as another reader has it."""
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(20_000)
        watched = cls(context.new_page())
        watched.page.on("request", lambda request: watched.requests.append(request.url))
        watched.page.on("pageerror", lambda error: watched.complaints.append(str(error)))
        watched.page.on(
            "console",
            lambda m: watched.complaints.append(m.text) if m.type == "error" else None,
        )
        watched.page.on("dialog", lambda dialog: watched.complaints.append(dialog.message))
        watched.page.goto(url)
        watched.page.locator("button.primary:visible").wait_for()
        watched.page.wait_for_timeout(300)  # tabs that do not fit go into their menu
        try:
            yield watched
        finally:
            context.close()

    def titles(self) -> list[str]:
        """The tabs, those too that a narrow window has in a menu."""
        self.page.get_by_role("tab").first.wait_for()
        return self.page.locator(".hfdl-tabs > .tab-wrapper > [aria-hidden] button").evaluate_all(
            "(all) => all.map((one) => one.textContent)"
        )

    def tab(self, title: str) -> Panel:
        """Go to a tab."""
        tab = self.page.get_by_role("tab", name=title, exact=True)
        if not tab.is_visible():
            self.page.get_by_label("More tabs").click()
            tab = self.page.locator(".overflow-dropdown").get_by_text(title, exact=True)
        tab.click()
        root = self.page.locator("[role=tabpanel]:visible")
        root.locator("button.primary").wait_for()
        return Panel(root)
