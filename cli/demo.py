"""``hfdl demo``: trained models as a page in the browser."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from .arguments.completion import complete_run
from .arguments.options import Precision
from .printing.progress import working
from .printing.text import print_unfolded

if TYPE_CHECKING:
    from hfdl.demo.launch import Demo


def demo(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN_OR_MODEL",
            help="Runs' folders, model folders or Hub ids.",
            autocompletion=complete_run,
        ),
    ],
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="Port; 0 takes a free one.")
    ] = 7860,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-browser", help="Open the page in a browser.")
    ] = False,
    src_lang: Annotated[
        str | None, typer.Option(metavar="LANG", help="Language of the texts, for translations.")
    ] = None,
    tgt_lang: Annotated[
        str | None, typer.Option(metavar="LANG", help="Language that is translated into.")
    ] = None,
    precision: Precision = "float32",
    share: Annotated[
        bool,
        typer.Option("--share", help="A public address too, by Gradio's service: see below."),
    ] = False,
) -> None:
    """Try models in the browser.

    Beside each answer stands what the model attends to. Models of one task stand side by side
    and read one input; each other task has a tab. The page is served to this computer alone and
    needs no network. With --share, Gradio's service gives it a public address as well: while
    the command runs, whoever knows the address can use the models, and what they type passes
    through that service.

    \b
    Examples:
      hfdl demo runs/sentiment
      hfdl demo runs/sentiment runs/bag-of-words
      hfdl demo runs/ner runs/sentiment runs/clm --open
      hfdl demo sentence-transformers/all-MiniLM-L6-v2 --port 0
      hfdl demo google-t5/t5-small --src-lang en --tgt-lang de
    """
    signal.signal(signal.SIGTERM, _terminated)
    try:
        with working(f"opening {', '.join(models)}"):
            from hfdl.demo.launch import launch

            served = launch(
                models, port=port, share=share, src_lang=src_lang, tgt_lang=tgt_lang,
                precision=precision,
            )  # fmt: skip
        _serve(served, open_browser=open_browser)
    except KeyboardInterrupt:
        _leave(128 + signal.SIGINT)


def _serve(served: Demo, *, open_browser: bool) -> None:
    print_unfolded(f"serving at {served.url} (Ctrl-C ends it)")
    if served.shared_url:
        print_unfolded(f"public, to whoever knows it: {served.shared_url}")
    sys.stdout.flush()
    if open_browser:
        import webbrowser

        webbrowser.open(served.url)
    served.wait()


def _terminated(number: int, frame: FrameType | None) -> None:
    _leave(128 + number)


def _leave(code: int) -> None:
    """End now: a model in the middle of an answer has a thread, which Python would wait for."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
