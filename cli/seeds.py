"""What several seeds print: how sure each figure is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .output import print_table, print_text

if TYPE_CHECKING:
    from hfdl.metrics.bootstrap import Spread
    from hfdl.runs.seeds import SeedRuns


def print_seeds(done: SeedRuns) -> None:
    """Print each metric's mean, spread and interval over several seeds, and where they lie."""
    rows = [
        [split, name, f"{spread.mean:.4f}", _spread(spread.sd), _interval(spread)]
        for split, spreads in done.spreads.items()
        for name, spread in spreads.items()
        if "/" not in name
    ]
    print()
    print_table(["split", "metric", "mean", "sd", "95 % interval"], rows)
    print()
    seeds = ", ".join(map(str, done.runs))
    print_text(f"seeds {seeds}; the interval is of seeds and examples drawn again (bootstrap)")
    print_text(f"saved in {done.directory}")


def _spread(sd: float | None) -> str:
    return "-" if sd is None else f"{sd:.4f}"


def _interval(spread: Spread) -> str:
    return "-" if spread.low is None else f"{spread.low:.4f} to {spread.high:.4f}"
