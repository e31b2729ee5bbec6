"""A public address, from Gradio's own service, for who asks for one."""

from __future__ import annotations

import secrets

from hfdl.demo.server import HOST
from hfdl.errors import ConfigError


def public_address(port: int) -> str:
    """The address under which Gradio's service reaches a port of this computer.

    Args:
        port: of the page.

    Raises:
        ConfigError: the service cannot be reached, or gives none.
    """
    from gradio.networking import setup_tunnel

    try:
        return setup_tunnel(HOST, port, secrets.token_urlsafe(32), None, None)
    except Exception as error:  # of httpx, of the system, or Gradio's own
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(
            f"there is no public address to be had ({reason:.200})",
            where="share",
            rule="it needs the network, and Gradio's service at gradio.live",
            remedy="leave --share out",
        ) from error
