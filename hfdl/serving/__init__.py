"""``hfdl serve``: a model behind HTTP, on FastAPI and uvicorn (the extra ``serve``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfdl.errors import ConfigError, MissingExtraError
from hfdl.serving.address import listen, url_of
from hfdl.serving.limits import Limits

if TYPE_CHECKING:
    from hfdl.serving.service import Service

_PACKAGES = ("fastapi", "uvicorn", "prometheus_client")


def serve(
    model: str | Path,
    *,
    task: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    limits: Limits | None = None,
    parameters: Mapping[str, Any] | None = None,
    threads: int | None = None,
    key_file: str | Path | None = None,
    ready: Callable[[str, Service], None] = lambda url, service: None,
    ending: Callable[[int], None] = lambda unanswered: None,
) -> int:
    """Serve a model until SIGINT or SIGTERM, from a program's main thread.

    Args:
        model: a run's folder, a model folder or a Hub id.
        task: as for ``hfdl.pipeline``. Default: what the model's folder says.
        host, port: where to listen; port 0 is one that is free.
        limits: sizes, times and the queue.
        parameters: options of the pipeline's call, where a request has no others.
        threads: of torch. Default: torch's own choice.
        key_file: holds what clients must send as ``Authorization: Bearer KEY``. Default: nothing.
        ready: called with the address and the service once the model answers.
        ending: called with the number of requests in flight when a signal has come.

    Returns:
        the number of the signal.

    Raises:
        ConfigError: the address cannot be had, no key is in the file, or a parameter is wrong.
        MissingExtraError: the extra ``serve`` is not installed.
        ModelError: as ``hfdl.pipeline``.
    """
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise MissingExtraError(missing[0], feature="hfdl serve", extra="serve")
    key = None if key_file is None else _read_key(Path(key_file))
    with listen(host, port) as opened:
        url = url_of(opened)
        from hfdl.serving.server import run_server
        from hfdl.serving.service import Service

        service = Service(str(model), task, limits, parameters, threads)
        return run_server(
            service, opened, ready=lambda: ready(url, service), ending=ending, key=key
        )


def _read_key(file: Path) -> str:
    """The first line of a file.

    Raises:
        ConfigError: it cannot be read, or has none.
    """
    try:
        lines = file.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{file} cannot be read ({getattr(error, 'strerror', None) or 'it is no text'})",
            where="--api-key-file", rule="it is a text file with the key",
            remedy="correct the path",
        ) from None  # fmt: skip
    if len(lines) != 1:
        raise ConfigError(
            f"{file} has {len(lines)} words", where="--api-key-file",
            rule="it holds the key and nothing else",
            remedy="write one into it: openssl rand -hex 32",
        )  # fmt: skip
    return lines[0]


__all__ = ["Limits", "serve"]
