"""A page as a phone shows it: headless Chromium, 390 pixels wide."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WIDTH = 390
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)

# A window is never narrower than 500 pixels, a frame may be.
_FRAME = """<!DOCTYPE html>
<iframe id="page" src="{page}" style="width: {width}px; height: 2000px; border: 0"></iframe>
<p id="found"></p>
<script>
onload = async () => {{
  const view = document.getElementById("page").contentWindow, seen = view.document;
  for (const fold of seen.querySelectorAll("details")) fold.open = true;
  await new Promise((go) => setTimeout(go, 3000));  // of the browser's own time, which flies
  // What scrolls is known a frame after it is laid out, on a busy machine some time later.
  const hint = (box) => parseFloat(view.getComputedStyle(box, "::before").fontSize);
  const late = () => [...seen.querySelectorAll(".scroll")].some((box) =>
    box.scrollWidth > box.clientWidth && !hint(box));
  for (let i = 0; i < 12 && late(); i++) await new Promise((go) => setTimeout(go, 500));
  const width = seen.documentElement.clientWidth;
  const name = (e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") +
    (e.className && e.className.baseVal === undefined ? "." + e.className : "");
  const boxes = [...seen.querySelectorAll(".scroll")].map((box) => ({{
    name: name(box),
    wide: box.scrollWidth > box.clientWidth,
    inside: box.getBoundingClientRect().right <= width + 0.5,
    hint: hint(box),
    says: view.getComputedStyle(box, "::before").content,
  }}));
  const cut = [...seen.body.querySelectorAll("*")].filter((e) =>
    !e.closest(".scroll") && !e.closest("svg > *") && e.getBoundingClientRect().width &&
    e.getBoundingClientRect().right > width + 0.5).map(name);
  const loose = [...seen.querySelectorAll("table")].filter((e) =>
    !e.closest(".scroll") && view.getComputedStyle(e).tableLayout !== "fixed").map(name);
  const tables = [...seen.querySelectorAll("table")].filter((e) => e.rows.length).length;
  document.getElementById("found").textContent = JSON.stringify(
    {{width, page: seen.documentElement.scrollWidth, boxes, cut, loose, tables}});
}};
</script>"""


@dataclass(frozen=True)
class Seen:
    """What a phone shows of a page.

    Args:
        width: of the window, without a scroll bar.
        page: of everything; more than ``width``: the page as a whole moves sideways.
        boxes: what scrolls by itself: whether its content is wider, whether the box itself is
            inside of the window, and the size and words of its hint.
        cut: elements beyond the right edge that are in no such box.
        loose: tables that are in no such box and take the room that they like.
        tables: how many tables have rows.
    """

    width: int
    page: int
    boxes: tuple[dict, ...]
    cut: tuple[str, ...]
    loose: tuple[str, ...]
    tables: int


def look(page: Path, folder: Path, *, width: int = WIDTH) -> Seen:
    """Open a page with all its folds open.

    Args:
        page: an HTML file.
        folder: for the frame around it.
        width: of the screen, in CSS pixels.
    """
    frame = folder / f"phone-{page.parent.name}-{page.stem}.html"
    source = html.escape(page.resolve().as_uri(), quote=True)
    frame.write_text(_FRAME.format(page=source, width=width), encoding="utf-8")
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
        f"--user-data-dir={folder / 'browser'}", "--virtual-time-budget=10000", "--dump-dom",
        frame.resolve().as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'<p id="found">(.+?)</p>', done.stdout)
    assert found is not None, f"the page was not read: {done.stdout[-500:]} {done.stderr[-500:]}"
    values = json.loads(html.unescape(found[1]))
    made: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return Seen(**made)
