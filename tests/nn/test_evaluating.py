"""Eval mode for a while: what it leaves, and what it costs where there is nothing to do."""

from __future__ import annotations

from contextlib import suppress

import pytest
from torch import nn

from hfdl.nn.lengths import evaluating


def some_layers() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Dropout(0.5), nn.Linear(2, 2)))


def modes(model: nn.Module) -> list[bool]:
    return [module.training for module in model.modules()]


def test_modules_are_in_eval_mode_and_then_as_they_were() -> None:
    model = some_layers()
    model.get_submodule("1.0").eval()
    before = modes(model)
    assert len(set(before)) == 2
    with suppress(ZeroDivisionError), evaluating(model):
        assert not any(modes(model))
        _ = 1 / 0
    assert modes(model) == before


def test_one_module_that_trains_is_enough() -> None:
    model = some_layers().eval()
    model.get_submodule("1.0").train()
    with evaluating(model):
        assert not any(modes(model))
    assert modes(model).count(True) == 1


def test_a_model_in_eval_mode_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting the mode of every module anew took a millisecond of each request to a server."""
    model = some_layers().eval()
    monkeypatch.setattr(nn.Module, "train", lambda self, mode=True: pytest.fail("set anew"))
    with evaluating(model):
        assert not any(modes(model))
