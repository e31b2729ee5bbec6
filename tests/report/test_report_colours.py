"""Colours of text on the pages, against WCAG 2.1's contrast of 4.5, in light and dark."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

CSS = (files("hfdl.report") / "report.css").read_text(encoding="utf-8")
LIGHT, DARK = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2]


def colours(theme: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", theme))


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["page", "card"])
@pytest.mark.parametrize("name", ["ink", "muted", "accent", "good", "bad"])
def test_text_stands_out(theme: str, ground: str, name: str) -> None:
    found = colours(theme)
    pair = sorted(luminance(found[one]) for one in (name, ground))
    assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5
