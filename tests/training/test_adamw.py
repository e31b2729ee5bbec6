"""hfdl's AdamW against torch's: the same numbers to the last bit, whichever way a step takes."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

import hfdl.training.adamw as module
from hfdl.training.adamw import AdamW

RATES = {"lr": 3e-3, "betas": (0.8, 0.95), "eps": 1e-7}


def net(dtype: torch.dtype = torch.float32) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 7), nn.LayerNorm(7), nn.Tanh(), nn.Linear(7, 1)).to(dtype)


def groups(model: nn.Module) -> list[dict[str, Any]]:
    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    return [{"params": decayed, "weight_decay": 0.2}, {"params": others, "weight_decay": 0.0}]


class Pair:
    """One model twice, ours and torch's optimizer, fed with the same gradients."""

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        self.models = net(dtype), net(dtype)
        self.ours = AdamW(groups(self.models[0]), **RATES)
        self.theirs = torch.optim.AdamW(groups(self.models[1]), fused=True, **RATES)
        self.generator = torch.Generator().manual_seed(1)

    def step(self, without: tuple[int, ...] = ()) -> None:
        """A step of both; the parameters of the given numbers have no gradient."""
        for i, pair in enumerate(zip(*(m.parameters() for m in self.models), strict=True)):
            gradient = torch.randn(pair[0].shape, generator=self.generator)
            for parameter in pair:
                parameter.grad = None if i in without else gradient.to(parameter.dtype, copy=True)
        self.ours.step()
        self.theirs.step()

    def check(self) -> None:
        """Weights and states are the same bits, the counts of steps too."""
        pairs = list(zip(*(m.parameters() for m in self.models), strict=True))
        for mine, other in pairs:
            assert torch.equal(mine, other)
            found, wanted = self.ours.state[mine], self.theirs.state[other]
            assert set(found) == set(wanted)
            assert all(torch.equal(found[name], wanted[name]) for name in wanted)
        assert len(pairs) == 6


@pytest.fixture
def kernel_calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many parameters each call of the kernel by our own way was given."""
    calls: list[int] = []
    kernel = torch._fused_adamw_
    within: list[bool] = []
    theirs = torch.optim.AdamW.step

    def counted(parameters: Any, *args: Any, **kwargs: Any) -> None:
        if not within:
            calls.append(len(parameters))
        kernel(parameters, *args, **kwargs)

    def step(self: Any, closure: Any = None) -> Any:
        within.append(True)
        try:
            return theirs(self, closure)
        finally:
            within.pop()

    monkeypatch.setattr(module.torch, "_fused_adamw_", counted)
    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    return calls


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_every_step_is_torchs(dtype: torch.dtype, kernel_calls: list[int]) -> None:
    pair = Pair(dtype)
    for _ in range(20):
        pair.step()
        pair.check()
    assert kernel_calls == [2, 4] * 19  # the first step, which makes the states, is torch's own


def test_a_parameter_without_a_gradient_stays_and_its_steps_are_not_counted(
    kernel_calls: list[int],
) -> None:
    pair = Pair()
    pair.step()
    for without in [(), (1,), (), (0, 1, 2), (5,), ()]:
        pair.step(without)
        pair.check()
    first = pair.ours.state[next(iter(pair.models[0].parameters()))]
    assert float(first["step"]) == 6.0  # of seven
    assert len(kernel_calls) == 2 * 3


def test_a_parameter_that_never_has_a_gradient_leaves_the_rest_to_torch(
    kernel_calls: list[int],
) -> None:
    pair = Pair()
    for _ in range(3):
        pair.step(without=(5,))
    pairs = list(zip(*(m.parameters() for m in pair.models), strict=True))
    assert all(torch.equal(mine, other) for mine, other in pairs)
    assert kernel_calls == []


def test_rates_that_a_schedule_changes_are_followed() -> None:
    pair = Pair()
    for step in range(6):
        for optimizer in (pair.ours, pair.theirs):
            optimizer.param_groups[0]["lr"] = 1e-2 / (1 + step)
            optimizer.param_groups[1]["weight_decay"] = 0.1 * step
        pair.step()
        pair.check()


@pytest.mark.parametrize("way", ["load_state_dict", "entry by entry", "one entry"])
def test_a_state_that_was_put_in_from_outside_is_the_one_that_counts(way: str) -> None:
    pair = Pair()
    for _ in range(3):
        pair.step()
    kept = copy.deepcopy(pair.ours.state_dict())
    weights = copy.deepcopy([m.state_dict() for m in pair.models])
    if way == "one entry":
        for optimizer in (pair.ours, pair.theirs):
            parameter = optimizer.param_groups[1]["params"][2]
            optimizer.state[parameter]["exp_avg"] = torch.ones(7)
    else:
        for _ in range(2):
            pair.step()
        for m, saved in zip(pair.models, weights, strict=True):
            m.load_state_dict(saved)
        pair.theirs.load_state_dict(copy.deepcopy(kept))
        if way == "load_state_dict":
            pair.ours.load_state_dict(kept)
        else:
            flat = [p for group in pair.ours.param_groups for p in group["params"]]
            for number, entries in kept["state"].items():
                for name, value in entries.items():
                    pair.ours.state[flat[number]][name] = value.clone()
    for _ in range(4):
        pair.step()
        pair.check()


def test_a_group_that_is_added_is_stepped_too() -> None:
    pair = Pair()
    pair.step()
    extra = [nn.Parameter(torch.ones(3)) for _ in range(2)]
    pair.ours.add_param_group({"params": extra[:1]})
    pair.theirs.add_param_group({"params": extra[1:]})
    for _ in range(3):
        for parameter in extra:
            parameter.grad = torch.tensor([1.0, -2.0, 3.0])
        pair.step()
        assert torch.equal(*extra)
    assert not torch.equal(extra[0], torch.ones(3))


def test_a_closure_gives_its_loss_back() -> None:
    model = net()
    optimizer = AdamW(groups(model), **RATES)

    def closure() -> float:
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        return 1.5

    assert [optimizer.step(closure) for _ in range(2)] == [1.5, 1.5]


def test_what_a_gradient_scaler_asks_for_is_torchs_business(kernel_calls: list[int]) -> None:
    pair = Pair()
    pair.step()
    for optimizer in (pair.ours, pair.theirs):
        optimizer.grad_scale, optimizer.found_inf = torch.tensor(4.0), torch.tensor(0.0)
    pair.step()
    pair.check()
    for optimizer in (pair.ours, pair.theirs):
        optimizer.found_inf = torch.tensor(1.0)  # then nothing is stepped
    pair.step()
    pair.check()
    assert kernel_calls == []
