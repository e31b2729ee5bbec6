"""``TaskSpec``: what is said of every task."""

from __future__ import annotations

import pytest

from hfdl.tasks.registry import TASKS, task_class


@pytest.mark.parametrize("name", sorted(TASKS))
def test_the_loss_and_the_errors_of_a_task_are_better_when_smaller(name: str) -> None:
    cls = task_class(name)
    smaller = cls.smaller_is_better.fget(cls)  # read without building a model
    assert smaller == cls.spec.smaller_is_better | {"loss"}
    assert not smaller & {"accuracy", "f1", "bleu", "chrf", "precision", "recall"}
    assert len(TASKS) == 5
