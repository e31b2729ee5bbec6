"""A matplotlib figure as a small inline SVG that takes its colours and font from the page."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GRID = "#010101", "#020202", "#030303"
ACCENT, WARM, PAPER = "#040404", "#050505", "#060606"
SERIES = tuple(f"#0{i}0{i}0{i}" for i in "789abc")
"""Colours of several curves in one chart."""
_VARIABLES = {
    # Colours that stand for the page's own, which change with the colour scheme.
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--line)",
    ACCENT: "var(--accent)",
    WARM: "var(--warm)",
    PAPER: "var(--card)",
    **{colour: f"var(--series-{i})" for i, colour in enumerate(SERIES, start=1)},
}
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "hfdl",
    "path.simplify": True,
    "text.parse_math": False,
    "font.size": 9,
    "axes.edgecolor": GRID,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "text.color": INK,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
}


class Chart:
    """A figure with one plot. ``svg`` is set when the ``with`` block ends.

    Args:
        figure: matplotlib's figure.
        axes: the plot to draw in.
        summary: what is to be seen, in words.
    """

    def __init__(self, figure: Figure, axes: Axes, summary: str) -> None:
        self.figure = figure
        self.axes = axes
        self.summary = summary
        self.svg: Markup


@contextmanager
def chart(
    name: str, description: str, summary: str = "", *, square: bool = False
) -> Iterator[Chart]:
    """Draw a chart.

    Args:
        name: unique on the page; it keeps the ids of one chart apart from another's.
        description: what a screen reader says in the chart's place.
        summary: what is to be seen, in a sentence: said after the description. It can be set
            while the chart is drawn, too.
        square: as high as it is wide.
    """
    import matplotlib
    from matplotlib.figure import Figure

    # The default style first: a user's matplotlibrc must not change the report.
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        figure = Figure(figsize=(4.6, 4.0) if square else (4.6, 2.7), layout="constrained")
        drawn = Chart(figure, figure.add_subplot(), summary)
        yield drawn
        drawn.svg = _inline(figure, name, description, drawn.summary)


def _inline(figure: Figure, name: str, description: str, summary: str) -> Markup:
    from markupsafe import Markup, escape

    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\n?", "", text, flags=re.DOTALL)
    text = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font: \1 var(--sans)", text)
    text = re.sub(r'\b(?:d|x|y)="[^"]*"', lambda found: _rounded(found[0]), text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    box = re.search(r'viewBox="[^"]*"', text)
    opening = f'<svg role="img" aria-labelledby="{name}-title" {box[0] if box else ""}>'
    opening += f'<title id="{name}-title">{escape(description)}</title>'
    if summary:
        opening = opening.replace('role="img"', f'role="img" aria-describedby="{name}-desc"')
        opening += f'<desc id="{name}-desc">{escape(summary)}</desc>'
    return Markup(re.sub(r"<svg[^>]*>", lambda _: opening, text, count=1))


def _rounded(coordinates: str) -> str:
    """Coordinates to a hundredth of a point: invisible, and a third of the size."""
    return re.sub(r"\d+\.\d{3,}", lambda found: f"{float(found[0]):.2f}", coordinates)
