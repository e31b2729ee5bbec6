"""AdamW and the schedules against transformers and torch."""

import copy
import json
import math

import pytest
import torch
from helpers.wording import assert_wording
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification, Trainer
from transformers.optimization import get_scheduler
from transformers.trainer_utils import SchedulerType

from hfdl.config.schema import TrainConfig
from hfdl.errors import ConfigError
from hfdl.training.optim import (
    build_optimizer,
    build_schedule,
    decay_groups,
    warmup_steps,
    watches_a_metric,
)

# ---- what decays -------------------------------------------------------------------------------

TYPES = [
    "albert", "bert", "deberta-v2", "distilbert", "electra", "gpt2", "llama", "mobilebert",
    "modernbert", "mpnet", "roberta", "t5", "xlm-roberta",
]  # fmt: skip
SIZES = {
    "vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 16, "embedding_size": 16, "n_embd": 16, "n_layer": 1, "n_head": 2,
    "dim": 16, "hidden_dim": 16, "n_layers": 1, "n_heads": 2, "d_model": 16, "d_ff": 16,
    "num_layers": 1, "num_heads": 2, "d_kv": 8, "pad_token_id": 1,
}  # fmt: skip


def tiny(model_type: str) -> nn.Module:
    known = AutoConfig.for_model(model_type)
    names = known.to_dict().keys() - known.attribute_map.keys()
    sizes = {key: value for key, value in SIZES.items() if key in names}
    with torch.device("meta"):
        return AutoModelForSequenceClassification.from_config(
            AutoConfig.for_model(model_type, **sizes)
        )


@pytest.mark.parametrize("model_type", TYPES)
def test_the_same_parameters_decay_as_with_the_trainer(model_type):
    assert len(set(TYPES)) == 13
    model = tiny(model_type)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    decayed, exempt = decay_groups(model, 0.25)
    assert (decayed["weight_decay"], exempt["weight_decay"]) == (0.25, 0.0)
    ours = [[names[id(parameter)] for parameter in group["params"]] for group in (decayed, exempt)]
    theirs = set(Trainer.get_decay_parameter_names(None, model)) & set(names.values())
    assert set(ours[0]) == theirs
    assert sorted(ours[0] + ours[1]) == sorted(names.values())
    assert theirs
    assert theirs != set(names.values())


def test_frozen_parameters_are_in_no_group():
    model = tiny("bert")
    model.bert.requires_grad_(False)
    decayed, exempt = decay_groups(model, 0.1)
    assert [p.shape for p in decayed["params"]] == [(2, 16)]
    assert [p.shape for p in exempt["params"]] == [(2,)]


def test_a_group_without_parameters_is_left_out():
    [group] = decay_groups(nn.Linear(2, 2, bias=False), 0.1)
    assert group["weight_decay"] == 0.1
    [group] = decay_groups(nn.LayerNorm(2), 0.1)
    assert group["weight_decay"] == 0.0
    assert len(group["params"]) == 2


# ---- the optimizer -----------------------------------------------------------------------------


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 7), nn.LayerNorm(7), nn.Tanh(), nn.Linear(7, 1))


def test_the_fused_optimizer_follows_the_plain_one():
    config = TrainConfig(
        learning_rate=3e-3, weight_decay=0.2, adam_betas=(0.8, 0.95), adam_epsilon=1e-7
    )
    ours, plain = net(), net()
    optimizer = build_optimizer(ours, config)
    assert type(optimizer) is torch.optim.AdamW
    assert [group["fused"] for group in optimizer.param_groups] == [True, True]
    decayed = [plain[0].weight, plain[3].weight]
    rest = [plain[0].bias, plain[1].weight, plain[1].bias, plain[3].bias]
    groups = [{"params": decayed, "weight_decay": 0.2}, {"params": rest, "weight_decay": 0.0}]
    reference = torch.optim.AdamW(
        groups, lr=3e-3, betas=(0.8, 0.95), eps=1e-7, fused=False, foreach=False
    )
    before = copy.deepcopy(plain)
    data = torch.Generator().manual_seed(1)
    for _ in range(20):
        x = torch.randn(11, 5, generator=data)
        for model, stepped in ((ours, optimizer), (plain, reference)):
            stepped.zero_grad()
            (model(x) - x.sum(1, keepdim=True)).square().mean().backward()
            stepped.step()
        for a, b in zip(ours.parameters(), plain.parameters(), strict=True):
            torch.testing.assert_close(a, b, atol=1e-6, rtol=0)
    moved = [
        (a - b).abs().max() for a, b in zip(plain.parameters(), before.parameters(), strict=True)
    ]
    assert len(moved) == 6
    assert min(moved) > 1e-3


