"""Masks of positions, of padding and of documents, and what several of them allow together.

Shapes: B batch, T queries, S keys.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from hfdl.errors import ShapeError


def causal_mask(
    T: int,  # noqa: N803
    S: int | None = None,  # noqa: N803
    *,
    device: torch.device | None = None,
) -> Bool[Tensor, "T S"]:
    """Each query sees its own position and those before it.

    Args:
        T: queries; they are the last T of the S positions, as in decoding with a cache.
        S: keys; T where it is None.
        device: where the mask is made.

    Returns:
        True in row t up to and including column S - T + t.

    Raises:
        ShapeError: there are more queries than keys.
    """
    queries, keys = _positions(T, S, device)
    return keys <= queries


def sliding_window_mask(
    T: int,  # noqa: N803
    S: int | None = None,  # noqa: N803
    *,
    window: int,
    causal: bool = True,
    device: torch.device | None = None,
) -> Bool[Tensor, "T S"]:
    """No further than a window: position t sees t - window < s <= t, or both ways |t - s| < window.

    The query's own position counts, as in Mistral (Jiang et al. 2023, section 2,
    https://arxiv.org/abs/2310.06825) and in transformers. Both ways is Longformer's and
    ModernBERT's (Beltagy et al. 2020, section 3.1, https://arxiv.org/abs/2004.05150).

    Args:
        T, S, device: as in ``causal_mask``.
        window: how many positions a query sees, in each direction that it looks.
        causal: False for a query that also sees later positions.

    Raises:
        ShapeError: there are more queries than keys, or the window is smaller than 1.
    """
    if window < 1:
        raise ShapeError(
            f"a window of {window}", rule="a query sees at least itself, a window of 1"
        )
    queries, keys = _positions(T, S, device)
    if not causal:
        return (queries - keys).abs() < window
    return (keys <= queries) & (keys > queries - window)


def padding_mask(attention_mask: Shaped[Tensor, "B S"]) -> Bool[Tensor, "B 1 1 S"]:
    """No query sees padding.

    Args:
        attention_mask: as tokenizers give it, 1 or True at real tokens.

    Raises:
        ShapeError: it is not of two dimensions, or is a float mask of other numbers than 0 and 1.
    """
    if attention_mask.dim() != 2:
        raise ShapeError(
            f"the attention mask is of shape {tuple(attention_mask.shape)}",
            rule="a padding mask is made of (B, S), 1 at real tokens and 0 at padding",
        )
    real = attention_mask.bool()
    if attention_mask.is_floating_point() and not torch.equal(
        real.to(attention_mask), attention_mask
    ):
        raise ShapeError(
            "the attention mask is of floating point and has other numbers than 0 and 1",
            rule="1 stands at real tokens and 0 at padding",
            remedy="if it is added to scores, use from_additive",
        )
    return real[:, None, None, :]  # (B, S) -> (B, 1, 1, S)


def document_mask(document_ids: Int[Tensor, "B T"]) -> Bool[Tensor, "B 1 T T"]:
    """Tokens see their own document only, where several stand in one row.

    Args:
        document_ids: one number for each document of a row.

    Raises:
        ShapeError: it is not of two dimensions.
    """
    if document_ids.dim() != 2:
        raise ShapeError(
            f"the document ids are of shape {tuple(document_ids.shape)}",
            rule="a document mask is made of (B, T), one number for each document of a row",
        )
    same = document_ids[:, :, None] == document_ids[:, None, :]  # (B, T, T)
    return same[:, None]  # (B, 1, T, T)


def combine(*masks: Bool[Tensor, "..."] | None) -> Bool[Tensor, "..."] | None:
    """What all of the masks allow.

    Args:
        masks: of shapes that broadcast together; None allows everything.

    Returns:
        their conjunction, or None where all are None.

    Raises:
        ShapeError: a mask is not bool, or two do not broadcast together.
    """
    present = [mask for mask in masks if mask is not None]
    for mask in present:
        check_bool(mask)
    return functools.reduce(_both, present) if present else None


def _positions(
    t: int, s: int | None, device: torch.device | None
) -> tuple[Int[Tensor, "T 1"], Int[Tensor, "1 S"]]:
    """Positions of the queries and of the keys."""
    s = t if s is None else s
    if t > s:
        raise ShapeError(
            f"{t} queries and {s} keys",
            rule="the queries are the last of the positions that have keys, so there are no more",
        )
    keys = torch.arange(s, device=device)
    return keys[s - t :, None], keys[None, :]


def _both(a: Bool[Tensor, "..."], b: Bool[Tensor, "..."]) -> Bool[Tensor, "..."]:
    try:
        return a & b
    except RuntimeError:
        raise ShapeError(
            f"masks of shapes {tuple(a.shape)} and {tuple(b.shape)}",
            rule="masks must broadcast together to (B, H, T, S)",
        ) from None


# ---- The check that all masks share --------------------------------------------------------------


def check_bool(mask: Shaped[Tensor, "..."]) -> None:
    """Refuse a mask of numbers, whose meaning would have to be guessed.

    Raises:
        ShapeError: the mask is not bool.
    """
    if mask.dtype != torch.bool:
        raise ShapeError(
            f"a mask of type {str(mask.dtype).removeprefix('torch.')}",
            rule="masks are bool, True = may attend",
            remedy="use padding_mask for 0 and 1, from_additive for numbers added to scores",
        )


# ---- Masks as text -------------------------------------------------------------------------------


def show(
    mask: Bool[Tensor, "*one T S"],
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
) -> str:
    """The mask as text: a line for each query, ``■`` where it may attend and ``·`` where not.

    Args:
        mask: one table; dimensions of size 1 may stand before.
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
    for label, row in zip(left, table, strict=True):
        cells = [("■" if may else "·").center(len(c)) for may, c in zip(row, top, strict=True)]
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
