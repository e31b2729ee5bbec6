"""The answers of a graph beside those of the model that it was made of, on the same texts.

Shapes: B texts or rows, T tokens, C labels (or words of the vocabulary), N answers.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hfdl.exporting.refusals import other_answers
from hfdl.exporting.subject import Subject
from hfdl.progress import track
from hfdl.tasks.inference import CPU_TOKENS, inference_batches
from hfdl.tasks.protocol import Batch
from hfdl.weights.graph_model import INPUTS

BOUND = 1e-4
"""How far a score of a float32 graph may be from the model's: both round, in another order."""
_SPARE = 4
"""Numbers of every token are compared, so that fewer tokens than usual fit in memory."""


@dataclass(frozen=True)
class Agreement:
    """How far a graph's answers are from the model's.

    Args:
        examples: texts that both answered.
        answers: labels of texts or tokens, words at masks, or vectors.
        equal: those that are the same label; of numbers and vectors, those within the bound.
        largest: the largest difference of a score.
        mean: the mean over answers of the largest difference of their scores.
        bound: of ``largest``; None: there is none, and the figures say what it costs.
    """

    examples: int
    answers: int
    equal: int
    largest: float
    mean: float
    bound: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values that json can write."""
        return asdict(self)


@torch.inference_mode()
def compared(subject: Subject, graph: torch.nn.Module, bound: float | None) -> Agreement:
    """Run both over every text, in batches of several and alone.

    Args:
        subject: the model and the texts.
        graph: what was made of it, as a model.
        bound: the largest difference of a score that is allowed; None: any.

    Raises:
        ModelError: a score differs by more, or is no number.
    """
    _alone(subject, graph, bound)
    equal: list[np.ndarray] = []
    steps: list[np.ndarray] = []
    lengths = np.asarray(subject.split.lengths)
    batches = inference_batches(lengths, CPU_TOKENS // _SPARE)
    for examples in track(
        batches, "checking the graph", total=len(lengths), unit="texts", size=len
    ):
        same, step = _beside(subject, graph, examples.tolist(), bound)
        equal.append(same)
        steps.append(step)
    every, steps_of_all = np.concatenate(equal), np.concatenate(steps)
    return Agreement(
        examples=len(lengths),
        answers=len(every),
        equal=int(every.sum()),
        largest=float(steps_of_all.max(initial=0.0)),
        mean=float(steps_of_all.mean()) if len(every) else 0.0,
        bound=bound,
    )


def _alone(subject: Subject, graph: torch.nn.Module, bound: float | None) -> None:
    """The shortest and the longest text by themselves: a batch of one is another shape."""
    lengths = np.asarray(subject.split.lengths)
    for place in (int(lengths.argmin()), int(lengths.argmax())):
        _beside(subject, graph, [place], bound)


def _beside(
    subject: Subject, graph: torch.nn.Module, examples: list[int], bound: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Which answers of a batch are the same, (N,), and the largest difference of each, (N,)."""
    batch = subject.split.batch(examples, seed=0, epoch=0)
    inputs = {name: batch.inputs[name] for name in INPUTS if name in batch.inputs}
    own, other = (_answers(subject, each(**inputs), batch) for each in (subject.model, graph))
    step = (own.scores - other.scores).abs().amax(-1)  # (N,)
    near = _near(step, own.scores, BOUND if bound is None else bound)
    if bound is not None and not bool(near.all()):
        largest = float(step.nan_to_num(torch.inf).max())
        raise other_answers("a score", largest, bound, subject.name)
    return own.equal(other, near), step.double().numpy()


@dataclass(frozen=True)
class _Answers:
    """Of one batch.

    Args:
        scores: (N, C): of texts as the task has them, of tokens probabilities, or states.
        labels: N of them; None of numbers and vectors.
    """

    scores: Tensor
    labels: list[Any] | None

    def equal(self, other: _Answers, near: Tensor) -> np.ndarray:
        """Which answers are the same, (N,) of bool; of numbers those that are ``near``."""
        if self.labels is None or other.labels is None:
            return near.numpy()
        return np.array([a == b for a, b in zip(self.labels, other.labels, strict=True)])


def _answers(subject: Subject, outputs: Any, batch: Batch) -> _Answers:
    first = outputs[0]
    if first.dim() == 2:
        labels = [each["prediction"] for each in subject.task.decode(outputs, batch)]
        scores = subject.task.scores(outputs, batch)  # (B, C)
        return _Answers(scores, None if scores.shape[-1] == 1 else labels)
    real = first[batch.inputs["attention_mask"].bool()]  # (B, T, C) -> (N, C)
    if subject.output_name != "logits":
        return _Answers(real, None)
    return _Answers(real.softmax(-1), real.argmax(-1).tolist())


def _near(step: Tensor, own: Tensor, bound: float) -> Tensor:
    """Which differences are within a bound, of numbers above 1 a share of them; NaN is not."""
    return step <= bound * own.abs().amax(-1).clamp(min=1)