# ---- schedules ---------------------------------------------------------------------------------

STEPS = 20
RATE = 0.01
# What transformers insists on, and hfdl gives where a recipe does not.
DEFAULTS = {
    "cosine_with_min_lr": {"min_lr_rate": 0.1},
    "cosine_warmup_with_min_lr": {"min_lr_rate": 0.1},
    "warmup_stable_decay": {"num_decay_steps": 2},
}
WATCHING = {"greedy", "reduce_lr_on_plateau"}
OPTIONS = {
    "cosine": {"num_cycles": 1.5},
    "cosine_with_restarts": {"num_cycles": 3},
    "polynomial": {"power": 2.0, "lr_end": 1e-4},
    "inverse_sqrt": {"timescale": 7},
    "reduce_lr_on_plateau": {"patience": 1, "factor": 0.5},
    "greedy": {"patience": 1, "factor": 0.5, "min_lr": 1e-5, "smooth": True, "window_size": 2},
    "cosine_with_min_lr": {"min_lr": 1e-3},
    "cosine_warmup_with_min_lr": {"min_lr_rate": 0.2, "warmup_lr_rate": 0.1},
    "warmup_stable_decay": {"num_decay_steps": 6, "decay_type": "linear", "min_lr_ratio": 0.1},
}
LOSSES = [3.0, 2.0, 1.5, 1.6, 1.7, 1.8, 1.9, 1.0, 0.9, 0.8, 0.7, 0.6, 0.9, 0.9, 0.9, 0.9, 0.9, 0.5,
          0.5, 0.5]  # fmt: skip
KINDS = [kind.value for kind in SchedulerType]
CASES = [(kind, {}) for kind in KINDS] + list(OPTIONS.items())


def sgd() -> torch.optim.Optimizer:
    groups = [{"params": [nn.Parameter(torch.zeros(1))]}, {"params": [nn.Parameter(torch.ones(1))]}]
    return torch.optim.SGD(groups, lr=RATE)


def schedule_of(kind: str, options: dict, warmup: float = 0.2):
    optimizer = sgd()
    config = TrainConfig(schedule=kind, schedule_options=options, warmup=warmup)
    return optimizer, build_schedule(config, optimizer, STEPS)


def rates(optimizer, schedule, losses) -> list[tuple[float, float]]:
    """The rate of both groups at each update, moving the schedule on after it."""
    found = []
    for loss in losses:
        found.append(tuple(group["lr"] for group in optimizer.param_groups))
        optimizer.step()
        schedule.step(loss) if watches_a_metric(schedule) else schedule.step()
    return found


@pytest.mark.parametrize(("kind", "options"), CASES)
def test_every_schedule_equals_transformers(kind, options):
    assert len(KINDS) == len(SchedulerType) == 12
    optimizer, schedule = schedule_of(kind, options)
    reference = sgd()
    theirs = get_scheduler(
        kind, reference, num_warmup_steps=4, num_training_steps=STEPS,
        scheduler_specific_kwargs=options or DEFAULTS.get(kind),
    )  # fmt: skip
    assert watches_a_metric(schedule) == (kind in WATCHING)
    found = rates(optimizer, schedule, LOSSES)
    assert found == rates(reference, theirs, LOSSES)
    assert len(found) == STEPS
    # Plateau and greedy do not move within their patience of ten.
    assert len(set(found)) > 1 or kind in {"constant", *WATCHING}


@pytest.mark.parametrize("warmup", [0.0, 0.06, 0.999, 1.0, 7.0, 40.0])
@pytest.mark.parametrize("steps", [1, 2, 7, 30])
def test_the_linear_schedule_equals_transformers_bit_for_bit(warmup, steps):
    """It is hfdl's own, so that a training need not import what transformers' module imports."""

    def optimizer():
        return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.3e-4)

    ours = build_schedule(TrainConfig(warmup=warmup), optimizer(), steps)
    number = warmup_steps(warmup, steps)
    theirs = get_scheduler("linear", optimizer(), num_warmup_steps=number, num_training_steps=steps)
    for _ in range(steps + 3):
        assert ours.get_last_lr() == theirs.get_last_lr()
        assert ours.state_dict() == theirs.state_dict()
        for schedule in (ours, theirs):
            schedule.optimizer.step()
            schedule.step()


