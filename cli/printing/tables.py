"""Tables of texts: aligned columns, folded where the terminal is narrower than they are."""

from __future__ import annotations

from collections.abc import Sequence

from hfdl.runs.texts import GAP, cells, cut, fold

LEAST = 20
"""A word of so many columns is never broken; of a column of longer ones so many stay."""


def table_lines(
    headers: Sequence[str] | None,
    rows: Sequence[Sequence[str]],
    width: int | None,
    *,
    cut_last: int | None = None,
) -> list[str]:
    """A table as lines of at most ``width`` columns.

    Where it is too wide, headers fold between words, then cells do; where that does not suffice
    each row becomes a block, a line for each of its cells.

    Args:
        headers: of the columns, if they have any.
        rows: as many cells each.
        width: of the terminal; None: as wide as it comes out.
        cut_last: columns of the last cells where there is no terminal. Given, those cells are cut
            rather than folded: they are texts of which the start will do.
    """
    lines = [list(row) for row in ((headers, *rows) if headers else rows)]
    if not lines:
        return []
    if cut_last is not None:
        others = sum(_widths([line[:-1] for line in lines])) + len(GAP) * (len(lines[0]) - 1)
        room = cut_last if width is None else max(LEAST, width - others)
        lines = [[*line[:-1], cut(line[-1], room)] for line in lines]
    widths = _widths(lines)
    if width is None or _total(widths) <= width:
        return [_joined(line, widths) for line in lines]
    narrow = _narrowed(lines, widths, width)
    if narrow is None:
        return _blocks(lines, width, has_headers=headers is not None)
    folded = [[fold(cell, size, "") for cell, size in zip(line, narrow, strict=True)]
              for line in lines]  # fmt: skip
    return [line for row in folded for line in _folded(row, narrow)]


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(cells, column)) for column in zip(*lines, strict=True)]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _joined(line: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (size - cells(cell)) for cell, size in zip(line, widths, strict=True))
    return GAP.join(padded).rstrip()


def _narrowed(
    lines: Sequence[Sequence[str]], widths: Sequence[int], width: int
) -> list[int] | None:
    """Widths that fit, the widest columns narrowed first; None where words would be broken."""
    least = [min(LEAST, max(_longest_word(cell) for cell in column))
             for column in zip(*lines, strict=True)]  # fmt: skip
    if _total(least) > width:
        return None
    narrow = list(widths)
    while _total(narrow) > width:
        free = [i for i, size in enumerate(narrow) if size > least[i]]
        narrow[max(free, key=lambda i: narrow[i])] -= 1
    return narrow


def _longest_word(cell: str) -> int:
    return max(map(cells, cell.split(" ")))


def _folded(row: Sequence[Sequence[str]], widths: Sequence[int]) -> list[str]:
    height = max(map(len, row))
    return [
        _joined([parts[i] if i < len(parts) else "" for parts in row], widths)
        for i in range(height)
    ]


def _blocks(lines: Sequence[Sequence[str]], width: int, *, has_headers: bool) -> list[str]:
    """A block for each row: its first cell, and under it a line for each of the others."""
    names = lines[0] if has_headers else [""] * len(lines[0])
    column = max(map(cells, names[1:]), default=0)
    made: list[str] = []
    for row in lines[1:] if has_headers else lines:
        made += fold(row[0], width)
        for name, cell in zip(names[1:], row[1:], strict=True):
            label = f"{GAP}{name}{' ' * (column - cells(name))}{GAP}"
            made += fold(f"{label}{cell}".rstrip(), width, indent=" " * min(8, cells(label)))
    return made
