"""The page at /docs: the paths and a form to try them, without a script from elsewhere."""

from __future__ import annotations

from typing import Any


def docs_page(description: dict[str, Any], facts: dict[str, Any]) -> str:
    """The page.

    Args:
        description: in OpenAPI.
        facts: about the server.
    """
    return "<!doctype html><title>hfdl</title>"
