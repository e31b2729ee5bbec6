"""The page and the pictures: what is in them, and what can never be."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hfdl.errors import OutputError
from hfdl.interpret.views import heatmap
from hfdl.interpret.views.page import STEPS, attention_page, packed
from hfdl.interpret.views.panel import Panel
from hfdl.interpret.views.tokens import readable_tokens

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
HOSTILE = (
    "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"\'`', "&lt;",
    "{{ 7*7 }}", "👩‍👩‍👧", "שלום", "\u202eabc", "◌\u0301", "\u2028", "$x^2$", "日本",
    "<!--", "]]>",
)  # fmt: skip
# What the page is made of; a text that became markup would add to it.
ELEMENTS = {
    "html", "head", "meta", "title", "style", "body", "header", "p", "h1", "bdi", "noscript",
    "main", "div", "label", "select", "fieldset", "legend", "canvas", "span", "section", "h2",
    "table", "script",
}  # fmt: skip


class Parsed(HTMLParser):
    """The elements, attributes and texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.elements[-1][0] if self.elements else "", []).append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def scripts(self) -> list[str]:
        return [text for text in self.texts["script"] if text.strip()]


def random_maps(layers: int, heads: int, t: int, s: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(seed)
    return tuple(generator.dirichlet(np.full(s, 0.2), (heads, t)) for _ in range(layers))


def make_panel(
    t: int = 3, s: int = 5, *, layers: int = 2, heads: int = 3, two: bool = False
) -> Panel:
    tokens = tuple(f"t{i}" for i in range(t))
    sources = tuple(f"s{i}" for i in range(s))
    compared = random_maps(layers, heads, t, s, seed=1) if two else None
    return Panel("cross", tokens, sources, random_maps(layers, heads, t, s), compared)


def page_of(panel: Panel, text: str = "a text", names: tuple[str, ...] = ("a/model",)) -> Parsed:
    return Parsed(attention_page([panel], names, text, start=(0, 0, None)))


def embedded(page: Parsed) -> dict[str, Any]:
    return json.loads(page.scripts[0])


def unpack(text: str, s: int) -> np.ndarray:
    """The page's own reading, written once more."""
    rows = []
    for line in text.split("."):
        digits = [LETTERS.index(letter) for letter in line]
        values = [64 * a + b for a, b in zip(digits[::2], digits[1::2], strict=True)]
        rows.append([*values, *[0] * (s - len(values))])
    return np.array(rows) / STEPS


# ---- the page ----------------------------------------------------------------------------------


def test_no_text_becomes_markup() -> None:
    count = len(HOSTILE)
    panel = Panel("encoder", HOSTILE, HOSTILE, random_maps(1, 2, count, count))
    text = " ".join(HOSTILE)
    page = page_of(panel, text, names=(HOSTILE[0], HOSTILE[1]))
    assert {tag for tag, _ in page.elements} == ELEMENTS
    assert len(page.named("script")) == len(page.scripts) == 2
    assert all(not name.startswith("on") for _, found in page.elements for name in found)
    assert embedded(page)["panels"][0]["tokens"] == list(HOSTILE)
    assert text in page.texts["p"]
    assert HOSTILE[0] in page.texts["bdi"]
    source = attention_page([panel], HOSTILE[:2], text, start=(0, 0, None))
    assert "<script>alert" not in source
    assert "<img" not in source
    assert source.count("<!--") == 0


def test_the_script_writes_no_markup() -> None:
    script = page_of(make_panel()).scripts[1]
    assert len(script) > 5000
    for danger in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(",
                   "Function(", "fetch(", "XMLHttpRequest", "WebSocket", "import(",
                   "http"):  # fmt: skip
        assert danger not in script


def test_the_page_loads_nothing_and_says_so() -> None:
    page = page_of(make_panel(), names=("m", "n"))
    for tag, attributes in page.elements:
        assert not {"src", "href", "srcset", "action", "data", "poster"} & set(attributes), tag
    (policy,) = [m["content"] for m in page.named("meta") if m.get("http-equiv")]
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for kind, source in (("script", page.scripts[1]), ("style", page.texts["style"][0])):
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "url(" not in page.texts["style"][0]
    assert "@import" not in page.texts["style"][0]


def test_the_page_can_be_read_by_a_machine() -> None:
    page = page_of(make_panel(), names=("base", "tuned"))
    assert page.named("html") == [{"lang": "en"}]
    assert page.texts["title"][0] == "Attention: base and tuned"
    ids = [found["id"] for _, found in page.elements if "id" in found]
    assert len(ids) == len(set(ids)) >= 15
    labels = [found["aria-labelledby"] for found in page.named("section")]
    assert len(labels) == 4
    assert set(labels) <= set(ids)
    wanted = set(re.findall(r'getElementById\("([^"]+)"\)', page.scripts[1]))
    assert len(wanted) >= 12
    assert wanted <= set(ids)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (7, 2)])
