"""Layer-wise rates by hand, and AdamW with them against torch's with groups written out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny_models import inputs_for, tiny_model
from torch import nn

import hfdl
from hfdl.config.schema import LoraConfig, TrainConfig
from hfdl.training.events import Event, Noted, Updated
from hfdl.training.optim import build_optimizer, build_schedule, decay_groups
from hfdl.tuning.lora import add_adapters

RATE, DECAY = 1e-3, 0.5


pytestmark = pytest.mark.usefixtures("without_report")


def bert(**changes: Any) -> Any:
    return tiny_model(
        "bert", auto="AutoModelForSequenceClassification", num_hidden_layers=3, **changes
    )


def rates(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, float]:
    names = {id(p): name for name, p in model.named_parameters()}
    return {names[id(p)]: group["lr"] for group in optimizer.param_groups for p in group["params"]}


def by_hand(name: str) -> float:
    """The rate of a parameter of a BERT with three layers."""
    if name.startswith(("classifier.", "bert.pooler.")):
        return 1e-3
    for number, rate in ((2, 5e-4), (1, 2.5e-4), (0, 1.25e-4)):
        if f".layer.{number}." in name:
            return rate
    assert ".embeddings." in name
    return 6.25e-5


def test_each_layer_learns_at_half_the_rate_of_the_one_above_it() -> None:
    model = bert()
    config = TrainConfig(learning_rate=RATE, weight_decay=0.1)
    optimizer = build_optimizer(model, config, DECAY)
    found = rates(model, optimizer)
    names = [name for name, _ in model.named_parameters()]
    assert found.keys() == set(names)
    assert found == pytest.approx({name: by_hand(name) for name in names}, rel=1e-15)
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(names)
    # The head comes first: its rate is the one that is shown.
    assert [group["lr"] for group in optimizer.param_groups[:2]] == [RATE, RATE]
    # What decays is what decays without it.
    decayed = {id(p) for p in decay_groups(model, 0.1)[0]["params"]}
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            assert group["weight_decay"] == (0.1 if id(parameter) in decayed else 0.0)


def test_without_it_nothing_changes() -> None:
    model = bert()
    optimizer = build_optimizer(model, TrainConfig(learning_rate=RATE))
    assert len(optimizer.param_groups) == 2
    assert set(rates(model, optimizer).values()) == {RATE}
    one = build_optimizer(model, TrainConfig(learning_rate=RATE), 1.0)
    assert rates(model, one) == rates(model, optimizer)


@pytest.mark.parametrize(
    ("kind", "options"),
    [("linear", {}), ("cosine", {}), ("polynomial", {"lr_end": 1e-5}),
     ("cosine_with_min_lr", {"min_lr": 1e-4}), ("constant_with_warmup", {})],
)  # fmt: skip
def test_the_schedule_scales_all_rates_alike(kind: str, options: dict[str, float]) -> None:
    """Each group's rate is its own start times the factor that a single rate would have."""
    model, plain = bert(), nn.Linear(2, 2)
    config = TrainConfig(learning_rate=RATE, schedule=kind, schedule_options=options, warmup=3)
    optimizer, reference = build_optimizer(model, config, DECAY), build_optimizer(plain, config)
    schedule = build_schedule(config, optimizer, 12)
    single = build_schedule(config, reference, 12)
    seen = set()
    for _ in range(12):
        factor = single.get_last_lr()[0] / RATE
        found = rates(model, optimizer)
        assert found == pytest.approx({name: by_hand(name) * factor for name in found}, rel=1e-12)
        assert schedule.get_last_lr()[0] == pytest.approx(RATE * factor, rel=1e-12)
        seen.add(round(factor, 6))
        for each in (optimizer, reference, schedule, single):
            each.step()
    assert len(seen) > 3


def test_updates_equal_those_of_torch_with_the_groups_written_out() -> None:
    ours, theirs = bert(dtype=torch.float64), bert(dtype=torch.float64)
    config = TrainConfig(learning_rate=RATE, weight_decay=0.3)
    optimizer = build_optimizer(ours, config, DECAY)
    groups = []
    for name, parameter in theirs.named_parameters():
        decays = name.endswith(".weight") and "LayerNorm" not in name
        groups.append({
            "params": [parameter], "lr": by_hand(name), "weight_decay": 0.3 if decays else 0.0,
        })  # fmt: skip
    reference = torch.optim.AdamW(groups, lr=1.0, fused=False, foreach=False)
    before = {name: p.detach().clone() for name, p in theirs.named_parameters()}
    inputs = inputs_for("bert")
    for _ in range(5):
        for model, stepped in ((ours, optimizer), (theirs, reference)):
            stepped.zero_grad()
            model(**inputs).logits.square().sum().backward()
            stepped.step()
    moved = 0
    for name, parameter in ours.named_parameters():
        expected = dict(theirs.named_parameters())[name]
        torch.testing.assert_close(parameter, expected, atol=1e-10, rtol=0)
        moved += bool((expected - before[name]).abs().max() > 1e-5)
    assert moved >= len(before) - 3  # the bias of keys cancels in the softmax


def test_adapters_learn_at_the_rate_of_their_layer() -> None:
    model = bert()
    names = add_adapters(model, LoraConfig(r=2), new=["classifier.weight", "classifier.bias"])
    optimizer = build_optimizer(model, TrainConfig(learning_rate=RATE), DECAY)
    found = rates(model, optimizer)
    assert found.keys() == {*names, "classifier.weight", "classifier.bias"}
    assert found == pytest.approx({name: by_hand(name) for name in found}, rel=1e-15)


def test_a_run_shows_the_rate_of_the_head(settings: dict[str, Any], tmp_path: Path) -> None:
    events: list[Event] = []
    chosen = {
        **settings, "tune.layer_decay": 0.5, "train.steps": 3, "train.schedule": "constant",
        "train.learning_rate": 8e-3,
    }  # fmt: skip
    hfdl.train("sentiment", chosen, output=tmp_path / "run", listener=events.append)
    shown = [event.learning_rate for event in events if isinstance(event, Updated)]
    assert shown == [8e-3] * 3
    notes = [event.text for event in events if isinstance(event, Noted)]
    assert (
        "learning rates: 0.008 at the top down to 0.001 at the input (0.5 times a layer)" in notes
    )
