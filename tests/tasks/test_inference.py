"""Running a model over a split without training it."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from hfdl.tasks.inference import (
    CPU_TOKENS,
    GPU_TOKENS,
    forward_batches,
    inference_batches,
    token_budget,
)
from hfdl.tasks.protocol import Batch

CPU = torch.device("cpu")


@given(
    lengths=st.lists(st.integers(0, 60), max_size=80),
    budget=st.integers(1, 200),
    limit=st.none() | st.integers(1, 9),
)
def test_batches_cover_once_and_keep_to_the_budget(lengths, budget, limit):
    lengths = np.array(lengths, dtype=np.int64)
    batches = inference_batches(lengths, budget, limit)
    order = [int(i) for batch in batches for i in batch]
    assert sorted(order) == list(range(len(lengths)))
    assert lengths[order].tolist() == sorted(lengths, reverse=True)
    for batch in batches:
        assert len(batch) >= 1
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= budget
        assert limit is None or len(batch) <= limit


def test_batches_are_as_large_as_the_budget_allows():
    lengths = np.array([10, 4, 10, 4, 10, 3])
    found = [batch.tolist() for batch in inference_batches(lengths, 20)]
    assert found == [[0, 2], [4, 1], [3, 5]]
    assert [b.tolist() for b in inference_batches(lengths, 9)] == [[0], [2], [4], [1, 3], [5]]
    assert [len(b) for b in inference_batches(lengths, 10**9, limit=4)] == [4, 2]


def test_examples_without_any_token():
    found = inference_batches(np.array([0, 0, 0, 0, 0]), 3)
    assert [batch.tolist() for batch in found] == [[0, 1, 2], [3, 4]]
    assert inference_batches(np.array([], dtype=np.int64), 3) == []


def test_examples_of_one_length_stay_in_order():
    assert [batch.tolist() for batch in inference_batches(np.full(5, 7), 14)] == [
        [0, 1],
        [2, 3],
        [4],
    ]


def test_token_budget_of_a_device():
    assert token_budget(CPU) == CPU_TOKENS == 4096
    assert token_budget(torch.device("cuda")) == GPU_TOKENS == 65536


class Numbers:
    """A split of single numbers; it keeps what it was asked for."""

    def __init__(self, n: int) -> None:
        self.name, self.lengths = "numbers", np.ones(n, dtype=np.int64)
        self.asked = []

    def batch(self, examples, *, seed, epoch):
        self.asked.append((examples, seed, epoch))
        values = torch.tensor(examples, dtype=torch.float32)[:, None]
        return Batch({"values": values}, {}, examples, len(examples))


class Model(nn.Module):
    """Doubles its input, drops out in train mode, and notes the state it is called in."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))
        self.dropout = nn.Dropout(0.5)
        self.calls = []

    def forward(self, values):
        self.calls.append((self.training, self.dropout.training, torch.is_grad_enabled()))
        return self.dropout(values * self.weight)


def batches_of(n: int, size: int) -> list[np.ndarray]:
    return [np.arange(i, min(i + size, n)) for i in range(0, n, size)]


@pytest.mark.parametrize("training", [True, False])
def test_the_model_runs_in_eval_mode_and_gets_its_mode_back(training):
    model, split = Model().train(training), Numbers(5)
    outputs = []
    for output, batch in forward_batches(model, split, batches_of(5, 2), CPU):
        assert not output.requires_grad
        outputs.append((batch.examples, output[:, 0].tolist()))
    assert outputs == [([0, 1], [0.0, 2.0]), ([2, 3], [4.0, 6.0]), ([4], [8.0])]
    assert model.calls == [(False, False, False)] * 3
    assert (model.training, model.dropout.training) == (training, training)
    assert split.asked == [([0, 1], 0, 0), ([2, 3], 0, 0), ([4], 0, 0)]


def test_gradients_work_again_between_and_after_the_batches():
    model = Model()
    for _ in forward_batches(model, Numbers(2), batches_of(2, 1), CPU):
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
    model(torch.ones(3)).sum().backward()
    assert model.weight.grad is not None


def test_the_mode_comes_back_after_an_error_and_after_a_stop():
    class Broken(Model):
        def forward(self, values):
            raise RuntimeError("no memory")

    broken = Broken().train()
    with pytest.raises(RuntimeError, match="no memory"):
        list(forward_batches(broken, Numbers(2), batches_of(2, 1), CPU))
    assert broken.training

    model = Model().train()
    found = forward_batches(model, Numbers(4), batches_of(4, 1), CPU)
    next(found)
    assert not model.training
    found.close()
    assert model.training
    assert len(model.calls) == 1


def test_nothing_to_run_is_nothing():
    model = Model().train()
    assert list(forward_batches(model, Numbers(0), [], CPU)) == []
    assert model.calls == []
    assert model.training


def test_every_batch_runs_inside_the_autocast_it_is_given():
    entered = []

    class Autocast:
        def __enter__(self):
            entered.append("in")

        def __exit__(self, *_):
            entered.append("out")

    list(forward_batches(Model(), Numbers(3), batches_of(3, 1), CPU, Autocast()))
    assert entered == ["in", "out"] * 3


def test_torchs_autocast_can_be_entered_for_each_batch():
    autocast = torch.autocast("cpu", dtype=torch.bfloat16)
    model = nn.Linear(1, 1, bias=False)
    model.forward = lambda values: nn.functional.linear(values, model.weight)
    found = [out for out, _ in forward_batches(model, Numbers(4), batches_of(4, 2), CPU, autocast)]
    assert [out.dtype for out in found] == [torch.bfloat16] * 2
