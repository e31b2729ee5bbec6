"""What tasks tell the loop: a sum and a count, and the mean of them."""

from __future__ import annotations

import pytest
import torch

from hfdl.tasks.protocol import LossSum


@pytest.mark.parametrize("count", [torch.tensor(4), torch.tensor(0.25), torch.tensor(4.0)])
def test_the_mean_is_the_sum_by_the_count_whatever_its_type(count: torch.Tensor) -> None:
    total = torch.tensor(6.0, requires_grad=True)
    mean = LossSum(total, count).mean()
    mean.backward()
    assert mean.item() == 6.0 / float(count)
    assert total.grad is not None
    assert float(total.grad) == 1.0 / float(count)


@pytest.mark.parametrize("count", [torch.tensor(0), torch.tensor(0.0)])
def test_where_nothing_is_counted_the_mean_is_zero_and_so_is_its_gradient(
    count: torch.Tensor,
) -> None:
    weight = torch.tensor([1.0, 2.0], requires_grad=True)
    mean = LossSum((weight * 0.0).sum(), count).mean()
    mean.backward()
    assert mean.item() == 0.0
    assert weight.grad is not None
    assert weight.grad.tolist() == [0.0, 0.0]
