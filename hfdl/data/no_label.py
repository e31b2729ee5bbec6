"""Texts in the place of a label that mean that there is none: N/A, NULL, nan."""

from __future__ import annotations

from collections.abc import Sequence

from hfdl.config.overrides import as_override
from hfdl.config.schema import DataConfig

_NONE = {
    "#n/a", "#n/a n/a", "#na", "#value!", "#ref!", "-1.#ind", "-1.#qnan", "1.#ind", "1.#qnan",
    "-nan", "<na>", "n/a", "n.a.", "na", "nan", "nat", "nil", "null", "(null)", "\\n", "[null]",
    "undefined", "missing", "?", "-", "--", ".",
}  # fmt: skip
"""What pandas, R, SQL, Excel and JavaScript write, in lower case."""


def means_none(name: str) -> bool:
    """Whether a label is probably none. "none" may be a class; "None" is what Python writes."""
    return name.strip().casefold() in _NONE or name.strip() == "None"


def left_out(names: Sequence[str], config: DataConfig) -> str:
    """What to set so that rows with these labels are left out."""
    values = list(dict.fromkeys([*(config.na_values or ()), *names]))
    return f"data.unlabelled=skip {as_override('data.na_values', values)}"
