"""Optimizers by name: each equals the class it stands for, and resumes bit for bit."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from helpers.wording import assert_wording
from safetensors.torch import load_file
from torch import nn

import hfdl
from hfdl.config.schema import TrainConfig
from hfdl.errors import CheckpointError, ConfigError
from hfdl.training.events import Interrupted, Updated
from hfdl.training.optim import build_optimizer
from hfdl.training.optimizers import OPTIMIZERS
from hfdl.training.tensors import optimizer_tensors

pytestmark = pytest.mark.usefixtures("without_report")

OWN = '''
import torch


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, algorithm 2; it counts in the state and in the group, as Python numbers."""

    def __init__(self, params, lr, weight_decay=0.0, betas=(0.9, 0.99)):
        super().__init__(params, dict(lr=lr, weight_decay=weight_decay, betas=betas, k=0))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            group["k"] += 1
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                m = state.setdefault("m", torch.zeros_like(p))
                state["seen"] = state.get("seen", 0) + 1
                state["third"] = state.get("third", 0.1) / 3 + group["k"] * 1e-3
                first, second = group["betas"]
                direction = (first * m + (1 - first) * p.grad).sign() + state["third"]
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(direction, alpha=-group["lr"])
                m.mul_(second).add_(p.grad, alpha=1 - second)


class Hoarder(torch.optim.SGD):
    def step(self, closure=None):
        super().step()
        for p in self.param_groups[0]["params"]:
            self.state[p]["past"] = [1, 2]


class NoRate(torch.optim.Optimizer):
    def __init__(self, params):
        super().__init__(params, {})


class Closure(torch.optim.SGD):
    def step(self, closure):
        closure()


class Broken(torch.optim.SGD):
    def __init__(self, params, lr):
        super().__init__(params, lr=lr)
        self.scale = undefined


def nothing():
    pass
