"""``hfdl verify``: is hfdl's model the same as Hugging Face's, part by part?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .printing.progress import working
from .printing.text import print_json, print_table, print_text

if TYPE_CHECKING:
    import torch

    from hfdl.parity.report import Report, Row

BROKEN = 1  # the exit code of a broken bound


def verify(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model folder or a Hub id.")],
    dtype: Annotated[
        list[str] | None,
        typer.Option(metavar="TYPE", help="float32 or float64; may be repeated. Default: both."),
    ] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="plain, right, left, batched, cached or cached_full; may be repeated. Default: "
            "all that the model has.",
        ),
    ] = None,
    text: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Read this in place of the first text.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print every row as JSON.")] = False,
    all_rows: Annotated[
        bool, typer.Option("--all", help="Print every row, not the worst of each component.")
    ] = False,
) -> None:
    """Compare hfdl's model with Hugging Face's, part by part.

    The reference is transformers' model with its explicit ("eager") attention. Compared with it:
    numpy, the same with hfdl's attention in NumPy; explicit and fused, hfdl's model with its two
    kernels; sdpa, transformers' model with torch's kernel. The numbers are the largest absolute
    difference, divided by the largest number of the reference where that is above 1.

    Where one is beyond its bound, the known mistakes are tried and the one that explains it named.

    Exit code: 0 every bound holds; 1 one is broken; 2 the model cannot be verified.

    \b
    Examples:
      hfdl verify sentence-transformers/all-MiniLM-L6-v2
      hfdl verify runs/sentiment --dtype float32 --variant left --variant right
      hfdl verify openai-community/gpt2 --json > parity.json
    """
    with working(f"opening {model}"):
        from hfdl.parity.verify import DTYPES
        from hfdl.parity.verify import verify as compare

        report = compare(model, dtypes=dtype or tuple(DTYPES), variants=variant, text=text)
    if json:
        print_json(report.to_json())
    elif all_rows:
        _print_rows(report)
    else:
        for name in dtype or DTYPES:
            _print_summary(report, name, DTYPES[name])
    if not json:
        _print_verdict(report)
    if not report.ok:
        raise typer.Exit(BROKEN)


def _print_summary(report: Report, name: str, dtype: torch.dtype) -> None:
    """The worst of each component and implementation, over layers and variants."""
    grouped = report.grouped(dtype)
    implementations = list(dict.fromkeys(row.implementation for row in report.rows))
    lines = []
    for component, rows in grouped.items():
        cells = [_cell(rows[key]) if key in rows else "-" for key in implementations]
        is_ok = all(row.ok for row in rows.values())
        bound = next(iter(rows.values())).bound
        lines.append([component, *cells, f"{bound:.0e}", "yes" if is_ok else "NO"])
    print_table([name, *implementations, "bound", "ok"], lines)
    print_text("")


def _print_rows(report: Report) -> None:
    headers = [
        "type", "variant", "implementation", "layer", "component", "max abs", "max rel", "error",
        "bound", "calls", "ok", "",
    ]  # fmt: skip
    print_table(headers, [_line(row) for row in report.rows])
    print_text("")


def _line(row: Row) -> list[str]:
    return [
        str(row.dtype).removeprefix("torch."), row.variant, row.implementation,
        "-" if row.layer is None else str(row.layer), row.component, f"{row.max_abs:.1e}",
        f"{row.max_rel:.1e}", f"{row.error:.1e}", f"{row.bound:.0e}", str(row.calls),
        "yes" if row.ok else "NO", " ".join(filter(None, [row.detail, row.note])),
    ]  # fmt: skip


def _print_verdict(report: Report) -> None:
    failed = [row for row in report.rows if not row.ok]
    total = f"{len(report.rows)} comparisons"
    if report.ok:
        print_text(f"equal: {total}, every one within its bound")
    else:
        worst = report.worst()
        where = worst.component if worst.layer is None else f"{worst.component} {worst.layer}"
        print_text(
            f"NOT equal: {len(failed)} of {total} beyond their bounds; the worst: {where} of "
            f"{worst.implementation}, {worst.variant}" + (f": {worst.note}" if worst.note else "")
        )
    if report.diagnosis is not None:
        print_text(f"diagnosis: {report.diagnosis}")
        if report.diagnosis.look_at:
            print_text(f"look at: {report.diagnosis.look_at}")
    for note in report.notes:
        print_text(f"note: {note}")


def _cell(row: Row) -> str:
    """The error, marked where it is beyond its bound."""
    return f"{row.error:.1e}" + ("" if row.ok else " !")