@pytest.mark.parametrize(("kind", "options"), CASES)
def test_a_schedule_goes_on_exactly_after_json(kind, options):
    optimizer, schedule = schedule_of(kind, options)
    expected = rates(optimizer, schedule, LOSSES)

    optimizer, schedule = schedule_of(kind, options)
    first = rates(optimizer, schedule, LOSSES[:7])
    state = schedule.state_dict()
    text = json.dumps(state)  # as a checkpoint keeps it

    optimizer, schedule = schedule_of(kind, options)
    schedule.load_state_dict(json.loads(text))
    for group, rate in zip(optimizer.param_groups, json.loads(text)["_last_lr"], strict=True):
        group["lr"] = rate
    assert schedule.state_dict() == state
    assert first + rates(optimizer, schedule, LOSSES[7:]) == expected


@pytest.mark.parametrize(
    ("warmup", "steps", "expected"),
    [(0, 50, 0), (0.06, 1000, 60), (0.06, 10, 1), (0.06, 1, 0), (0.999, 1000, 999), (1, 50, 1),
     (1.0, 50, 1), (100.0, 50, 100), (0.5, 0, 0)],
)  # fmt: skip
def test_warmup_is_a_share_below_one_and_a_number_from_one_on(warmup, steps, expected):
    found = warmup_steps(warmup, steps)
    assert found == expected
    assert type(found) is int


@pytest.mark.parametrize("warmup", [0.25, 5])
def test_linear_rises_and_falls(warmup):
    optimizer, schedule = schedule_of("linear", {}, warmup)
    found = [rate / RATE for rate, _ in rates(optimizer, schedule, LOSSES)]
    expected = [i / 5 for i in range(5)] + [1 - i / 15 for i in range(15)]
    assert found == pytest.approx(expected, abs=1e-12)


def test_unknown_schedule_names_the_nearest():
    with pytest.raises(ConfigError) as caught:
        schedule_of("cosin", {})
    assert_wording(caught.value)
    with pytest.raises(ConfigError) as caught:
        schedule_of("zigzag", {})
    assert_wording(caught.value)


RULE = (
    "; the options are the arguments of transformers' schedule of that name. Correct or remove them"
)


@pytest.mark.parametrize(
    ("kind", "options", "why"),
    [
        ("cosine", {"cycles": 2},
         "get_cosine_schedule_with_warmup() got an unexpected keyword argument 'cycles'"),
        ("polynomial", {"lr_end": 1.0},
         "lr_end (1.0) must be smaller than initial lr (0.01)"),
        ("reduce_lr_on_plateau", {"mode": "up"}, "mode up is unknown!"),
        ("constant", {"power": 2}, "it takes no options"),
        ("constant_with_warmup", {"power": 2}, "it takes no options"),
        # These would show only after warm-up, in the middle of the run.
        ("cosine", {"num_cycles": "two"}, "could not convert string to float: 'two'"),
        ("polynomial", {"power": "two"},
         "unsupported operand type(s) for ** or pow(): 'float' and 'str'"),
        ("inverse_sqrt", {"timescale": -4, "last_epoch": -1}, None),
    ],
)  # fmt: skip
def test_options_that_a_schedule_does_not_take(kind, options, why):
    with pytest.raises(ConfigError) as caught:
        schedule_of(kind, options)
    text = str(caught.value)
    assert text.startswith(f"train.schedule_options: '{kind}' does not take {options}: ")
    assert text.endswith(RULE)
    if why is not None:
        assert text == f"train.schedule_options: '{kind}' does not take {options}: {why}{RULE}"


def test_a_run_of_one_update_can_have_every_schedule():
    for kind in KINDS:
        optimizer = sgd()
        schedule = build_schedule(TrainConfig(schedule=kind), optimizer, 1)
        assert math.isfinite(schedule.get_last_lr()[0])
    assert len(KINDS) == 12
