"""Two traces side by side: a row for each component of each layer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from torch import Tensor

from hfdl.parity.bounds import Bounds, gradient_scales
from hfdl.parity.components import COMPONENTS, INSIDE_THE_KERNEL, Key, Trace
from hfdl.parity.report import Row
from hfdl.parity.variants import Batch

NOT_RUN = "it did not run in every layer, so its numbers are no proof"
ABSENT = "it gave nothing here"


def compare(trace: Trace, reference: Trace, batch: Batch, *, row: Row, bounds: Bounds) -> list[Row]:
    """Rows for all that the reference has.

    Args:
        trace: what is judged.
        reference: what it must equal.
        batch: what both were run on.
        row: holds the implementation, the variant and the type; the rest is filled in.
        bounds: how large a difference may be.

    Returns:
        a row for each component and layer. Where an attention did not run as often as there are
        layers, or a component is absent, the row fails: what did not run proves nothing.
    """
    row = replace(row, calls=trace.calls)
    rows = []
    for key, difference in _differences(trace, reference, batch):
        rows.append(_judged(row, key, difference, bounds.of(key[0], row.dtype)))
    if trace.ran and reference.ran:
        return rows
    return [replace(r, ok=False, note=NOT_RUN) for r in rows]


class Difference:
    """How far two tensors lie apart.

    Attributes:
        max_abs: the largest absolute difference; infinite where shapes differ or a number is NaN.
        max_rel: that, divided by the largest absolute number of the reference.
        error: that, divided as ``bounds`` says.
        detail: which parameter it is.
    """

    def __init__(
        self, ours: Tensor | None, theirs: Tensor, scale: float | None = None, detail: str = ""
    ) -> None:
        self.detail = detail
        self.max_abs = self.max_rel = self.error = math.inf
        self.is_absent = ours is None
        if ours is None or ours.shape != theirs.shape:
            return
        largest = float(theirs.abs().max()) if theirs.numel() else 0.0
        gap = float((ours.double() - theirs.double()).abs().max()) if theirs.numel() else 0.0
        if math.isnan(gap):
            return
        self.max_abs = gap
        self.max_rel = gap / largest if largest else (math.inf if gap else 0.0)
        self.error = gap / (max(1.0, largest) if scale is None else scale or 1.0)


def real_values(component: str, x: Tensor, batch: Batch) -> Tensor:
    """The numbers at positions that are not padding; the others are nobody's business."""
    if component in ("loss", "pooler") or x.dim() < 3:
        return x
    if component == "rotary":
        return x.expand(len(batch.real), -1, -1)[batch.real]  # (n, 2 K)
    if component in ("query", "key", "value", "scores", "weights"):
        x = x.transpose(1, 2)  # (B, H, T, ...) -> (B, T, H, ...)
    return x[batch.real[:, -x.shape[1] :]]  # (n, ...)


def _differences(trace: Trace, reference: Trace, batch: Batch) -> Iterator[tuple[Key, Difference]]:
    writes_scores = any(name in INSIDE_THE_KERNEL for name, _ in trace.values)
    for key in sorted(reference.values, key=_order):
        if key[0] in INSIDE_THE_KERNEL and not writes_scores:
            continue  # a fused kernel
        ours, theirs = trace.values.get(key), reference.values[key]
        if ours is not None:
            ours, theirs = _aligned(key, ours, theirs, reference, batch)
        yield key, Difference(ours, theirs)
    if not trace.gradients:
        return
    scales = gradient_scales(reference.gradients)
    found = [
        Difference(trace.gradients.get(name), theirs, scales[name], name)
        for name, theirs in reference.gradients.items()
    ]
    yield ("gradients", None), max(found, key=lambda difference: difference.error)


def _aligned(
    key: Key, ours: Tensor, theirs: Tensor, reference: Trace, batch: Batch
) -> tuple[Tensor, Tensor]:
    """What both have, at real positions.

    A cache with a sliding window forgets keys, so only those that both hold are compared; and
    scores only where the reference attends.
    """
    component, layer = key
    if component in ("key", "value"):
        held = min(ours.shape[2], theirs.shape[2])
        ours, theirs = ours[:, :, -held:], theirs[:, :, -held:]
    if component == "scores" and ours.shape == theirs.shape:
        attends = reference.values["weights", layer] > 0
        ours, theirs = ours.where(attends, 0.0), theirs.where(attends, 0.0)
    return real_values(component, ours, batch), real_values(component, theirs, batch)


def _judged(row: Row, key: Key, difference: Difference, bound: float) -> Row:
    return replace(
        row, component=key[0], layer=key[1], max_abs=difference.max_abs,
        max_rel=difference.max_rel, error=difference.error, bound=bound,
        ok=difference.error <= bound, detail=difference.detail,
        note=ABSENT if difference.is_absent else "",
    )  # fmt: skip


def _order(key: Key) -> tuple[int, int]:
    """By layer, within a layer in the order of the computation; the ends at the ends."""
    names = list(COMPONENTS)
    component, layer = key
    if layer is not None:
        return layer, names.index(component)
    before = component in ("embeddings", "rotary")
    return (-1 if before else 10**6), names.index(component)
