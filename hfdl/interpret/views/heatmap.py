"""Heat maps as PNG: all heads as thumbnails, or one head with its tokens written at the edges.

Drawn without pyplot: no window, no global state, no setting of the user's matplotlib.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width

import numpy as np

from hfdl.interpret.views.panel import Panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

DPI = 120
THUMBNAIL = 0.8
"""Inches of a head among many."""
CELL, LARGEST = 0.3, 16.0
"""Inches of a token's row where there are few, and of a whole map where there are many."""
LABEL_WIDTH = 18
"""Characters of a token that are written out."""

_GAP = 0.08  # between thumbnails, as a share of one
_EDGE, _SCALE, _TITLE, _NARROWEST = 0.3, 1.1, 0.6, 4.5  # inches round a map, and of a picture
_STYLE: Any = {"text.parse_math": False, "font.size": 9, "axes.edgecolor": "#8a93a3"}
# Beside matplotlib's own font, which has no Chinese, Devanagari or emoji.
_FONTS = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Microsoft YaHei", "Hiragino Sans", "Noto Sans Arabic",
    "Noto Sans Devanagari", "Noto Emoji", "Segoe UI Emoji", "Arial Unicode MS",
)  # fmt: skip


def grid_png(panel: Panel, title: str, *, layers: Sequence[int] | None = None) -> bytes:
    """All heads of all layers, or of some: a row for each layer, a column for each head."""
    shown = list(range(len(panel.layers)) if layers is None else layers)
    width, height = panel.heads * THUMBNAIL, len(shown) * THUMBNAIL
    with _figure(width, height, left=0.75, top=0.45) as (figure, axes):
        picture = _mosaic([panel.drawn(layer) for layer in shown], panel.heads)
        image = _draw(axes, picture, panel)
        axes.set_yticks(_centres(len(shown)) * picture.shape[0], [f"layer {n}" for n in shown])
        axes.set_xticks(
            _centres(panel.heads) * picture.shape[1], list(map(str, range(panel.heads)))
        )
        axes.set_xlabel("head")
        axes.xaxis.set_label_position("top")
        axes.tick_params(length=0, top=False, labeltop=True, labelbottom=False)
        axes.spines[:].set_visible(False)
        _scale(figure, axes, image, panel)
        return _png(figure, title)


def head_png(panel: Panel, layer: int, head: int, title: str) -> bytes:
    """One head: a row for each token that attends, a column for each that is attended to."""
    values = panel.drawn(layer)[head]  # (T, S)
    cells = [min(CELL, LARGEST / count) for count in values.shape]
    height, width = (max(1.2, n * cell) for n, cell in zip(values.shape, cells, strict=True))
    left, top = _label_inches(panel.tokens), _label_inches(panel.sources)
    with _figure(width, height, left=left, top=top) as (figure, axes):
        image = _draw(axes, values, panel)
        _label(axes.set_yticks, panel.tokens, height)
        _label(axes.set_xticks, panel.sources, width, rotation=90)
        axes.tick_params(length=2, top=True, bottom=False, labeltop=True, labelbottom=False)
        _scale(figure, axes, image, panel)
        return _png(figure, title)


@contextmanager
def _figure(
    width: float, height: float, *, left: float, top: float
) -> Iterator[tuple[Figure, Axes]]:
    """A figure round a map of a size in inches, with room for its labels, title and scale."""
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.font_manager import fontManager

    installed = set(fontManager.get_font_names())
    across = max(_NARROWEST, left + width + _SCALE + _EDGE)
    up = _EDGE + height + top + _TITLE
    with matplotlib.rc_context(), warnings.catch_warnings():
        # A character that no font has is drawn as a box, which needs no warning.
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        matplotlib.rcParams["font.family"] = ["DejaVu Sans", *(f for f in _FONTS if f in installed)]
        figure = Figure(figsize=(across, up))
        box = (left / across, _EDGE / up, width / across, height / up)
        yield figure, figure.add_axes(box)


def _draw(axes: Axes, values: np.ndarray, panel: Panel) -> AxesImage:
    from matplotlib import colormaps
    from matplotlib.colors import CenteredNorm, PowerNorm

    if panel.compared is None:
        # The square root shows small weights too, and is the same for every map.
        norm, colours = PowerNorm(0.5, 0.0, 1.0), colormaps["Blues"]
    else:
        norm = CenteredNorm(0.0, float(np.nanmax(np.abs(values))) or 1.0)
        colours = colormaps["PuOr"]
    return axes.imshow(values, norm=norm, cmap=colours, aspect="auto")


def _mosaic(layers: Sequence[np.ndarray], heads: int) -> np.ndarray:
    """Maps (H, T, S) of L layers as one picture, each head enlarged to the same size."""
    layers = [_shrunk(layer) for layer in layers]
    _, targets, sources = layers[0].shape
    enlarge = math.ceil(THUMBNAIL * DPI / min(targets, sources))
    gap = max(1, round(_GAP * enlarge * min(targets, sources)))
    high, wide = targets * enlarge + gap, sources * enlarge + gap
    picture = np.full((len(layers) * high, heads * wide), np.nan, dtype=np.float32)
    for row, layer in enumerate(layers):
        for column, values in enumerate(layer):
            tile = values.repeat(enlarge, axis=0).repeat(enlarge, axis=1)
            top, left = row * high + gap // 2, column * wide + gap // 2
            picture[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return picture


def _shrunk(layer: np.ndarray) -> np.ndarray:
    """Blocks of a map (H, T, S) as their means, where it has far more weights than dots."""
    _, targets, sources = layer.shape
    t, s = (max(1, n // round(2 * THUMBNAIL * DPI)) for n in (targets, sources))
    blocks = layer[:, : targets - targets % t, : sources - sources % s]
    return blocks.reshape(len(layer), targets // t, t, sources // s, s).mean(axis=(2, 4))


def _centres(count: int) -> np.ndarray:
    return (np.arange(count) + 0.5) / count


def _label(set_ticks: Any, tokens: Sequence[str], inches: float, **options: Any) -> None:
    points = inches * 72 / len(tokens)
    every = math.ceil(5.0 / points)  # smaller letters than these cannot be read: leave some out
    ticks = range(0, len(tokens), every)
    set_ticks(ticks, [_clip(tokens[i]) for i in ticks], fontsize=min(9.0, points * every * 0.85),
              **options)  # fmt: skip


def _label_inches(tokens: Sequence[str]) -> float:
    wide = max(sum(1 + (east_asian_width(c) in "WF") for c in _clip(token)) for token in tokens)
    return 0.2 + 0.09 * wide


def _clip(token: str) -> str:
    return token if len(token) <= LABEL_WIDTH else f"{token[: LABEL_WIDTH - 1]}…"


def _scale(figure: Figure, axes: Axes, image: AxesImage, panel: Panel) -> None:
    across = figure.get_size_inches()[0]
    box = axes.get_position()
    beside = figure.add_axes((box.x1 + 0.15 / across, box.y0, 0.12 / across, box.height))
    bar = figure.colorbar(image, cax=beside)
    bar.set_label("weight" if panel.compared is None else "second minus first")
    bar.ax.tick_params(labelsize=8)


def _png(figure: Figure, title: str) -> bytes:
    figure.text(0.02, 1 - 0.12 / figure.get_size_inches()[1], title, va="top", fontsize=10)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()
