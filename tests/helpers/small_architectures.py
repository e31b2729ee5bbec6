"""Every small architecture with every head that it has, tiny: for tests that all must pass."""

from __future__ import annotations

from typing import Any

from hfdl.hf_models.own_architectures import OWN
from hfdl.tasks.registry import TASKS, task_class
from hfdl.weights.names import SCHEME

_RECURRENT = {"embedding_size": 8, "hidden_size": 8}
SIZES: dict[str, dict[str, Any]] = {
    "lstm": {**_RECURRENT, "num_hidden_layers": 2, "bidirectional": True},
    "gru": {**_RECURRENT, "pooling": "attention"},
    "rnn": _RECURRENT,
    "text-cnn": {"embedding_size": 8, "num_filters": 4, "widths": [2, 3]},
    "word-average": {"embedding_size": 8, "hidden_size": 6},
    "bag-of-words": {},
}
PAIRS = [
    (task, name)
    for name, architecture in OWN.items()
    for task in TASKS
    if architecture.reads_words and task_class(task).head in architecture.heads
]
"""(task, name) of each."""


def sizes(task: str, name: str) -> dict[str, Any]:
    """The sizes of one: the next word is said from left to right."""
    if task == "causal_lm":
        return {**_RECURRENT, "num_hidden_layers": 2}
    return dict(SIZES[name])


def model_section(task: str, name: str, **more: Any) -> dict[str, Any]:
    """The recipe's ``model`` section, nested."""
    return {"name": SCHEME + name, "config": sizes(task, name), **more}