def test_weights_survive_the_page(size: tuple[int, int]) -> None:
    panel = make_panel(*size, two=True)
    found = embedded(page_of(panel, names=("a", "b")))["panels"][0]
    assert panel.compared is not None
    compared = 0
    for ours, layers in zip(found["maps"], (panel.layers, panel.compared), strict=True):
        for texts, heads in zip(ours, layers, strict=True):
            for text, head in zip(texts, heads, strict=True):
                np.testing.assert_allclose(unpack(text, size[1]), head, atol=0.5 / STEPS + 1e-12)
                compared += 1
    assert compared == 12
    divergences = panel.divergences()
    assert divergences is not None
    np.testing.assert_allclose(found["divergences"], divergences, atol=1e-6)


def test_packing_leaves_out_the_zeros_of_a_causal_row() -> None:
    causal = np.tril(np.ones((4, 4))) / np.arange(1, 5)[:, None]
    assert [len(row) for row in packed(causal).split(".")] == [2, 4, 6, 8]
    np.testing.assert_allclose(unpack(packed(causal), 4), causal, atol=0.5 / STEPS)
    assert packed(np.zeros((2, 3))) == "."
    assert packed(np.array([[1.0 + 1e-7, -1e-9]])) == "__"


def test_a_large_page_stays_small() -> None:
    """12 layers of 12 heads over 128 tokens, the size that the page is made for."""
    panel = make_panel(128, 128, layers=12, heads=12)
    size = len(attention_page([panel], ["m"], "text", start=(0, 0, None)))
    assert 1_000_000 < size < 5_000_000


def test_a_page_that_no_browser_could_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hfdl.interpret.views.page.MOST_WEIGHTS", 2 * 2 * 3 * 3 * 5)
    page_of(make_panel(two=True))
    with pytest.raises(OutputError, match=r"^the page would hold 240 weights; a browser copes"):
        page_of(make_panel(4, 5, two=True))


def test_the_first_head_shown() -> None:
    panel = make_panel(two=True)
    divergences = panel.divergences()
    assert divergences is not None
    layer, head = panel.most_changed()
    assert divergences[layer, head] == divergences.max()
    assert make_panel().most_changed() == (0, None)


# ---- the pictures ------------------------------------------------------------------------------


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    assert image.format == "PNG"
    return image.convert("RGB")


@pytest.mark.parametrize("two", [False, True])
def test_the_grid_grows_with_layers_and_heads(two: bool) -> None:
    step = round(heatmap.THUMBNAIL * heatmap.DPI)
    sizes = [
        opened(heatmap.grid_png(make_panel(layers=n, heads=m, two=two), "title")).size
        for n, m in ((2, 6), (5, 6), (2, 9))
    ]
    assert sizes[1][1] - sizes[0][1] == pytest.approx(3 * step, abs=1)
    assert sizes[2][0] - sizes[0][0] == pytest.approx(3 * step, abs=1)
    one = opened(heatmap.grid_png(make_panel(layers=5, heads=6, two=two), "title", layers=[3]))
    assert sizes[1][1] - one.size[1] == pytest.approx(4 * step, abs=1)


