"""An update does not depend on how its batch is cut into micro-batches.

The reference is torch alone: one forward pass over the padded batch, torch's own loss function
with its mean, autograd. The test runs for every task that is registered, in float64 so that the
bound can be tight, and in float32.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.uneven_cases import CASES, EXAMPLES, class_weights_of, loop_for, reference_loss

from hfdl.tasks.registry import TASKS
from hfdl.training.loop import Loop

# Uneven on purpose: 13 examples in parts of 1, 4 (4 + 4 + 4 + 1), 5 and 12.
MICRO_BATCHES = [1, 4, 5, 12]


def gradients(loop: Loop) -> dict[str, torch.Tensor]:
    """The gradients that an update of the loop applies, caught right before it does."""
    caught: dict[str, torch.Tensor] = {}

    def catch(*_: Any) -> None:
        for name, parameter in loop.state.plain_model.named_parameters():
            if parameter.grad is not None:
                caught[name] = parameter.grad.clone()

    loop.state._raw_optimizer.register_step_pre_hook(catch)
    loop.update(EXAMPLES)
    return caught


def relative_error(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    """Norm of the difference of all gradients over the norm of all gradients."""
    assert a.keys() == b.keys()
    assert len(a) >= 37  # two layers of BERT, embeddings, pooler, head; the transformer has 43
    difference = torch.stack([(a[n].double() - b[n].double()).norm() for n in a]).norm()
    return float(difference / torch.stack([b[n].double().norm() for n in b]).norm())


def reference_gradients(loop: Loop, case: str) -> dict[str, torch.Tensor]:
    """torch's own loss on the whole batch, and autograd."""
    model = loop.state.plain_model
    model.zero_grad()
    reference_loss(model, loop.train, case, class_weights_of(loop, case)).backward()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def test_the_cases_cover_every_task() -> None:
    assert {name for name, _, _ in CASES.values()} == set(TASKS)
    assert len(CASES) == 12


@pytest.mark.parametrize("micro", MICRO_BATCHES)
@pytest.mark.parametrize("case", CASES)
def test_gradients_of_micro_batches_equal_torch_on_the_whole_batch(
    case: str, micro: int, tiny_bert: Path, tmp_path: Path
) -> None:
    loop = loop_for(case, tiny_bert, tmp_path, micro, "float64")
    assert len(set(loop.train.lengths[EXAMPLES])) > 1  # padding differs between micro-batches
    expected = reference_gradients(loop, case)
    loop.state.plain_model.zero_grad()
    calls = count_forwards(loop)
    found = gradients(loop)
    assert calls == [min(micro, 13 - start) for start in range(0, 13, micro)]
    # The weights of windows and classes are float32 in recipes, all else is float64.
    assert relative_error(found, expected) < (1e-7 if "weight" in case else 1e-12)


@pytest.mark.parametrize("case", list(CASES)[:2])
def test_gradients_of_parts_of_a_budget_of_tokens_equal_torch_on_the_whole_batch(
    case: str, tiny_bert: Path, tmp_path: Path
) -> None:
    more = {"train.micro_batch_tokens": 24}
    loop = loop_for(case, tiny_bert, tmp_path, None, "float64", **more)
    expected = reference_gradients(loop, case)
    loop.state.plain_model.zero_grad()
    calls = count_forwards(loop)
    found = gradients(loop)
    assert sum(calls) == 13
    assert len(set(calls)) > 1  # long texts in smaller parts than short ones
    assert relative_error(found, expected) < 1e-12


@pytest.mark.parametrize("case", CASES)
def test_float32_gradients_are_as_near_the_truth_as_those_of_torch_on_the_whole_batch(
    case: str, tiny_bert: Path, tmp_path: Path
) -> None:
    truth = reference_gradients(loop_for(case, tiny_bert, tmp_path, None, "float64"), case)
    whole = reference_gradients(loop_for(case, tiny_bert, tmp_path, None, "float32"), case)
    # Rounding alone, which is larger where the examples' gradients nearly cancel (regression).
    rounding = relative_error(whole, truth)
    covered = 0
    for micro in [None, *MICRO_BATCHES]:
        parts = gradients(loop_for(case, tiny_bert, tmp_path, micro, "float32"))
        assert relative_error(parts, truth) < max(1e-6, 3 * rounding)
        covered += 1
    assert covered == 5


def count_forwards(loop: Loop) -> list[int]:
    """How many examples each forward pass of the update is given: filled when it runs."""
    calls: list[int] = []
    make = loop.train.batch

    def counted(examples: Any, **keywords: Any) -> Any:
        calls.append(len(examples))
        return make(examples, **keywords)

    loop.train.batch = counted  # type: ignore[method-assign]
    return calls


@pytest.mark.parametrize("micro", [None, 4])
def test_clipping_and_the_logged_norm_equal_torch(
    micro: int | None, tiny_bert: Path, tmp_path: Path
) -> None:
    norm = 0.02
    loop = loop_for(
        "single label", tiny_bert, tmp_path, micro, "float64", **{"train.clip_norm": norm}
    )
    expected = reference_gradients(loop, "single label")
    parameters = [p for p in loop.state.plain_model.parameters() if p.grad is not None]
    before = float(torch.nn.utils.clip_grad_norm_(parameters, norm))
    clipped = {
        n: p.grad.clone()
        for n, p in loop.state.plain_model.named_parameters()
        if p.grad is not None
    }
    assert before > 2 * norm
    assert clipped.keys() == expected.keys()
    loop.state.plain_model.zero_grad()
    told: list[Any] = []
    loop._listener = told.append
    assert relative_error(gradients(loop), clipped) < 1e-9
    assert told[0].grad_norm == pytest.approx(before, rel=1e-12)


def test_the_logged_loss_is_the_mean_over_all_examples(tiny_bert: Path, tmp_path: Path) -> None:
    told: list[Any] = []
    for micro in [None, *MICRO_BATCHES]:
        loop = loop_for("single label", tiny_bert, tmp_path, micro, "float64")
        loop._listener = told.append
        loop.update(EXAMPLES)
    losses = [event.loss for event in told]
    assert len(losses) == 5
    assert losses == pytest.approx([losses[0]] * 5, rel=1e-12)
