"""Protocols between tasks and the training loop.

The loop knows nothing of sentiment or entities; a task knows nothing of epochs or devices. They
share these few types.

A batch is a pure function of the examples in it, the epoch and the seed: never of the global
random generator, of workers or of the number of processes. Exact resume rests on that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import torch

    from hfdl.config.schema import DataConfig, ModelConfig
    from hfdl.data.arrays import ComputedArray

Prediction = dict[str, Any]
"""A task's prediction for one example, as plain Python values that json can write."""


@dataclass(frozen=True)
class Batch:
    """Some examples, padded together.

    Args:
        inputs: keyword arguments of the model's ``forward``; tensors of shape (rows, T), and
            whatever else the model takes.
        targets: what the loss and ``decode`` need beside the outputs. The model never sees it.
        examples: which examples of the split these are. One example may have several rows
            (the windows of a long text).
        tokens: real tokens in it, padding left out.
    """

    inputs: dict[str, torch.Tensor]
    targets: dict[str, torch.Tensor]
    examples: Sequence[int]
    tokens: int

    def to(self, device: torch.device) -> Batch:
        """The same batch with its tensors on ``device``."""
        return Batch(
            {name: tensor.to(device, non_blocking=True) for name, tensor in self.inputs.items()},
            {name: tensor.to(device, non_blocking=True) for name, tensor in self.targets.items()},
            self.examples,
            self.tokens,
        )


@dataclass(frozen=True)
class LossSum:
    """A loss before its division.

    ``total`` is the sum over labelled items and ``count`` their number (or their summed weight).
    The loop adds both over every micro-batch and process of an update and divides once, so the
    gradient of an update does not depend on how it was cut up.
    """

    total: torch.Tensor
    count: torch.Tensor

    def mean(self) -> torch.Tensor:
        """The sum divided by the count; 0 where nothing was counted."""
        # Not by a look at the count: on a GPU that would wait for the forward pass.
        return self.total / (self.count + (self.count == 0))


class Split(Protocol):
    """A tokenised split."""

    name: str

    @property
    def lengths(self) -> np.ndarray | ComputedArray:
        """Tokens of each example, shape (N,): what batches are bucketed by."""
        ...

    def __len__(self) -> int: ...

    def batch(self, examples: Sequence[int], *, seed: int, epoch: int) -> Batch:
        """The given examples as one padded batch."""
        ...

    def references(self) -> Sequence[Any]:
        """The right answer of each example, in the form ``Task.metrics`` takes."""
        ...

    def where(self, example: int) -> str:
        """The place of an example in words, for messages: ``reviews.csv, line 12``."""
        ...

    def describe(self, example: int) -> dict[str, Any]:
        """Fields of an example in predictions.jsonl, beside those of the prediction."""
        ...


@runtime_checkable
class Digested(Protocol):
    """Optional protocol for splits that need not make all their batches for a digest of them."""

    def digest(self) -> str:
        """Of all that ``batch`` gives for all examples, and of their order."""
        ...


@dataclass(frozen=True)
class Splits:
    """What ``Task.prepare`` makes of the data.

    ``facts`` are lines for a person: where validation came from, how much text was cut off.
    """

    train: Split | None = None
    validation: Split | None = None
    test: Split | None = None
    facts: list[str] = field(default_factory=list)

    def named(self) -> dict[str, Split]:
        """The splits that exist, by name."""
        pairs = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: split for name, split in pairs.items() if split is not None}


class Task(Protocol):
    """What a task must do for the loop, the evaluation and the pipeline."""

    name: str
    best_metric: tuple[str, bool]
    """The validation metric that picks the best weights, and whether more of it is better."""
    smaller_is_better: frozenset[str]
    """Metrics that are errors; of all others more is better."""
    metric_names: list[str]
    """The names of what ``metrics`` gives."""
    label_names: list[str]
    """The labels in the order of their ids; empty where a task has none."""

    new_parameters: list[str]
    """Parameters that the pretrained weights do not hold, such as those of a new head."""

    def prepare(self, data_config: DataConfig) -> Splits:
        """Read, split, label and tokenise the data."""
        ...

    def build_model(self, model_config: ModelConfig) -> torch.nn.Module:
        """The model for the prepared labels, with pretrained or random weights."""
        ...

    def load_model(self) -> torch.nn.Module:
        """The saved model with its trained head, in eval mode."""
        ...

    def loss(self, outputs: Any, batch: Batch, *, training: bool = False) -> LossSum:
        """The loss of a batch, as a sum and a count.

        Args:
            outputs: the model's outputs for the batch.
            batch: the batch.
            training: whether this loss is trained on. Class weights, label smoothing and focal
                loss belong to it; the loss of an evaluation is the plain one.
        """
        ...

    def decode(self, outputs: Any, batch: Batch) -> list[Prediction]:
        """One prediction for each of ``batch.examples``, in order."""
        ...

    def metrics(
        self, predictions: Sequence[Prediction], references: Sequence[Any]
    ) -> dict[str, float]:
        """Metrics by name, as ``evaluate`` names them.

        A name with a slash (``person/f1``) is a detail: files and trackers have it, lines do not.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write the tokenizer beside the model's weights."""
        ...

    def facts(self) -> dict[str, Any]:
        """Facts about the task for metrics.json, such as its labels."""
        ...


@runtime_checkable
class TellsOfModel(Protocol):
    """Optional protocol for tasks that have something to say of the model that they built."""

    model_facts: list[str]
    """What became of the saved model, such as the rows of its head, as lines for a person."""


@runtime_checkable
class Generates(Protocol):
    """Optional protocol for tasks that generate text.

    One forward pass shows how well the right answer is predicted; only a search shows what the
    model answers by itself.
    """

    def generate(self, model: torch.nn.Module, batch: Batch) -> list[Prediction]:
        """The model's own answer for each of ``batch.examples``, added to what ``decode`` gives."""
        ...


@runtime_checkable
class Settles(Protocol):
    """Optional protocol for tasks that choose how they answer once the weights are final."""

    settles: bool
    """Whether there is anything to choose."""

    def settle(
        self,
        model: torch.nn.Module,
        predictions: Sequence[Prediction],
        references: Sequence[Any],
    ) -> list[str]:
        """Choose by the validation split, note it in the model's config, and say it in lines."""
        ...


@runtime_checkable
class Measures(Protocol):
    """Optional protocol for tasks with metrics that predictions alone do not give.

    They are computed once, at the end of a run, since they cost more than an evaluation does.
    """

    def measure(
        self, model: torch.nn.Module, split: Split, device: torch.device
    ) -> dict[str, float]:
        """Metrics of a held-out split by name, beside those of ``metrics``."""
        ...


@runtime_checkable
class Samples(Protocol):
    """Optional protocol for tasks whose model writes sample texts during training."""

    def sample(self, model: torch.nn.Module) -> list[Prediction]:
        """``prompt`` and ``text`` of each sample. It draws from no global generator."""
        ...


@runtime_checkable
class TakesMetrics(Protocol):
    """Optional protocol for tasks that compute the metrics of ``train.metrics`` beside their own.

    ``PretrainedTask`` does.
    """

    own_metrics: Any
    """Their ``names``, and ``smaller`` of those that are errors: known once they were tried."""

    def score(
        self, predictions: Sequence[Prediction], references: Sequence[Any]
    ) -> dict[str, float]:
        """What ``metrics`` gives, and theirs."""
        ...

    def try_metrics(self, references: Sequence[Any]) -> None:
        """Run them once on right answers, so that their faults come before training."""
        ...