@pytest.mark.parametrize("size", [(1, 1), (20, 30), (128, 128)])
def test_one_head_has_a_cell_for_each_weight(size: tuple[int, int]) -> None:
    few = opened(heatmap.head_png(make_panel(*size), 1, 2, "title")).size
    for inches, pixels in zip(reversed(size), few, strict=True):
        cells = min(heatmap.CELL * inches, heatmap.LARGEST)
        assert cells * heatmap.DPI <= pixels <= (cells + 6) * heatmap.DPI


def test_a_weight_is_where_it_belongs() -> None:
    """One weight of 1 among zeros: its dark cell must be in its row and column."""
    weights = np.zeros((1, 1, 4, 6))
    weights[0, 0, 3, 1] = 1
    panel = Panel("encoder", ("a",) * 4, ("b",) * 6, tuple(weights))
    image = opened(heatmap.head_png(panel, 0, 0, ""))
    dark = np.argwhere(np.abs(np.asarray(image, int) - (8, 48, 107)).sum(-1) < 12)
    cell = heatmap.CELL * heatmap.DPI
    # The scale's own end is as dark; it stands to the right of the map.
    map_only = dark[dark[:, 1] < 7 * cell]
    height, width = np.ptp(map_only, axis=0) + 1
    assert height == pytest.approx(cell, abs=2)
    assert width == pytest.approx(cell, abs=2)
    # The map begins a label's width from the left, and ends a margin above the bottom.
    left, bottom = 0.29 * heatmap.DPI, image.size[1] - 0.3 * heatmap.DPI
    assert map_only[:, 1].min() == pytest.approx(left + cell, abs=3)
    assert map_only[:, 0].max() == pytest.approx(bottom, abs=3)


def test_pictures_take_any_text_and_leave_settings_alone() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    count = len(HOSTILE)
    panel = Panel("encoder", HOSTILE, HOSTILE, random_maps(1, 1, count, count))
    first, second = (heatmap.head_png(panel, 0, 0, HOSTILE[-4]) for _ in range(2))
    assert first == second
    assert dict(matplotlib.rcParams) == before


# ---- tokens ------------------------------------------------------------------------------------


class FakeTokenizer:
    """Tokens by id, with the decoder of a tokenizer of a kind."""

    def __init__(self, tokens: list[str], decoder: Any = None) -> None:
        self.tokens = tokens
        self.backend_tokenizer = type("Backend", (), {"decoder": decoder})()

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        return [self.tokens[i] for i in ids]


def test_byte_level_tokens_are_readable() -> None:
    from tokenizers import decoders, pre_tokenizers

    text = "The naïve\n日本 <|end|>"
    pieces = [p for p, _ in pre_tokenizers.ByteLevel(add_prefix_space=True).pre_tokenize_str(text)]
    for decoder in (decoders.ByteLevel(), decoders.Sequence([decoders.ByteLevel()])):
        tokens = [*pieces, pieces[3][:1] if len(pieces) > 3 else "æ", "→ kept"]
        shown = readable_tokens(FakeTokenizer(tokens, decoder), range(len(tokens)))
        assert "".join(shown[: len(pieces)]) == "␣The␣naïve\\n日本␣<|end|>"
        assert shown[-1] == "→␣kept"
    half = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str("日")[0][0][:2]
    assert readable_tokens(FakeTokenizer([half], decoders.ByteLevel()), [0]) == ("\\xe6\\x97",)


def test_other_tokens_are_kept_but_for_what_cannot_be_seen() -> None:
    tokens = ["##ing", "▁play", "\u0301", "\u200b", "", "Ġ", "\u202e", "a b"]
    shown = readable_tokens(FakeTokenizer(tokens), range(len(tokens)))
    assert shown == (
        "##ing", "␣play", "◌\u0301", "\\u200b", "(empty)", "Ġ", "\\u202e", "a␣b",
    )  # fmt: skip
