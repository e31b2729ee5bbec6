"""Compare two traces: a row for each component of each layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from torch import Tensor

from hfdl.parity.bounds import Bounds, Difference, difference, gradient_scales
from hfdl.parity.components import COMPONENTS, INSIDE_THE_KERNEL, Key, Trace
from hfdl.parity.report import Row
from hfdl.parity.variants import Batch

NOT_RUN = "it did not run in every layer, so its numbers are no proof"
ABSENT = "it gave nothing here"


def compare(trace: Trace, reference: Trace, batch: Batch, *, row: Row, bounds: Bounds) -> list[Row]:
    """Rows for everything that the reference recorded.

    Args:
        trace: what is judged.
        reference: what it must equal.
        batch: what both were run on.
        row: holds the implementation, the variant and the type; the rest is filled in.
        bounds: the greatest differences that pass.

    Returns:
        a row for each component and layer. Where an attention did not run as often as there are
        layers, or a component is absent, the row fails: what did not run proves nothing.
    """
    row = replace(row, calls=trace.calls)
    rows = [
        _judged(replace(row, component=key[0], layer=key[1]), ours, theirs, bounds)
        for key, ours, theirs in _pairs(trace, reference, batch)
    ]
    if trace.gradients:
        rows.append(_worst_gradient(replace(row, component="gradients"), trace, reference, bounds))
    if trace.ran and reference.ran:
        return rows
    return [replace(r, ok=False, note=NOT_RUN) for r in rows]


def _real_values(component: str, x: Tensor, batch: Batch) -> Tensor:
    """The numbers at positions that are not padding, which is ignored."""
    if component in ("loss", "pooler") or x.dim() < 3:
        return x
    if component == "rotary":
        return x.expand(len(batch.real), -1, -1)[batch.real]  # (n, 2 K)
    if component in ("query", "key", "value", "scores", "weights"):
        x = x.transpose(1, 2)  # (B, H, T, ...) -> (B, T, H, ...)
    return x[batch.real[:, -x.shape[1] :]]  # (n, ...)


def _pairs(
    trace: Trace, reference: Trace, batch: Batch
) -> Iterator[tuple[Key, Tensor | None, Tensor]]:
    """Each recorded value of both, at real positions; None where the trace has none."""
    writes_scores = any(name in INSIDE_THE_KERNEL for name, _ in trace.values)
    for key in sorted(reference.values, key=_order):
        if key[0] in INSIDE_THE_KERNEL and not writes_scores:
            continue  # a fused kernel
        ours, theirs = trace.values.get(key), reference.values[key]
        if ours is not None:
            ours, theirs = _aligned(key, ours, theirs, reference, batch)
        yield key, ours, theirs


def _worst_gradient(row: Row, trace: Trace, reference: Trace, bounds: Bounds) -> Row:
    scales = gradient_scales(reference.gradients)
    rows = [
        _judged(replace(row, detail=name), trace.gradients.get(name), theirs, bounds, scales[name])
        for name, theirs in reference.gradients.items()
    ]
    return max(rows, key=lambda row: row.error)


def _aligned(
    key: Key, ours: Tensor, theirs: Tensor, reference: Trace, batch: Batch
) -> tuple[Tensor, Tensor]:
    """The values that both have, at real positions.

    A cache with a sliding window drops keys, so only those that both hold are compared; scores
    only where the reference attends.
    """
    component, layer = key
    if component in ("key", "value"):
        held = min(ours.shape[2], theirs.shape[2])
        ours, theirs = ours[:, :, -held:], theirs[:, :, -held:]
    if component == "scores" and ours.shape == theirs.shape:
        attends = reference.values["weights", layer] > 0
        ours, theirs = ours.where(attends, 0.0), theirs.where(attends, 0.0)
    return _real_values(component, ours, batch), _real_values(component, theirs, batch)


def _judged(
    row: Row, ours: Tensor | None, theirs: Tensor, bounds: Bounds, scale: float | None = None
) -> Row:
    apart = Difference() if ours is None else difference(ours, theirs, scale)
    bound = bounds.of(row.component, row.dtype)
    note = ABSENT if ours is None else ""
    return replace(row, **apart._asdict(), bound=bound, ok=apart.error <= bound, note=note)


def _order(key: Key) -> tuple[int, int]:
    """By layer, within a layer in the order of the computation; the ends at the ends."""
    names = list(COMPONENTS)
    component, layer = key
    if layer is not None:
        return layer, names.index(component)
    before = component in ("embeddings", "rotary")
    return (-1 if before else 10**6), names.index(component)
