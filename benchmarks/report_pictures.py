"""The pictures of docs/index.md and docs/reports.md, taken by a headless Chromium.

    python benchmarks/report_pictures.py docs/_static

In the working directory are the runs that docs/reports.md names: runs/sentiment, runs/mine,
runs/ner. A picture whose runs are not there is left as it is.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any, Literal

from PIL import Image

Shot = tuple[str, tuple[str, ...], str, int, int, Literal["light", "dark"]]
SHOTS: tuple[Shot, ...] = (
    ("first-report-light.png", ("runs/sentiment",), "", 900, 475, "light"),
    ("first-report-dark.png", ("runs/sentiment",), "", 900, 475, "dark"),
    ("report-figures.png", ("runs/sentiment",), "figures", 900, 520, "light"),
    ("report-entities.png", ("runs/ner",), "examples", 900, 560, "light"),
    ("report-side-by-side.png", ("runs/sentiment", "runs/mine"), "test", 900, 620, "dark"),
)
"""File, runs, section (none: the top of the page), width, height at most, colour scheme."""


def main() -> None:
    """Write the pages and take each picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("docs/_static"))
    target = parser.parse_args().folder
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started, tempfile.TemporaryDirectory() as folder:
        browser = started.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=["--no-sandbox"],
        )
        for name, runs, section, width, height, scheme in SHOTS:
            if not all(Path(run).is_dir() for run in runs):
                continue
            page = write_page(runs, Path(folder) / "page.html")
            context = browser.new_context(
                viewport={"width": width, "height": 900}, color_scheme=scheme
            )
            take(context.new_page(), page, section, height, target / name)
            context.close()
        browser.close()


def write_page(runs: tuple[str, ...], page: Path) -> Path:
    """The report of one run, or of several."""
    from hfdl.report import write_report, write_side_by_side

    return write_report(runs[0], page) if len(runs) == 1 else write_side_by_side(runs, page)


def take(view: Any, page: Path, section: str, height: int, picture: Path) -> None:
    """One section of a page, or its top, cut to a height, with as few colours as it needs."""
    view.goto(page.as_uri())
    box = view.query_selector(f"#{section}" if section else "body").bounding_box()
    clip = {**box, "x": 0, "width": view.viewport_size["width"],
            "height": min(box["height"], height)}  # fmt: skip
    view.screenshot(path=picture, full_page=True, clip=clip)
    with Image.open(picture) as taken:
        small = taken.convert("RGB").quantize(64)
    small.save(picture, optimize=True)
    print(f"{picture}: {picture.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
