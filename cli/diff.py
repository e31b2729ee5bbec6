"""``hfdl diff``: two models on the same examples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .arguments.completion import complete_run
from .arguments.options import Json, Overrides
from .printing.output_file import refuse_output, written_aside
from .printing.progress import working
from .printing.text import print_json, print_table, print_text

if TYPE_CHECKING:
    from hfdl.differences.result import Difference
    from hfdl.metrics.paired import Effect

SUFFIXES = (".html", ".csv", ".jsonl")
_SHOWN = 4
_SLICES = 6


def diff(
    a: Annotated[
        str,
        typer.Argument(metavar="A", help="A run or an evaluation.", autocompletion=complete_run),
    ],
    b: Annotated[
        str,
        typer.Argument(metavar="B", help="What it is compared to.", autocompletion=complete_run),
    ],
    overrides: Overrides = None,
    file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Measure both anew on it; then A and B may be any model."
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Also slice by a column of the data; may be repeated."),
    ] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="F", help="A page (.html), or all flips (.csv, .jsonl); may be repeated."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace F if it exists.")] = False,
    json: Json = False,
) -> None:
    """Compare two models on the same examples.

    Effect, interval and p of each metric, and the examples that flipped. The saved predictions
    of two runs or evaluations are compared, or with --file any two models of a task. To train
    models of several eras and compare those, see hfdl compare.

    \b
    Examples:
      hfdl diff runs/base runs/lora
      hfdl diff runs/base runs/lora --output diff.html
      hfdl diff runs/base runs/lora --file mine.csv --by source
      hfdl diff runs/base runs/lora --output flips.csv
    """
    for path in output or []:
        _check_ending(path)
        refuse_output(path, overwrite=overwrite, inputs=[file])
    from hfdl.config.overrides import parse_overrides

    settings = parse_overrides(overrides or [])
    with working("reading the predictions") as listener:
        from hfdl.differences.diff import diff as differing

        found = differing(a, b, settings, file=file, by=by or (), listener=listener)
        for path in output or []:
            with written_aside(path) as aside:
                found.write(aside)
    if json:
        print_json(found.to_dict())
    else:
        _print(found)
        for path in output or []:
            print_text(f"saved {path}")


def _check_ending(output: Path) -> None:
    from hfdl.errors import OutputError, shell_path

    if output.suffix.lower() not in SUFFIXES:
        raise OutputError(
            f"the ending {output.suffix!r} is unknown" if output.suffix else "it has no ending",
            where=str(output),
            rule=".html is a page, .csv and .jsonl are the flips",
            remedy=f"name it: --output {shell_path(output.with_suffix('.html'))}",
        )


def _print(found: Difference) -> None:
    print_text(f"A: {found.names[0]}  B: {found.names[1]}")
    print_text(f"{found.examples:,} examples of {found.split}, the same for both")
    print()
    rows = [[name, *_cells(effect), effect.test] for name, effect in found.effects.items()]
    print_table(["", "A", "B", "B - A, 95 % interval", "p", "test"], rows)
    print()
    print_text(found.said())
    print_text(found.power())
    for note in (*found.notes, *found.warnings()):
        print_text(f"note: {note}")
    _print_flips(found)
    _print_slices(found)


def _cells(effect: Effect) -> list[str]:
    from hfdl.differences.result import p_text

    ends = "" if effect.low is None else f" ({effect.low:+.4f} to {effect.high:+.4f})"
    return [f"{effect.a:.4f}", f"{effect.b:.4f}", f"{effect.difference:+.4f}{ends}",
            p_text(effect.p)]  # fmt: skip


def _print_flips(found: Difference) -> None:
    if not found.flips:
        return
    print()
    kinds = list(dict.fromkeys(flip["kind"] for flip in found.flips))
    print_text(", ".join(f"{kind}: {_count(found, kind):,}" for kind in kinds))
    shown = [flip for k in kinds for flip in [f for f in found.flips if f["kind"] == k][:_SHOWN]]
    rows = [[flip["kind"], _said(flip["a"]), _said(flip["b"]), _text(flip)] for flip in shown]
    print_table(["", "A", "B", "text"], rows, cut_last=True)


def _count(found: Difference, kind: str) -> int:
    return sum(flip["kind"] == kind for flip in found.flips)


def _said(answer: dict[str, Any]) -> str:
    value, score, loss = answer.get("prediction"), answer.get("score"), answer.get("loss")
    if isinstance(value, list):
        value = ", ".join(map(str, value)) or "none"
    if isinstance(value, float):
        return f"{value:.3f}"
    words = [] if value is None else [str(value)[:24]]
    number = score if score is not None else None if words else loss
    return " ".join([*words, *([f"{number:.2f}"] if isinstance(number, float) else [])])


def _text(flip: Mapping[str, Any]) -> str:
    texts = [str(flip[key]) for key in ("text", "text_pair") if flip.get(key) is not None]
    return " ".join(" | ".join(texts).split())


def _print_slices(found: Difference) -> None:
    from hfdl.differences.result import p_text

    worse = found.worse()[:_SLICES]
    if not worse:
        return
    print()
    print_text(
        f"slices with a worse {found.metric}, of {len(found.slices)}; p by Holm for so many:"
    )
    rows = [
        [one.name, f"{one.examples:,}", *_cells(one.effect)[:3], p_text(one.adjusted)]
        for one in worse
    ]
    print_table(["", "examples", "A", "B", "B - A, 95 % interval", "p"], rows)
