"""The picture in docs/demo.md: ``python docs/examples/picture_of_demo.py RUN [RUN ...]``.

It needs the extra demo, playwright, a Chromium on the path, and pillow, which comes with Gradio.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from hfdl.demo.launch import launch

TEXT = "The plot is thin, but I smiled all the way home."
PICTURE = Path(__file__).parents[1] / "_static" / "demo.png"
COLOURS = 64
"""Enough for a page of few colours, and a third of the bytes."""


def picture(url: str) -> bytes:
    """The page with an answer, as png."""
    browser_file = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_file, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.goto(url)
        page.locator(".hfdl-text textarea").first.fill(TEXT)
        page.locator("button.primary").click()
        page.frame_locator("iframe").first.locator("main").wait_for()
        page.wait_for_timeout(1000)
        taken = page.screenshot()
        browser.close()
    return taken


def main(runs: list[str]) -> None:
    """Serve the runs, and keep a picture of their page."""
    with launch(runs, port=0) as demo:
        taken = picture(demo.url)
    image = Image.open(io.BytesIO(taken)).convert("RGB")
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(PICTURE, optimize=True)
    sys.stdout.write(f"saved {PICTURE}: {PICTURE.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main(sys.argv[1:])
