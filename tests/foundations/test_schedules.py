"""Schedules against torch's and transformers', step by step."""

from functools import partial

import pytest
import torch
from torch.optim import lr_scheduler

from hfdl.foundations import schedules as s

RATE, STEPS = 0.3, 40


def rates(make, steps: int = STEPS) -> list[float]:
    """What a scheduler sets for each update."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], RATE)
    scheduler = make(optimizer)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def hugging_face(name: str):
    import transformers

    make = getattr(transformers, f"get_{name}_schedule_with_warmup")
    return lambda o: make(o, num_warmup_steps=7, num_training_steps=STEPS)


CASES = {
    "constant": (s.constant, lambda o: lr_scheduler.ConstantLR(o, 1.0)),
    "step": (
        partial(s.step_decay, every=6, factor=0.5), lambda o: lr_scheduler.StepLR(o, 6, 0.5)
    ),
    "exponential": (
        partial(s.exponential_decay, factor=0.9), lambda o: lr_scheduler.ExponentialLR(o, 0.9)
    ),
    "cosine": (
        partial(s.cosine_decay, steps=STEPS), lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS)
    ),
    "cosine to a floor": (
        partial(s.cosine_decay, steps=STEPS, lowest=0.1),
        lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS, 0.1),
    ),
    "linear": (
        partial(s.linear_decay, steps=STEPS, lowest=0.1 * RATE),
        lambda o: lr_scheduler.LinearLR(o, 1.0, 0.1, STEPS),
    ),
    "inverse": (
        partial(s.inverse_decay, half=10.0),
        lambda o: lr_scheduler.LambdaLR(o, lambda t: 10.0 / (10.0 + t)),
    ),
    "warm-up, linear": (partial(s.warmup_linear, warmup=7, steps=STEPS), hugging_face("linear")),
    "warm-up, cosine": (partial(s.warmup_cosine, warmup=7, steps=STEPS), hugging_face("cosine")),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_every_rate(name: str) -> None:
    schedule, make = CASES[name]
    found = [schedule(step, rate=RATE) for step in range(STEPS)]
    assert found == pytest.approx(rates(make), abs=1e-12)


def test_after_the_end_the_rate_stays() -> None:
    for step in (STEPS, STEPS + 1, 10 * STEPS):
        assert s.cosine_decay(step, rate=RATE, steps=STEPS, lowest=0.1) == pytest.approx(0.1)
        assert s.linear_decay(step, rate=RATE, steps=STEPS, lowest=0.1) == pytest.approx(0.1)
        for warm in (s.warmup_linear, s.warmup_cosine):
            assert warm(step, rate=RATE, warmup=7, steps=STEPS) == pytest.approx(0.0, abs=1e-15)


def test_no_warm_up_and_warm_up_alone() -> None:
    assert s.warmup_linear(0, rate=RATE, warmup=0, steps=STEPS) == RATE
    found = [s.warmup_cosine(step, rate=1.0, warmup=4, steps=4) for step in range(5)]
    assert found == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_the_docstrings_of_inverse_decay() -> None:
    assert s.inverse_decay(10, rate=0.6, half=10) == pytest.approx(0.3)
    assert s.inverse_decay(20, rate=0.6, half=10) == pytest.approx(0.2)
