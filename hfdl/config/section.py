"""What the sections of a recipe are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from hfdl.config.own_paths import absolute

OwnCode = Annotated[str, AfterValidator(absolute)]
"""A name, or ``file.py:NAME`` or ``module:NAME``; the path of a file becomes absolute."""
PositiveInt = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]
Threshold = Annotated[float, Field(ge=0.0, le=1.0)]


class Section(BaseModel):
    """A group of keys: immutable, and closed to keys that it does not know."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )
