"""The rows and the report of ``verify``."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from hfdl.display import Shown
from hfdl.parity.components import COMPONENTS
from hfdl.parity.diagnose import Diagnosis


@dataclass(frozen=True)
class Row:
    """One component of one layer, of one implementation on one batch in one type.

    Args:
        implementation: ``numpy``, ``explicit``, ``fused``, ``sdpa`` or ``candidate``.
        variant: a name of ``hfdl.parity.variants.VARIANTS``.
        dtype: of the weights.
        component: a name of ``hfdl.parity.components.COMPONENTS``.
        layer: from 0; None where it belongs to no layer.
        max_abs: the largest absolute difference from Hugging Face's eager attention.
        max_rel: that, divided by the largest absolute number of the reference.
        error: what is compared with the bound, see ``hfdl.parity.bounds``.
        bound: the greatest error that passes.
        ok: whether it does.
        calls: how often the implementation's attention was called on the batch.
        detail: the parameter with the largest error, for gradients.
        note: why the bound is what it is, or why the row fails.
    """

    implementation: str
    variant: str
    dtype: torch.dtype
    component: str = ""
    layer: int | None = None
    max_abs: float = math.inf
    max_rel: float = math.inf
    error: float = math.inf
    bound: float = 0.0
    ok: bool = False
    calls: int = 0
    detail: str = ""
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For JSON, which has no infinity: null."""
        values = asdict(self) | {"dtype": str(self.dtype).removeprefix("torch.")}
        return {k: None if v == math.inf else v for k, v in values.items()}


@dataclass(frozen=True, repr=False)
class Report(Shown):
    """Whether an implementation equals Hugging Face's, with every number that was compared.

    Args:
        model: what was verified.
        rows: one for each component, layer, implementation, variant and type.
        notes: what a reader of the numbers should know.
        diagnosis: what explains a mismatch, where there is one.
    """

    model: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    diagnosis: Diagnosis | None = field(default=None)

    def shown(self) -> tuple[str, list[tuple[str, Any]]]:
        broken = sum(not row.ok for row in self.rows)
        rows: list[tuple[str, Any]] = [("ok", self.ok), ("comparisons", len(self.rows))]
        if self.rows:
            worst = self.worst()
            layer = "" if worst.layer is None else f" {worst.layer}"
            place = f"{worst.component}{layer} of {worst.implementation}, {worst.variant}"
            sizes = f"{worst.error:.1e} of {worst.bound:.0e}"
            rows += [
                ("beyond their bounds", broken),
                ("nearest to its bound" if self.ok else "worst", f"{place}: {sizes}"),
            ]
        if self.diagnosis is not None:
            rows.append(("diagnosis", str(self.diagnosis)))
        return f"Parity of {self.model}", rows

    @property
    def ok(self) -> bool:
        """Whether something was compared and every row is within its bound."""
        return bool(self.rows) and all(row.ok for row in self.rows)

    def worst(self) -> Row:
        """The row nearest to its bound, or farthest beyond it; a failed one if there is any."""
        return _worst(self.rows)

    def grouped(self, dtype: torch.dtype) -> dict[str, dict[str, Row]]:
        """The worst row of each component and implementation, over layers and variants."""
        groups: dict[str, dict[str, list[Row]]] = {}
        for row in self.rows:
            if row.dtype == dtype:
                by_name = groups.setdefault(row.component, {})
                by_name.setdefault(row.implementation, []).append(row)
        return {
            component: {name: _worst(rows) for name, rows in groups[component].items()}
            for component in COMPONENTS
            if component in groups
        }

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON's types."""
        return {
            "model": self.model,
            "ok": self.ok,
            "notes": list(self.notes),
            "diagnosis": None if self.diagnosis is None else self.diagnosis.to_json(),
            "rows": [row.to_dict() for row in self.rows],
        }


def _worst(rows: Iterable[Row]) -> Row:
    return max(rows, key=lambda row: (not row.ok, row.error / row.bound if row.bound else math.inf))
