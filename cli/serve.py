"""``hfdl serve``: a model behind HTTP."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from .arguments.options import Precision, RunOrModel, parsed
from .printing.progress import working
from .printing.text import print_note, print_unfolded, to_json

MODEL_THREAD = "hfdl-model"


def serve(
    run_or_model: RunOrModel,
    parameters: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE",
            help="Parameters of requests that name no others, such as top_k=3.",
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(metavar="TASK", help="As for hfdl.pipeline. Default: what the model is for."),
    ] = None,
    precision: Precision = "float32",
    host: Annotated[
        str,
        typer.Option(metavar="H", help="Address to listen at; 0.0.0.0: for the whole network."),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="P", min=0, max=65535, help="0: one that is free.")
    ] = 8000,
    api_key_file: Annotated[
        Path | None,
        typer.Option(metavar="F", help="Ask clients for the key in this file, as a Bearer token."),
    ] = None,
    max_wait: Annotated[
        float,
        typer.Option(metavar="MS", help="Milliseconds a free model waits for more texts."),
    ] = 5.0,
    max_batch_tokens: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Padded tokens of a batch. Default: 4096; GPU: 65536."
        ),
    ] = None,
    max_queue: Annotated[
        int, typer.Option(metavar="N", min=1, help="Requests at once; more are answered with 429.")
    ] = 256,
    max_body: Annotated[
        int, typer.Option(metavar="BYTES", min=1, help="Of a request; a larger one: 413.")
    ] = 2 << 20,
    max_texts: Annotated[
        int, typer.Option(metavar="N", min=1, help="Texts of a request; more: 422.")
    ] = 256,
    max_length: Annotated[
        int, typer.Option(metavar="N", min=1, help="Characters of a text; more: 422.")
    ] = 50_000,
    max_beams: Annotated[
        int, typer.Option(metavar="N", min=1, help="num_beams and num_return_sequences.")
    ] = 8,
    timeout: Annotated[
        float, typer.Option(metavar="S", help="Seconds for a request; then: 504.")
    ] = 30.0,
    grace: Annotated[
        float, typer.Option(metavar="S", help="Seconds to answer what is in flight at the end.")
    ] = 10.0,
    threads: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Of torch. Default: torch's own.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the line that tells the address as JSON.")
    ] = False,
) -> None:
    """Serve a model over HTTP.

    At this machine's own address, unless --host says otherwise. POST /predict takes {"inputs":
    ..., "parameters": {...}} and answers as transformers.pipeline does. GET /docs is a page
    with all paths; /health, /ready and /metrics are for who runs it. SIGTERM or Ctrl+C ends it:
    what is in flight is answered first, a second one ends it at once.

    \b
    Examples:
      hfdl serve runs/sentiment
      hfdl serve runs/ner aggregation_strategy=viterbi --port 8080
      hfdl serve runs/clm max_new_tokens=40 --timeout 60
      hfdl serve runs/nli --task zero-shot-classification --precision int8
      curl -s localhost:8000/predict -H 'Content-Type: application/json' \\
        -d '{"inputs": "A warm and funny film."}'
    """
    limits: dict[str, Any] = {
        "max_wait": max_wait / 1000, "max_batch_tokens": max_batch_tokens, "max_queue": max_queue,
        "max_body": max_body, "max_texts": max_texts, "max_length": max_length,
        "max_beams": max_beams, "timeout": timeout, "grace": grace,
    }  # fmt: skip
    given: dict[str, Any] = {
        "task": task, "host": host, "port": port,
        "parameters": _with_precision(_named(parameters), precision),
        "threads": threads, "key_file": api_key_file,
    }  # fmt: skip
    # Until the server takes signals itself, and after it has given them back.
    signal.signal(signal.SIGTERM, _end_at_once)
    signum = _serve(run_or_model, limits, given, json=json)
    sys.stdout.flush()
    if any(thread.name == MODEL_THREAD for thread in threading.enumerate()):
        os._exit(128 + signum)  # a forward pass cannot be ended from outside
    raise typer.Exit(128 + signum)


def _end_at_once(signum: int, frame: object) -> None:
    os._exit(128 + signum)


def _serve(model: str, limits: dict[str, Any], given: dict[str, Any], *, json: bool) -> int:
    """Serve until a signal comes; its number."""
    with ExitStack() as stack:
        stack.enter_context(working(f"opening {model}"))
        from hfdl.serving import Limits, serve

        def ready(url: str, service: Any) -> None:
            stack.close()
            _tell(url, service, given["host"], has_key=given["key_file"] is not None, json=json)

        def ending(unanswered: int) -> None:
            if unanswered:
                count = f"{unanswered} request" + ("s" if unanswered > 1 else "")
                most = f"for {limits['grace']:g} s at most"
                print_note(f"answering {count}, {most}; Ctrl+C again ends at once")

        return serve(model, limits=Limits(**limits), ready=ready, ending=ending, **given)


def _tell(url: str, service: Any, host: str, *, has_key: bool, json: bool) -> None:
    """Say where the model answers, and who else may ask it."""
    from hfdl.runs.texts import clean

    facts = {
        "url": url, "model": service.name, "task": service.pipe.task,
        "precision": service.pipe.precision, "pid": os.getpid(),
    }  # fmt: skip
    if json:
        print(to_json(facts), flush=True)
    else:
        precision = "" if facts["precision"] == "float32" else f", {facts['precision']}"
        what = f"{service.name} ({service.pipe.task}{precision})"
        print_unfolded(clean(f"{what} answers at {url}"))
        print_unfolded(f"  POST {url}/predict; a page with all paths: {url}/docs")
        sys.stdout.flush()
    is_local = url.startswith(("http://127.", "http://[::1]")) and host not in ("0.0.0.0", "::")
    if not is_local and not has_key:
        print_note(
            f"{host} lets every machine that reaches this one ask the model: no key is asked for "
            "(--api-key-file F) and nothing is encrypted; 127.0.0.1 is this machine alone"
        )


def _named(parameters: list[str] | None) -> dict[str, Any]:
    """Options by name, of words KEY=VALUE."""
    found = {}
    for word in parameters or []:
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            raise typer.BadParameter(f"{word!r} is no KEY=VALUE, such as top_k=3")
        found[name] = parsed(value)
    return found


def _with_precision(options: dict[str, Any], precision: str) -> dict[str, Any]:
    """Options of the pipeline, the precision among them where it is not the default."""
    if precision == "float32":
        return options
    if "precision" in options:
        raise typer.BadParameter("--precision and precision= are one option: give it once")
    return {**options, "precision": precision}