'''


@pytest.fixture
def own(tmp_path: Path) -> Path:
    file = tmp_path / "optimizers.py"
    file.write_text(OWN, encoding="utf-8")
    return file


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 7), nn.LayerNorm(7), nn.Tanh(), nn.Linear(7, 1))


def groups_of(model: Any, decay: float | None) -> list[dict[str, Any]]:
    """The groups of the net by hand; without ``decay`` for a class that takes none."""
    decayed = [model[0].weight, model[3].weight]
    rest = [model[0].bias, model[1].weight, model[1].bias, model[3].bias]
    if decay is None:
        return [{"params": decayed}, {"params": rest}]
    return [{"params": decayed, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}]


_ADAM = {"betas": (0.8, 0.95), "eps": 1e-6}
# name -> the class, its arguments beside lr, the options in the recipe
TABLE: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "adadelta": (torch.optim.Adadelta, {"rho": 0.8}, {"rho": 0.8}),
    "adafactor": (
        transformers.optimization.Adafactor,
        {"scale_parameter": False, "relative_step": False}, {},
    ),
    "adagrad": (torch.optim.Adagrad, {"eps": 1e-9}, {"eps": 1e-9}),
    "adam": (torch.optim.Adam, {**_ADAM, "amsgrad": True}, {"amsgrad": True}),
    "adamax": (torch.optim.Adamax, _ADAM, {}),
    "adamw": (torch.optim.AdamW, {**_ADAM, "foreach": False}, {"foreach": False}),
    "asgd": (torch.optim.ASGD, {}, {}),
    "nadam": (torch.optim.NAdam, _ADAM, {}),
    "radam": (torch.optim.RAdam, _ADAM, {}),
    "rmsprop": (torch.optim.RMSprop, {"momentum": 0.5}, {"momentum": 0.5}),
    "rprop": (torch.optim.Rprop, {}, {}),
    "sgd": (
        torch.optim.SGD, {"momentum": 0.9, "nesterov": True}, {"momentum": 0.9, "nesterov": True},
    ),
}  # fmt: skip


def test_the_table_has_every_name() -> None:
    assert {*TABLE, "muon"} == set(OPTIMIZERS)  # test_muon.py has the last
    assert len(TABLE) == 12


@pytest.mark.parametrize("name", TABLE)
def test_a_name_steps_as_its_class_does(name: str) -> None:
    made, arguments, options = TABLE[name]
    decay = None if name == "rprop" else 0.2
    adam: dict[str, Any] = {"adam_betas": (0.8, 0.95), "adam_epsilon": 1e-6}
    config = TrainConfig(
        optimizer=name, optimizer_options=options, learning_rate=3e-3,
        weight_decay=0.0 if decay is None else decay, **(adam if "betas" in arguments else {}),
    )  # fmt: skip
    ours, plain = net(), net()
    pairs = [
        (ours, build_optimizer(ours, config)),
        (plain, made(groups_of(plain, decay), lr=3e-3, **arguments)),
    ]
    assert type(pairs[0][1]) is made
    data = torch.Generator().manual_seed(1)
    for _ in range(12):
        x = torch.randn(11, 5, generator=data)
        for model, optimizer in pairs:
            optimizer.zero_grad()
            (model(x) - x.sum(1, keepdim=True)).square().mean().backward()
            optimizer.step()
    before = net()
    for a, b, c in zip(ours.parameters(), plain.parameters(), before.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=0)
        assert not torch.equal(a, c)


OTHERS = ["AdamW", "adamw_torch", "adamw-torch-fused", "torch.optim.AdamW", "torch.optim:AdamW"]


@pytest.mark.parametrize("name", OTHERS)
def test_other_spellings_are_adamw(name: str) -> None:
    optimizer = build_optimizer(net(), TrainConfig(optimizer=name))
    assert type(optimizer) is torch.optim.AdamW
    assert optimizer.param_groups[0]["fused"]


def test_a_path_means_the_class_that_it_names() -> None:
    """``adafactor`` is transformers', as the Trainer has it; torch's has the same name."""
    for name, kind in (
        ("adafactor", transformers.optimization.Adafactor),
        ("torch.optim:Adafactor", torch.optim.Adafactor),
    ):
        assert type(build_optimizer(net(), TrainConfig(optimizer=name))) is kind


REFUSED: dict[str, dict[str, Any]] = {
    "unknown": {"optimizer": "adamv"},
    "of another package": {"optimizer": "adamw_bnb_8bit"},
    "needs a closure": {"optimizer": "LBFGS"},
    "needs a closure, by its path": {"optimizer": "torch.optim:LBFGS"},
    "needs a closure, by its module": {"optimizer": "torch.optim.lbfgs:LBFGS"},
    "matrices only": {"optimizer": "torch.optim:Muon"},
    "betas of sgd": {"optimizer": "sgd", "adam_betas": (0.8, 0.9)},
    "epsilon of rmsprop": {"optimizer": "rmsprop", "adam_epsilon": 1e-6},
    "decay of rprop": {"optimizer": "rprop", "weight_decay": 0.1},
    "unknown option": {"optimizer": "sgd", "optimizer_options": {"momentun": 0.9}},
    "option of a key": {"optimizer": "sgd", "optimizer_options": {"lr": 0.1}},
    "betas as an option": {"optimizer_options": {"betas": [0.8, 0.9]}},
    "wrong value": {"optimizer": "sgd", "optimizer_options": {"momentum": -1.0}},
    "wrong type": {"optimizer": "sgd", "optimizer_options": {"momentum": "much"}},
    "no file": {"optimizer": "/nowhere/mine.py:Lion"},
    "no module": {"optimizer": "no_such_module:Lion"},
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_an_optimizer_cannot_follow_is_refused(case: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_optimizer(net(), TrainConfig(**REFUSED[case]))
    assert_wording(caught.value)


@pytest.mark.parametrize("name", ["nothing", "NoRate", "Loin", "Closure"])
def test_a_class_that_is_no_optimizer_is_refused(name: str, own: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        build_optimizer(net(), TrainConfig(optimizer=f"{own}:{name}"))
    assert_wording(caught.value)


def test_a_step_that_needs_nothing_is_taken(own: Path) -> None:
    text = own.read_text()
    for head in ("self, closure=None", "self, *args", "self, **options", "self, *, closure=None"):
        own.write_text(text.replace("def step(self, closure):\n        closure()",
                                    f"def step({head}):\n        pass"))  # fmt: skip
        build_optimizer(net(), TrainConfig(optimizer=f"{own}:Closure"))
    own.write_text(text.replace("def step(self, closure):", "def step(self, *, loss):"))
    with pytest.raises(ConfigError, match="cannot be called without loss"):
        build_optimizer(net(), TrainConfig(optimizer=f"{own}:Closure"))


def test_an_error_of_the_users_own_class_goes_through(own: Path) -> None:
    with pytest.raises(NameError):
        build_optimizer(net(), TrainConfig(optimizer=f"{own}:Broken"))


def test_state_that_no_checkpoint_can_hold_is_refused(own: Path) -> None:
    model = net()
    optimizer = build_optimizer(model, TrainConfig(optimizer=f"{own}:Hoarder"))
    model(torch.ones(1, 5)).sum().backward()
    optimizer.step()
    with pytest.raises(CheckpointError) as caught:
        optimizer_tensors(optimizer, {id(p): name for name, p in model.named_parameters()})
    assert_wording(caught.value)


# ---- in a run ------------------------------------------------------------------------------------


def silent(event: Any) -> None:
    """A listener that says nothing."""


def stop_after_two(event: Any) -> None:
    if isinstance(event, Updated) and event.step == 2:
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize("name", [*TABLE, "muon", "own"])
def test_a_resumed_run_is_bit_identical(
    name: str, settings: dict[str, Any], tmp_path: Path, own: Path
) -> None:
    optimizer = f"{own}:Lion" if name == "own" else name
    options = TABLE[name][2] if name in TABLE else {}
    chosen = {
        **settings, "train.steps": 5, "train.optimizer": optimizer, "data.max_samples": 40,
        "train.optimizer_options": options, "tune.layer_decay": 0.9,
    }  # fmt: skip
    hfdl.train("sentiment", chosen, output=tmp_path / "straight", listener=silent)
    with pytest.raises(Interrupted):
        hfdl.train("sentiment", chosen, output=tmp_path / "stopped", listener=stop_after_two)
    hfdl.train("sentiment", chosen, output=tmp_path / "stopped", resume=True, listener=silent)
    for file in ("model.safetensors", "checkpoints/step-000005/optimizer.safetensors"):
        one, other = (load_file(tmp_path / run / file) for run in ("straight", "stopped"))
        assert one.keys() == other.keys()
        assert len(one) > 10
        assert [key for key in one if not torch.equal(one[key], other[key])] == []
