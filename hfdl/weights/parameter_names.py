"""What a model's parameters are called, in its own code and in transformers'."""

from __future__ import annotations

from typing import Any


def all_names(model: Any) -> dict[str, list[str]]:
    """Each parameter's name, and all that one may call it: also transformers' names for it.

    Several parameters of hfdl's own code can be one tensor of transformers', and its name is then
    that of each of them.
    """
    table = getattr(model, "table", None)
    names = [name for name, _ in model.named_parameters()]
    if table is None:
        return {name: [name] for name in names}
    return {name: [*table.theirs_of(name.removeprefix("core.")), name] for name in names}
