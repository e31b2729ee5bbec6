"""What an export wrote, and how far its answers are from the model's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hfdl.display import Shown
from hfdl.exporting.check import Agreement


@dataclass(frozen=True, repr=False)
class Exported(Shown):
    """A folder with a graph, which pipelines open as they open a run.

    Args:
        directory: the folder.
        model: what was exported, as the user named it.
        precision: ``float32`` or ``int8``.
        float32: the check of the graph in float32.
        int8: how the graph in int8 agrees with the model; None: there is none.
        quantisation: what was made int8, and how; empty without.
        size: bytes of the graph.
        costs: what int8 costs on the labelled texts, a line a split and metric.
    """

    directory: Path
    model: str
    precision: str
    float32: Agreement
    int8: Agreement | None
    quantisation: Mapping[str, Any]
    size: int
    costs: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values that json can write, as in export.json."""
        return {
            "model": self.model,
            "precision": self.precision,
            "check": {
                "float32": self.float32.to_dict(),
                "int8": None if self.int8 is None else self.int8.to_dict(),
            },
            "quantisation": dict(self.quantisation),
            "costs": list(self.costs),
        }

    def lines(self) -> list[str]:
        """What was found, for a person."""
        checked = self.float32
        lines = [
            f"checked on {checked.examples:,} texts: {checked.equal:,} of {checked.answers:,} "
            f"answers equal, scores within {checked.largest:.1g} (bound {checked.bound:g})"
        ]
        if self.int8 is not None:
            share = self.int8.equal / max(self.int8.answers, 1)
            bits = 7 if self.quantisation.get("reduce_range") else 8
            lines.append(
                f"int8: {share:.2%} of the answers are the model's, scores differ by "
                f"{self.int8.mean:.2g} on average and {self.int8.largest:.2g} at most; "
                f"{self.quantisation.get('products')} products, weights of {bits} bits"
            )
        return [*lines, *self.costs]

    def shown(self) -> tuple[str, list[tuple[str, Any]]]:
        rows: list[tuple[str, Any]] = [("precision", self.precision)]
        rows += [("check", line) for line in self.lines()]
        rows += [("saved in", str(self.directory))]
        return f"Export of {self.model}", rows
