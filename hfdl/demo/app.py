"""Gradio's application, kept to this computer: no host but this one, no request to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr
from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.middleware.trustedhost import TrustedHostMiddleware

from hfdl.demo.html import style
from hfdl.demo.page import build_page, theme
from hfdl.demo.panel import Panel

HOSTS = ["127.0.0.1", "localhost"]
"""Names that the page answers to. A page of another site whose name was made to lead here (DNS
rebinding) is refused."""
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "media-src 'none'; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'self'"
)
"""What the browser may load: this server's files. Gradio's own program is written inline."""


def make_app(panels: Sequence[Panel], port: int, *, share: bool = False) -> Any:
    """The ASGI application of a page.

    Args:
        panels: one for each question.
        port: that it is served from.
        share: whether it is reached under a public name, too.
    """
    page = build_page(panels)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    gr.mount_gradio_app(
        app, page, path="/", server_name="127.0.0.1", server_port=port, theme=theme(), css=style(),
        footer_links=[], run_history=False, show_error=True, max_file_size=1, ssr_mode=False,
        pwa=False, mcp_server=False, enable_monitoring=False,
    )  # fmt: skip
    app.add_middleware(_Policy)
    if not share:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False)
    return app


class _Policy:
    """Middleware that sends ``POLICY`` with every answer.

    Args:
        app: what answers.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = POLICY
                headers["Referrer-Policy"] = "no-referrer"
            await send(message)

        await self._app(scope, receive, with_policy if scope["type"] == "http" else send)
