"""Pipelines by name."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.wording import assert_wording

import hfdl
from hfdl.errors import ConfigError
from hfdl.pipelines.registry import WITHOUT_TASK, pipeline_names, pipeline_spec
from hfdl.tasks.registry import TASKS, attribute


def test_every_name_leads_to_a_class_of_its_task() -> None:
    for name in pipeline_names():
        spec = pipeline_spec(name)
        assert spec.implementation is not None
        built: Any = attribute(spec.implementation)
        assert built.task == (name if name in WITHOUT_TASK else TASKS[str(spec.task)].hub_task)
    assert len(pipeline_names()) >= 15
    assert len(WITHOUT_TASK) == 3
    assert not set(WITHOUT_TASK) & {*TASKS, *(a for s in TASKS.values() for a in s.aliases)}


@pytest.mark.parametrize("name", ["zero-shot", "feature_extraction", "embedding", "ner2", "qqq"])
def test_unknown_names(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        hfdl.pipeline(name, model="x")
    assert_wording(caught.value)
