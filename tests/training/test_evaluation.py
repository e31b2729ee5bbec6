"""An evaluation does not depend on how its examples are batched or shared out.

For every task that is registered: the loss is torch's own on one padded batch, every example is
seen exactly once, and predictions and metrics are the same one by one, in batches of a few tokens,
all at once, and over three processes. In float64, so that the bounds can be tight.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.uneven_cases import CASES, EXAMPLES, loop_for, reference_loss

from hfdl.tasks.inference import inference_batches
from hfdl.tasks.registry import TASKS
from hfdl.training import evaluation
from hfdl.training.evaluation import Evaluation, evaluate
from hfdl.training.loop import Loop

CPU = torch.device("cpu")


def budgets(split: Any) -> list[int]:
    """Tokens of a forward pass: each example alone, a few, all of them."""
    return [1, max(100, 2 * int(split.lengths.max())), 1 << 20]


class First:
    """The first ``EXAMPLES`` of a split, and how often each was asked for."""

    def __init__(self, split: Any) -> None:
        self._split, self.seen = split, Counter[int]()
        self.calls = 0
        self.lengths = split.lengths[: len(EXAMPLES)]

    def __len__(self) -> int:
        return len(EXAMPLES)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._split, name)

    def references(self) -> Any:
        made = self._split.references()
        return made[: len(EXAMPLES)] if len(made) == len(self._split) else made

    def batch(self, examples: list[int], **keywords: Any) -> Any:
        self.seen.update(examples)
        self.calls += 1
        return self._split.batch(examples, **keywords)


def with_budget(monkeypatch: pytest.MonkeyPatch, budget: int) -> None:
    monkeypatch.setattr(evaluation, "token_budget", lambda device: budget)


def run(loop: Loop, split: First, **keywords: Any) -> Evaluation:
    split.seen.clear()
    split.calls = 0
    found = evaluate(loop.task, loop.state.plain_model, split, CPU, **keywords)
    assert len(found.predictions) == len(EXAMPLES)
    return found


def assert_same(a: Any, b: Any) -> None:
    """Numbers to rounding, all else exactly, however deep it lies."""
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    elif isinstance(a, float):
        assert a == pytest.approx(b, rel=1e-9, abs=1e-12)
    else:
        assert a == b


def test_the_cases_cover_every_task() -> None:
    assert {name for name, _, _ in CASES.values()} == set(TASKS)
    assert len(TASKS) == 5
    assert len(CASES) == 12


@pytest.mark.parametrize("case", CASES)
def test_an_evaluation_is_the_same_however_it_is_batched(
    case: str, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = loop_for(case, tiny_bert, tmp_path, None, "float64")
    model = loop.state.plain_model
    split = First(loop.train)
    assert len(set(split.lengths)) > 1  # padding differs between batches
    with torch.no_grad():
        expected = float(reference_loss(model.eval(), loop.train, case))
    model.train()
    random = torch.get_rng_state()
    found: list[Evaluation] = []
    passes: list[int] = []
    for budget in budgets(split):
        with_budget(monkeypatch, budget)
        found.append(run(loop, split))
        assert split.seen == Counter(EXAMPLES.tolist())  # each exactly once
        passes.append(split.calls)
    assert passes[0] == len(EXAMPLES)
    assert passes[0] > passes[1] > passes[2] == 1
    for each in found:
        # The weights of windows and classes are float32 in recipes, all else is float64.
        rough = "weight" in case or "balanced" in case
        assert each.metrics["loss"] == pytest.approx(expected, rel=1e-6 if rough else 1e-10)
        assert_same(each.metrics, found[0].metrics)
        assert_same(each.predictions, found[0].predictions)
    again = run(loop, split)
    assert (again.metrics, again.predictions) == (found[-1].metrics, found[-1].predictions)
    assert all(module.training for module in model.modules())  # as it was
    assert torch.equal(torch.get_rng_state(), random)


@pytest.mark.parametrize("case", CASES)
def test_several_processes_give_the_evaluation_of_one(
    case: str, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = loop_for(case, tiny_bert, tmp_path, None, "float64")
    split = First(loop.train)
    few = budgets(split)[1]
    with_budget(monkeypatch, few)
    alone = run(loop, split)
    batches = inference_batches(split.lengths, few)
    assert len(batches) >= 3
    world = 3
    parts = [
        evaluation._run(loop.task, loop.state.plain_model, split, batches[rank::world], CPU, None)
        for rank in range(world)
    ]

    def gather(mine: list[Any]) -> list[Any]:
        """What accelerate does between processes: the lists of all, joined."""
        assert_same(mine, [parts[rank]])
        return parts

    monkeypatch.setattr("accelerate.utils.gather_object", gather)
    for rank in range(world):
        shared = run(loop, split, rank=rank, world=world)
        assert sum(split.seen.values()) == sum(len(b) for b in batches[rank::world])
        assert_same(shared.metrics, alone.metrics)
        assert_same(shared.predictions, alone.predictions)


def test_an_example_that_is_lost_or_seen_twice_is_noticed(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = loop_for("single label", tiny_bert, tmp_path, None, "float64")
    split = First(loop.train)
    for wrong in (np.arange(12), np.array([*range(12), 0])):
        monkeypatch.setattr(evaluation, "inference_batches", lambda *_, wrong=wrong: [wrong])
        with pytest.raises(AssertionError, match="predictions for 13 examples"):
            run(loop, split)
