"""Every parameter of every pipeline that is served is explained at /docs and /openapi.json."""

from __future__ import annotations

import importlib
from typing import get_args

import pytest

from hfdl.config.schema import DataConfig
from hfdl.pipelines.registry import pipeline_names, pipeline_spec
from hfdl.pipelines.text_classification import FUNCTIONS
from hfdl.serving.option_words import option_words


def kinds() -> dict[str, type]:
    """The class of each pipeline, by the name that it has itself."""
    found = {}
    for name in pipeline_names():
        module, _, kind = (pipeline_spec(name).implementation or ":").partition(":")
        if kind:
            made = getattr(importlib.import_module(module), kind)
            found[getattr(made, "task", name)] = made
    return found


KINDS = kinds()


@pytest.mark.parametrize("task", [*KINDS])
def test_each_option_has_words(task: str) -> None:
    missing = [name for name in KINDS[task].call_options() if not option_words(KINDS[task], name)]
    assert missing == []


def test_strings_that_are_possible_are_named() -> None:
    assert len(KINDS) >= 8
    field = DataConfig.model_fields["long_text"].annotation
    strings = [one for each in get_args(field) for one in get_args(each)]
    assert len(strings) == 4
    words = option_words(KINDS["text-classification"], "long_text") or ""
    assert all(one in words for one in strings)
    words = option_words(KINDS["text-classification"], "function_to_apply") or ""
    assert all(one in words for one in FUNCTIONS.values())
