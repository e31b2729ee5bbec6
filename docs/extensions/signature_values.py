"""Show the value of a default that the source gives by a name: ``'main'`` for ``MAIN``."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_NAMED = re.compile(r"(= ?)([A-Z][A-Z0-9_]*)(?![\w.(\[])")
_LONGEST = 40


def with_values(signature: str, scope: dict[str, Any]) -> str:
    """A signature whose constants, strings and numbers of a module, stand as their values."""

    def value(name: re.Match[str]) -> str:
        found = scope.get(name[2])
        is_plain = isinstance(found, str | int | float | bool)
        shown = repr(found) if is_plain and len(repr(found)) <= _LONGEST else name[2]
        return name[1] + shown

    return _NAMED.sub(value, signature)


def show_values(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: Any
) -> tuple[str | None, Any] | None:
    """Change a signature before it is shown."""
    function = inspect.unwrap(obj.__init__ if inspect.isclass(obj) else obj)
    scope = getattr(function, "__globals__", None)
    if signature is None or scope is None:
        return None
    return with_values(signature, scope), returns


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.connect("autodoc-process-signature", show_values)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
