"""An evaluation before the first update: what the model was, kept where nothing after is better."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import hfdl
from hfdl.runs.run import Run
from hfdl.training.events import Evaluated, Event, Interrupted, Updated

pytestmark = pytest.mark.usefixtures("without_report")


def run(settings: dict[str, Any], output: Path, told: list[Event], **more: Any) -> Run:
    options = {**settings, "train.steps": 3, "train.evaluate_every": 3, **more}
    return hfdl.train("sentiment", options, output=output, listener=told.append)


def evaluations(told: list[Event]) -> list[Evaluated]:
    return [event for event in told if isinstance(event, Evaluated)]


def test_it_is_made_before_any_update(settings: dict[str, Any], tmp_path: Path) -> None:
    told: list[Event] = []
    # So small a rate leaves float32 weights as they are: first and last must agree.
    still = {"train.learning_rate": 1e-30, "train.weight_decay": 0.0}
    run(settings, tmp_path / "run", told, **still, **{"train.evaluate_at_start": True})
    kinds = [type(e).__name__ for e in told if isinstance(e, Evaluated | Updated)]
    assert kinds == ["Evaluated", "Updated", "Updated", "Updated", "Evaluated"]
    first, last = evaluations(told)
    assert (first.step, first.epoch, first.is_best) == (0, 0.0, True)
    assert first.metrics == last.metrics
    assert not last.is_best


def test_without_the_key_there_is_none(settings: dict[str, Any], tmp_path: Path) -> None:
    told: list[Event] = []
    run(settings, tmp_path / "run", told)
    assert [event.step for event in evaluations(told)] == [3]


def test_weights_that_only_got_worse_are_not_kept(settings: dict[str, Any], tmp_path: Path) -> None:
    told: list[Event] = []
    wild = {"train.learning_rate": 3.0, "train.best_metric": "loss", "train.warmup": 0}
    done = run(settings, tmp_path / "run", told, **wild, **{"train.evaluate_at_start": True})
    first, last = evaluations(told)
    assert last.metrics["loss"] > 2 * first.metrics["loss"]
    assert done.metrics["best"] == {
        "metric": "loss", "value": first.metrics["loss"], "step": 0, "epoch": 0.0,
    }  # fmt: skip
    assert done.metrics["validation"] == pytest.approx(first.metrics)


def test_a_run_with_it_resumes_bit_for_bit(settings: dict[str, Any], tmp_path: Path) -> None:
    key = {"train.evaluate_at_start": True}
    run(settings, tmp_path / "straight", [], **key)

    def stop(event: Event) -> None:
        if isinstance(event, Updated) and event.step == 1:
            import signal

            signal.raise_signal(signal.SIGTERM)

    options = {**settings, "train.steps": 3, "train.evaluate_every": 3, **key}
    with pytest.raises(Interrupted):
        hfdl.train("sentiment", options, output=tmp_path / "stopped", listener=stop)
    told: list[Event] = []
    hfdl.train("sentiment", output=tmp_path / "stopped", resume=True, listener=told.append)
    assert [event.step for event in evaluations(told)] == [3]  # the first is not made again
    a, b = (load_file(tmp_path / name / "model.safetensors") for name in ("straight", "stopped"))
    assert a.keys() == b.keys()
    assert len(a) > 30
    assert all(torch.equal(a[name], b[name]) for name in a)
