"""Formatting of figures, texts and names for people."""

from __future__ import annotations

import math
import unicodedata
from datetime import UTC, datetime
from typing import Any, TypeGuard

from hfdl.tasks.registry import known_spec

MISSING = "—"
CLIP = 400
"""Characters of a text that are shown before one asks for all of it."""
CAP = 20_000
"""Characters that a page carries of one text at most."""

_METRICS = {
    "bits_per_byte": "Bits per byte",
    "bleu": "BLEU",
    "chrf": "chrF",
    "f1": "F1",
    "f1_macro": "F1, macro average",
    "mae": "Mean absolute error",
    "matthews_correlation": "Matthews correlation",
    "mse": "Mean squared error",
    "pearson": "Pearson correlation",
    "pearsonr": "Pearson correlation",
    "r2": "R²",
    "r_squared": "R²",
    "rmse": "Root mean squared error",
    "roc_auc": "ROC AUC",
    "strided_perplexity": "Perplexity, strided",
    "spearman": "Spearman correlation",
    "spearmanr": "Spearman correlation",
}
_TENTHS = ("bleu", "chrf")
_SHARES = ("accuracy", "exact_match", "f1", "precision", "recall")


def percent(share: float | None) -> str:
    """``0.913`` as ``91.3%``. Never 100% or 0% of what is a little less or more."""
    if not _is_number(share):
        return MISSING
    for digits in (1, 2, 3):
        shown = round(100 * share, digits)
        if (shown < 100 or share >= 1) and (shown > 0 or share <= 0):
            return f"{shown:.{digits}f}%"
    return ">99.999%" if share > 0.5 else "<0.001%"


def number(value: Any) -> str:
    """A number with at most four significant digits, whole numbers with thousands separators."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return MISSING if value is None else str(value)
    if not math.isfinite(value):
        return MISSING if math.isnan(value) else str(value)
    if isinstance(value, int) or (value == int(value) and abs(value) >= 1000):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def figure(name: str, value: float | None) -> str:
    """A metric's value: shares in percent, BLEU and chrF as sacrebleu writes them, to a tenth.

    Everything else as ``measured`` writes it.
    """
    if name in _TENTHS and _is_number(value):
        return f"{value:.1f}"
    return percent(value) if is_share(name) else measured(value)


def measured(value: float | None) -> str:
    """A measured number with four significant digits, below 1 with four decimals.

    Zeros stay, as figures stand below one another: ``0.4500`` below ``0.6258``, ``370.0`` beside
    ``347.6``.
    """
    if not isinstance(value, float) or not _is_number(value) or not 0.001 <= abs(value) < 1000:
        return number(value)
    return f"{value:.4f}" if abs(value) < 1 else f"{value:#.4g}".rstrip(".")


def gain(name: str, difference: float) -> str:
    """By how much a metric is more or less; of shares in points of a hundred.

    A percent sign would confuse points with a ratio. They have a digit more than the shares that
    they are between, so that ``-3.75`` stands beside ``75.0%`` and ``71.2%``.
    """
    if not in_points(name):
        return f"{'+' if difference > 0 else ''}{measured(difference + 0.0)}"
    points = round(difference if name in _TENTHS else 100 * difference, 2)
    return f"{points:+.2f}" if points else "0.00"


def in_points(name: str) -> bool:
    """Whether differences of the metric are in points of a hundred."""
    return is_share(name) or name in _TENTHS


def is_share(name: str) -> bool:
    """Whether the metric is a share between 0 and 1."""
    return any(name == share or name.startswith(f"{share}_") for share in _SHARES)


def metric_name(name: str) -> str:
    """``spearmanr`` as ``Spearman correlation``."""
    return _METRICS.get(name) or sentence(name)


def task_name(name: str) -> str:
    """``text_classification`` as ``Text classification``, ``causal_lm`` as ``Language model``."""
    return known_spec(name).title or sentence(name)


def sentence(name: str) -> str:
    """``text_classification`` as ``Text classification``."""
    words = name.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]


def duration(seconds: float | None) -> str:
    """Seconds as ``1 h 2 min``, ``3 min 5 s`` or ``4.2 s``."""
    if not _is_number(seconds):
        return MISSING
    if seconds < 59.95:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def minute(time: str | None) -> str | None:
    """``2026-11-30T11:22:24.798+00:00`` as ``2026-11-30 11:22 UTC``; what is no time as it is."""
    try:
        told = datetime.fromisoformat(str(time))
    except ValueError:
        return time
    return f"{told.astimezone(UTC) if told.tzinfo else told:%Y-%m-%d %H:%M}" + (
        " UTC" if told.tzinfo else ""
    )


def size(count: float | None) -> str:
    """Bytes as ``1.4 GiB``."""
    return _scaled(count, 1024, (" B", " KiB", " MiB", " GiB", " TiB"))


def short_count(count: float | None) -> str:
    """``22713601`` as ``22.7 M``."""
    return _scaled(count, 1000, ("", " k", " M", " G", " T"))


def plural(count: int, noun: str) -> str:
    """``1 example``, ``1,200 examples``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def clip(text: str, limit: int = CLIP) -> str:
    """The start of a text: at a word's end if one is near, and never inside a character."""
    if len(text) <= limit:
        return text
    start = text[:limit]
    words = start.rsplit(maxsplit=1)
    if len(words) == 2 and len(words[0]) > limit - 60:
        return words[0] + " …"
    # U+200D joins emoji; marks and modifiers belong to the character before them.
    while len(start) > 1 and (_extends(text[len(start)]) or start[-1] == "\u200d"):
        start = start[:-1]
    return start + "…"


def _scaled(count: float | None, step: int, units: tuple[str, ...]) -> str:
    """A number in the smallest unit in which it is below ``step``, to three digits."""
    if not _is_number(count):
        return MISSING
    *smaller, largest = units
    for unit in smaller:
        if abs(count) < step - 0.5:
            return f"{_three_digits(count)}{unit}"
        count = count / step
    return f"{_three_digits(count)}{largest}"


def _three_digits(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 999.5 else f"{value:,.0f}"


def _extends(character: str) -> bool:
    return (
        unicodedata.category(character) in ("Mn", "Me", "Mc")
        or character == "\u200d"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and math.isfinite(value)
