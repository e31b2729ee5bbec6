"""Open models, and serve their page to this computer alone."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from hfdl.demo.models import DemoModel, Found, find_models, open_model
from hfdl.errors import ConfigError, MissingExtraError
from hfdl.progress import tell

if TYPE_CHECKING:
    from hfdl.demo.server import Server

PORT = 7860
"""Gradio's port, which is in its users' fingers."""


class Demo:
    """A page that is being served; as a context manager it ends with the block.

    Args:
        server: what serves it.

    Attributes:
        url: its address on this computer.
        shared_url: its address on the network, if it was asked for.
    """

    def __init__(self, server: Server, shared_url: str | None = None) -> None:
        self._server = server
        self.url = server.url
        self.shared_url = shared_url

    def wait(self) -> None:
        """Until the page is closed, or Ctrl-C."""
        self._server.wait()

    def close(self) -> None:
        """End it, whoever is looking."""
        self._server.close()

    def __enter__(self) -> Demo:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def launch(
    models: str | Path | Sequence[str | Path],
    *,
    port: int = PORT,
    share: bool = False,
    src_lang: str | None = None,
    tgt_lang: str | None = None,
    precision: str = "float32",
) -> Demo:
    """Serve a page for one model, or for several side by side.

    Models of one task share an input and stand beside each other; each other task has a tab. The
    page is served to 127.0.0.1 alone, and neither it nor the server asks the network for anything.

    Args:
        models: runs' folders, model folders or Hub ids.
        port: 0 takes a free one.
        share: ask Gradio's service for a public address as well, which leads to this computer for
            as long as the page is served: whoever knows it can use the models.
        src_lang, tgt_lang: the languages, of models that translate between several.
        precision: ``float32``, or on a CPU ``int8``, for all of them.

    Raises:
        MissingExtraError: Gradio is not installed.
        ConfigError: no model was named, none of them translates between languages that were given,
            one has no such precision, the port is taken, or there is no public address to be had.
        ModelError: a model cannot be found or opened, or its task has no page.
    """
    if find_spec("gradio") is None:
        raise MissingExtraError("gradio", feature="hfdl demo", extra="demo")
    names = [models] if isinstance(models, str | Path) else list(models)
    if not names:
        raise ConfigError("no model was named", where="models", remedy="name a run's folder")
    from hfdl.demo.server import Server, listen

    listener = listen(port)  # before minutes are spent on the models
    try:
        found = find_models(names)
        languages = _languages(found, src_lang=src_lang, tgt_lang=tgt_lang)
        opened = _opened(found, languages, precision)
        app = _app(opened, listener.getsockname()[1], share=share)
    except BaseException:
        listener.close()
        raise
    server = Server(app, listener)
    if not share:
        return Demo(server)
    from hfdl.demo.share import public_address

    try:
        return Demo(server, public_address(server.port))
    except BaseException:
        server.close()
        raise


def _languages(found: Sequence[Found], **given: str | None) -> dict[str, str]:
    """Languages that were given, once it is sure that a model may use them."""
    languages = {name: value for name, value in given.items() if value is not None}
    if languages and not any(one.translates for one in found):
        raise ConfigError(
            "none of the models translates",
            where=", ".join(languages),
            rule="languages are those of a translation",
            remedy="leave them out",
        )
    return languages


def _opened(
    found: Sequence[Found], languages: dict[str, str], precision: str
) -> dict[tuple[str, str], list[DemoModel]]:
    """The models, opened one after the other, by panel and its variant."""
    opened: dict[tuple[str, str], list[DemoModel]] = {}
    from hfdl.demo.panel import Panel
    from hfdl.tasks.registry import attribute

    for one in found:
        tell(f"opening {one.name}")
        model = open_model(one, languages, precision)
        panel: type[Panel] = attribute(one.panel)
        opened.setdefault((one.panel, panel.variant(model)), []).append(model)
    return opened


def _app(opened: dict[tuple[str, str], list[DemoModel]], port: int, *, share: bool) -> Any:
    """The application that serves the models."""
    tell("building the page")
    from hfdl.demo.app import make_app
    from hfdl.tasks.registry import attribute

    panels = [attribute(path)(models) for (path, _), models in opened.items()]
    return make_app(panels, port, share=share)
