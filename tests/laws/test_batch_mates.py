"""An answer does not depend on what else is asked at the same time, nor on the order of asking."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import tuned_tasks
from helpers.support import reviews

import hfdl
from hfdl.tasks.registry import TASKS

LENGTHS = (1, 25, 3, 17, 2, 20, 5, 30, 1, 11, 4, 23)
"""Words of the texts: neighbours of very unlike lengths, so that batches are padded."""


def texts(task: str) -> list[str]:
    words = " ".join(row["text"] for row in reviews(40)).split()
    mask = " [MASK]" if task == "masked_lm" else ""
    return [" ".join(words[i : i + count]) + mask for i, count in enumerate(LENGTHS)]


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of an answer with its path."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from flat(one, f"{path}.{key}")
    elif isinstance(value, list | tuple | np.ndarray):
        for number, one in enumerate(value):
            yield from flat(one, f"{path}[{number}]")
    else:
        yield path, value


def differences(one: Any, other: Any) -> float:
    """The largest one between numbers; everything else is equal."""
    a, b = dict(flat(one)), dict(flat(other))
    assert a.keys() == b.keys()
    largest = 0.0
    for path, value in a.items():
        if isinstance(value, float | np.floating):
            largest = max(largest, abs(float(value) - float(b[path])))
        else:
            assert value == b[path], path
    return largest


@pytest.mark.parametrize("code", ["hfdl", "hf"])
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.usefixtures("without_report")
def test_alone_together_and_in_another_order(
    task: str, code: str, tmp_path: Path, tiny_bert: Path, tiny_gpt2: Path
) -> None:
    bodies = tuned_tasks.Bodies(tiny_bert, tiny_gpt2)
    made = tuned_tasks.make(task, tmp_path / "data", bodies, code, train__steps=3)
    more = {"max_new_tokens": 4, "do_sample": False} if task == "causal_lm" else {}
    pipe: Any = hfdl.pipeline(task, model=made.train(tmp_path / "run").directory, **more)
    asked = texts(task)
    together = pipe(asked, batch_size=64)
    assert len(together) == len(asked) == 12
    for size in (1, 5):
        assert differences(together, pipe(asked, batch_size=size)) <= 1e-5
    order = np.random.default_rng(0).permutation(len(asked))
    shuffled = pipe([asked[i] for i in order], batch_size=64)
    assert differences([together[i] for i in order], shuffled) <= 1e-5
    single = [pipe([text])[0] for text in asked]
    assert differences(together, single) <= 1e-5
