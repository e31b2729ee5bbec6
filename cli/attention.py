"""``hfdl attention``: what a model attends to in a text, as a page or a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from hfdl.progress import tell

from .printing.output_file import refuse_output, written_aside
from .printing.progress import working
from .printing.text import print_text

SUFFIXES = (".html", ".png")


def attention(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A run's folder, a model folder or a Hub id.")
    ],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What the model reads.")],
    output: Annotated[
        Path,
        typer.Option(metavar="F.html|F.png", help="A page to explore, or a picture of heat maps."),
    ],
    compare: Annotated[
        str | None,
        typer.Option(metavar="OTHER", help="Show how this model's attention differs from MODEL's."),
    ] = None,
    layer: Annotated[
        int | None, typer.Option(metavar="L", help="Layer, from 0: alone in a png, first in html.")
    ] = None,
    head: Annotated[
        int | None, typer.Option(metavar="H", help="Head, from 0, of the layer.")
    ] = None,
    kind: Annotated[
        Literal["encoder", "decoder", "cross"] | None,
        typer.Option(help="Of an encoder-decoder model. Default: cross.", metavar="KIND"),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="What the decoder of an encoder-decoder model reads. Default: what it writes.",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace F if it exists.")] = False,
) -> None:
    """Draw what a model attends to, in each layer and head.

    KIND is encoder, decoder or cross. The page needs no network.

    \b
    Examples:
      hfdl attention runs/sentiment "A warm and funny film." --output a.html
      hfdl attention runs/sentiment "A film." --output a.png --layer 5 --head 3
      hfdl attention runs/sentiment "A film." --compare runs/mine --output a.html
      hfdl attention runs/en-de "A film." --target "Ein Film." --output a.html
    """
    _check_ending(output)
    refuse_output(output, overwrite=overwrite)
    if head is not None and layer is None:
        raise typer.BadParameter("--head is a head of a --layer: give both")
    from hfdl.runs.texts import clean

    with working(f"opening {model}"):
        from hfdl.interpret.attention_view import attention_view

        view = attention_view(model, text, compare_with=compare, target=target)
        tell(f"writing {output}")
        write = view.to_html if output.suffix.lower() == ".html" else view.to_png
        with written_aside(output) as aside:
            write(aside, kind=kind, layer=layer, head=head)
    print_text(clean(f"saved {output}"))


def _check_ending(output: Path) -> None:
    from hfdl.errors import OutputError, shell_path

    if output.suffix.lower() not in SUFFIXES:
        raise OutputError(
            f"the ending {output.suffix!r} is unknown" if output.suffix else "it has no ending",
            where=str(output),
            rule="the ending says what is written: .html a page, .png a picture",
            remedy=f"name it: --output {shell_path(output.with_suffix('.html'))}",
        )
