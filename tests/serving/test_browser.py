"""The page at /docs as a browser shows it, behind a key."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.browser import chromium
from helpers.server_process import server

pytestmark = pytest.mark.needs_browser
KEY = "correct-horse"


def test_the_page_opens_and_answers_with_the_key(trained: Path, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY, encoding="utf-8")
    with server(trained, "--api-key-file", str(file)) as running, chromium() as browser:
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.set_default_timeout(20_000)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{running.url}/docs")
        page.get_by_label("Key").fill("another")
        page.get_by_role("button", name="Open").click()
        page.get_by_text("It is another key.").wait_for()
        page.get_by_label("Key").fill(KEY)
        page.get_by_role("button", name="Open").click()
        page.get_by_role("heading", name="Parameters").wait_for()
        page.get_by_role("button", name="Send").click()
        page.locator("#answer", has_text="label").wait_for()
        assert page.locator("#answer").inner_text().startswith("200")
        assert running.url in page.locator("pre", has_text="curl").inner_text()
        assert "${URL}" not in page.locator("body").inner_text()
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390
    assert all(url.startswith((running.url, "data:")) for url in asked)
