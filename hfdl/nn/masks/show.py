"""Masks as text."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from hfdl.errors import ShapeError
from hfdl.nn.masks.checks import check_bool


def show(
    mask: Tensor, rows: Sequence[str] | None = None, columns: Sequence[str] | None = None
) -> str:
    """The mask as text: a line for each query, ``■`` where it may attend and ``·`` where not.

    Args:
        mask: bool, (T, S); dimensions of size 1 may stand before.
        rows: T labels, such as tokens; the positions where it is None.
        columns: S labels; ``rows`` where it is None and the mask is square, else the positions.

    Returns:
        T + 1 lines.

    Raises:
        ShapeError: the mask is not bool or holds more than one table, or labels are missing.
    """
    check_bool(mask)
    if mask.dim() < 2 or mask.shape[:-2].numel() != 1:
        raise ShapeError(
            f"a mask of shape {tuple(mask.shape)}",
            rule="one table (T, S) is shown at a time",
            remedy="choose one, such as mask[0, 0]",
        )
    table = mask.reshape(mask.shape[-2:])  # (1, ..., T, S) -> (T, S)
    if columns is None and table.shape[0] == table.shape[1]:
        columns = rows
    left = _labels(rows, table.shape[0], "rows")
    top = _labels(columns, table.shape[1], "columns")
    margin = max(map(len, left), default=0)
    lines = [" ".join([" " * margin, *top])]
    for label, allowed in zip(left, table.tolist(), strict=True):
        cells = [("■" if yes else "·").center(len(c)) for yes, c in zip(allowed, top, strict=True)]
        lines.append(" ".join([label.rjust(margin), *cells]))
    return "\n".join(line.rstrip() for line in lines)


def _labels(labels: Sequence[str] | None, size: int, what: str) -> list[str]:
    if labels is None:
        return [str(i) for i in range(size)]
    if len(labels) != size:
        raise ShapeError(
            f"{len(labels)} labels for {size} {what}", rule="each row and column has one label"
        )
    # A newline in a token would tear the table.
    return ["".join(c if c.isprintable() else repr(c)[1:-1] for c in label) for label in labels]
