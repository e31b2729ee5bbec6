"""Out of memory: the update is made in smaller parts, and is the update that it would have been."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.wording import assert_wording
from safetensors.torch import load_file

import hfdl
from hfdl.errors import TrainingError
from hfdl.tasks import inference
from hfdl.training import evaluation
from hfdl.training.events import Event, Interrupted, Noted, Updated
from hfdl.training.memory import half, is_out_of_memory

FITS = 3
"""Rows of a forward pass for which the pretended device has memory."""


pytestmark = pytest.mark.usefixtures("without_report")


class Device:
    """A device whose memory ends in the backward pass of more than ``fits`` rows."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fits: int) -> None:
        self.fits, self.rows = fits, []
        from hfdl.hf_models import ScratchBertForSequenceClassification as Model

        forward = Model.forward

        def limited(model: Any, *args: Any, input_ids: torch.Tensor, **kwargs: Any) -> Any:
            self.rows.append(len(input_ids))
            outputs = forward(model, *args, input_ids=input_ids, **kwargs)
            if model.training and len(input_ids) > self.fits:
                # In the middle of things: random numbers were drawn, and gradients are there.
                outputs.logits.sum().backward()
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            return outputs

        monkeypatch.setattr(Model, "forward", limited)


def options(settings: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**settings, "train.steps": 6, "train.epochs": 1, **more}


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model.safetensors")


def assert_equal_bits(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    assert len(a) > 30
    assert [name for name in a if not torch.equal(a[name], b[name])] == []


def test_a_run_that_shrinks_ends_like_one_that_was_told_the_size(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Event] = []
    small: list[Event] = []
    expected = tmp_path / "told"
    chosen = options(settings, **{"train.micro_batch_size": 2})
    hfdl.train("sentiment", chosen, output=expected, listener=small.append)
    device = Device(monkeypatch, FITS)
    run = hfdl.train("sentiment", options(settings), output=tmp_path / "run", listener=told.append)
    # 8 and 4 rows were tried and failed at the first update alone; 2 fit from then on.
    assert device.rows[:6] == [8, 4, 2, 2, 2, 2]
    assert_equal_bits(weights(run.directory), weights(expected))  # dropout included
    notes = [e.text for e in told if isinstance(e, Noted) and "memory" in e.text]
    assert notes == [
        "memory did not suffice for update 1 in micro-batches of 8: going on with 4; an update "
        "stays 8 examples",
        "memory did not suffice for update 1 in micro-batches of 4: going on with 2; an update "
        "stays 8 examples",
    ]
    sizes = [[e.examples for e in events if isinstance(e, Updated)] for events in (told, small)]
    assert sizes[0] == sizes[1]
    assert max(sizes[0]) == 8


def test_a_shrunken_run_resumes_with_the_size_that_it_found(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Device(monkeypatch, FITS)
    chosen = options(settings)
    straight = hfdl.train("sentiment", chosen, output=tmp_path / "a", listener=lambda e: None)

    def stop(event: Event) -> None:
        if isinstance(event, Updated) and event.step == 3:
            import signal

            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Interrupted):
        hfdl.train("sentiment", chosen, output=tmp_path / "b", listener=stop)
    (state,) = (tmp_path / "b" / "checkpoints").glob("step-*/state.json")
    assert json.loads(state.read_text())["micro_batch_size"] == 2
    device.rows.clear()
    resumed = hfdl.train("sentiment", output=tmp_path / "b", resume=True, listener=lambda e: None)
    assert max(device.rows[:12]) == 2  # nothing larger was tried again
    assert_equal_bits(weights(resumed.directory), weights(straight.directory))


def test_one_example_that_does_not_fit_ends_the_run(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Device(monkeypatch, 0)
    with pytest.raises(TrainingError) as caught:
        hfdl.train("sentiment", options(settings), output=tmp_path / "run", listener=lambda e: None)
    assert_wording(caught.value)


def test_an_evaluation_begins_again_with_smaller_batches(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = options(settings, **{"train.steps": 1})
    plain = hfdl.train("sentiment", chosen, output=tmp_path / "a", listener=lambda e: None)
    budgets: list[int] = []
    batches = inference.inference_batches

    def watched(lengths: Any, budget: int, limit: Any = None) -> Any:
        budgets.append(budget)
        return batches(lengths, budget, limit)

    forward = evaluation.forward_batches

    def limited(model: Any, split: Any, given: Any, *rest: Any) -> Any:
        if max(map(len, given)) > 3:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't "
                               "allocate memory: you tried to allocate 9 bytes")  # fmt: skip
        return forward(model, split, given, *rest)

    monkeypatch.setattr(evaluation, "inference_batches", watched)
    monkeypatch.setattr(evaluation, "forward_batches", limited)
    found = hfdl.train("sentiment", chosen, output=tmp_path / "b", listener=lambda e: None)
    assert len(set(budgets)) > 3
    assert found.metrics["validation"] == pytest.approx(plain.metrics["validation"], rel=1e-6)


@pytest.mark.parametrize("message", ["could not create a primitive", "out of memory"])
def test_a_run_does_without_onednn_where_that_found_no_room(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message: str
) -> None:
    """Of float32 torch has code of its own; the next run in this process has oneDNN again."""
    from hfdl.hf_models import ScratchBertForSequenceClassification as Model

    seen: list[bool] = []
    forward = Model.forward

    def once(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(torch._C._get_mkldnn_enabled())
        if len(seen) == 1:
            raise RuntimeError(message)
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(Model, "forward", once)
    hfdl.train("sentiment", options(settings), output=tmp_path / "run", listener=lambda e: None)
    assert len(seen) > 3
    assert set(seen[1:]) == {message == "out of memory"}
    assert torch._C._get_mkldnn_enabled()


def test_other_errors_are_not_taken_for_it(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hfdl.hf_models import ScratchBertForSequenceClassification as Model

    def broken(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(Model, "forward", broken)
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        hfdl.train("sentiment", options(settings), output=tmp_path / "run", listener=lambda e: None)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (MemoryError(), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"), True),
        (RuntimeError("could not create a primitive"), True),
        (RuntimeError("could not create a memory object"), True),
        (
            RuntimeError("unable to mmap 9 bytes from file <x>: Cannot allocate memory"),
            True,
        ),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("expected scalar type Float"), False),
        (RuntimeError("could not create a primitive descriptor iterator"), True),
        (ValueError("out of memory"), False),
    ],
)
def test_how_it_shows(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) == expected


def test_sizes_are_halved_down_to_one() -> None:
    sizes = [33]
    while (size := half(sizes[-1])) is not None:
        sizes.append(size)
    assert sizes == [33, 17, 9, 5, 3, 2, 1]
