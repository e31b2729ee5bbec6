"""Model, optimizer and schedule of a run; snapshots of them, and restoring."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from torch import nn

from hfdl.config.schema import TrainConfig
from hfdl.errors import CheckpointError, HfdlError
from hfdl.training.checkpoint import Snapshot
from hfdl.training.gradients import EmbeddingRows, average_and_clip
from hfdl.training.optim import build_optimizer, build_schedule, watches_a_metric
from hfdl.training.optimizers import group_numbers, restore_group_numbers
from hfdl.training.seeding import random_state, restore_random_state
from hfdl.training.tensors import (
    load_model_tensors,
    load_optimizer_tensors,
    model_tensors,
    optimizer_tensors,
    untrained_digest,
)


class TrainingState:
    """What an update changes, prepared by Accelerate.

    Args:
        model: the model, on the CPU.
        config: the recipe's ``train`` section.
        accelerator: device, precision and processes.
        steps: updates of the whole run, for the schedule.
        layer_decay: the rate of each layer is this multiple of that of the one above it.
        eval_modules: parts of the model that stay in eval mode while it is trained.
    """

    def __init__(
        self,
        model: nn.Module,
        config: TrainConfig,
        accelerator: Accelerator,
        steps: int,
        *,
        layer_decay: float | None = None,
        eval_modules: Sequence[nn.Module] = (),
    ) -> None:
        self.accelerator = accelerator
        self.model = accelerator.prepare_model(model)
        self.plain_model = accelerator.unwrap_model(self.model, keep_torch_compile=False)
        self._raw_optimizer = build_optimizer(self.plain_model, config, layer_decay)
        self.schedule = build_schedule(config, self._raw_optimizer, steps)
        self.watches_a_metric = watches_a_metric(self.schedule)
        prepared: Any = accelerator.prepare_optimizer(self._raw_optimizer)
        self.optimizer: AcceleratedOptimizer = prepared
        self.parameters = [p for g in self._raw_optimizer.param_groups for p in g["params"]]
        # DDP and compiled graphs want dense gradients.
        alone = accelerator.num_processes == 1 and not config.compile
        self.embedding_rows = EmbeddingRows(self.plain_model) if alone else None
        self._untrained = untrained_digest(self.plain_model)
        # Once, not at each update: whoever evaluates in between puts every mode back.
        self.model.train()
        for part in eval_modules:
            part.eval()

    @property
    def learning_rate(self) -> float:
        """The rate of the next update; of the head, where each layer has its own."""
        return float(self.schedule.get_last_lr()[0])

    def step(self) -> None:
        """Apply the gradients, drop them, and move the schedule on."""
        if self.accelerator.scaler is None:
            # Accelerate's wrapper does the same, and looks for LOMO in the file system each time.
            self._raw_optimizer.step()
            skipped = False
        else:
            self.optimizer.step()
            # fp16 skips an update whose gradients overflowed; its place in the schedule stays.
            skipped = self.optimizer.step_was_skipped
        self.zero_grad()
        if not skipped and not self.watches_a_metric:
            self.schedule.step()

    def row_gradients(self) -> AbstractContextManager[None]:
        """In which the backward passes go: gradients of embeddings are those of their rows."""
        return nullcontext() if self.embedding_rows is None else self.embedding_rows.sparse()

    def average_and_clip(self, mean: float, clip_norm: float | None) -> float:
        """``average_and_clip`` of all gradients; of an embedding, of its touched rows."""
        touched = self.embedding_rows.gradients() if self.embedding_rows is not None else {}
        gradients = [
            touched[p][1] if p in touched else p.grad for p in self.parameters if p.grad is not None
        ]
        norm = average_and_clip(gradients, mean, clip_norm)
        if self.embedding_rows is not None:
            self.embedding_rows.put(touched)
        return norm

    def zero_grad(self) -> None:
        """Drop the gradients."""
        for parameter in self.parameters:
            parameter.grad = None
        if self.embedding_rows is not None:
            self.embedding_rows.clear()

    def weights(self) -> dict[str, torch.Tensor]:
        """The model's tensors by name, but for those that are not trained."""
        return model_tensors(self.plain_model)

    def load_weights(self, tensors: dict[str, torch.Tensor]) -> None:
        """Put back what ``weights`` gave."""
        load_model_tensors(self.plain_model, tensors)

    def snapshot(self, step: int, progress: dict[str, Any]) -> Snapshot:
        """Everything at this moment. Every process must call it: each has a random state."""
        device = self.accelerator.device
        randoms = {}
        for name, state in random_state(device).items():
            gathered = self.accelerator.gather(state[None].to(device))  # (processes, bytes)
            assert isinstance(gathered, torch.Tensor)
            randoms[name] = gathered.cpu()
        scaler = self.accelerator.scaler
        return Snapshot(
            step=step,
            model=self.weights(),
            optimizer=optimizer_tensors(self._raw_optimizer, self._names()),
            random=randoms,
            state={
                **progress,
                "processes": self.accelerator.num_processes,
                "untrained": self._untrained,
                "optimizer_groups": group_numbers(self._raw_optimizer),
                "schedule": self.schedule.state_dict(),
                "scaler": None if scaler is None else scaler.state_dict(),
            },
        )

    def restore(self, snapshot: Snapshot) -> dict[str, Any]:
        """Put everything back; what ``snapshot`` was given as progress is returned.

        Raises:
            CheckpointError: another number of processes, another model or optimizer, or a state
                that no training has written.
        """
        try:
            return self._put_back(snapshot)
        except HfdlError:
            raise
        except WRONG_STATE as error:
            raise no_state(error) from error

    def _put_back(self, snapshot: Snapshot) -> dict[str, Any]:
        self._check_processes(snapshot.random["cpu"].shape[0])
        progress = dict(snapshot.state)
        progress.pop("processes", None)  # for people; the random states say it as well
        self._check_untrained(progress.pop("untrained", None))
        schedule, scaler = progress.pop("schedule"), progress.pop("scaler")
        groups = progress.pop("optimizer_groups", None)  # absent in checkpoints of hfdl 0.1
        refuse_other_form(schedule, self.schedule.state_dict(), type(self.schedule))
        refuse_other_form(groups or [], group_numbers(self._raw_optimizer))
        self.load_weights(snapshot.model)
        load_optimizer_tensors(self._raw_optimizer, snapshot.optimizer, self._names())
        if groups is not None:
            restore_group_numbers(self._raw_optimizer, groups)
        self.schedule.load_state_dict(schedule)
        for group, rate in zip(self._raw_optimizer.param_groups, schedule["_last_lr"], strict=True):
            group["lr"] = rate
        if scaler is not None and self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(scaler)
        rank = self.accelerator.process_index
        mine = {name: states[rank] for name, states in snapshot.random.items()}
        restore_random_state(mine, self.accelerator.device)
        return progress

    def _check_untrained(self, digest: str | None) -> None:
        if digest != self._untrained:
            raise CheckpointError(
                "the weights that are not trained are not those that the run was started with",
                where="model.name",
                rule="a checkpoint holds only the weights that are trained",
                remedy="put the old model back, or start again with --overwrite in place of "
                "--resume",
            )

    def _check_processes(self, processes: int) -> None:
        if processes != self.accelerator.num_processes:
            raise CheckpointError(
                f"the run was started with {processes} processes, not "
                f"{self.accelerator.num_processes}",
                rule="each process has a random state of its own",
                remedy=f"resume with --processes {processes}",
            )

    def _names(self) -> dict[int, str]:
        return {id(p): name for name, p in self.plain_model.named_parameters()}


# ---- How far a run has come ----------------------------------------------------------------------

WRONG_STATE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError)
"""What is raised where a state.json holds other things than it should."""


def refuse_other_form(saved: Any, own: Any, kind: type = object) -> None:
    """Refuse what could not stand in the place of what there is: torch would put in anything.

    Args:
        saved: what a checkpoint holds.
        own: the same of this run.
        kind: the class whose attributes these are; they must not hide its methods.

    Raises:
        TypeError: another type, more or fewer items, or the name of a method or of parameters.
    """
    numbers = (int, float)
    is_number = type(saved) in numbers and type(own) in numbers
    if own is None or is_number:
        return
    if type(saved) is not type(own) or (isinstance(own, list) and len(saved) != len(own)):
        raise TypeError(f"{saved!r:.60} in the place of {own!r:.60}")
    if isinstance(own, dict):
        for key, value in saved.items():
            if callable(getattr(kind, key, None)) or key == "params":
                raise TypeError(f"{key} is not to be set")
            refuse_other_form(value, own.get(key))
    elif isinstance(own, list):
        for value, expected in zip(saved, own, strict=True):
            refuse_other_form(value, expected)


def no_state(error: Exception) -> CheckpointError:
    """The error for a checkpoint whose state no training has written."""
    return CheckpointError(
        f"the checkpoint's state is of no training ({type(error).__name__}: {error})",
        where="state.json",
        rule="it holds what the run saved there",
        remedy="remove this checkpoint, or start again with --overwrite in place of --resume",
    )


@dataclass
class Progress:
    """Where a run stands: all that a checkpoint holds beside tensors."""

    step: int = 0
    evaluated_step: int = -1
    """The last update after which an evaluation was made; 0: before the first."""
    best_step: int | None = None
    best_value: float | None = None
    not_better: int = 0
    """Evaluations in a row that were not better."""
    micro_batch_size: int | None = None
    """Examples per forward pass; None: the whole batch. Less than asked for where memory ended."""
    examples: int = 0
    tokens: int = 0
    loss_total: float = 0.0
    loss_count: float = 0.0
    seconds: float = 0.0

    @classmethod
    def of(cls, step: int, saved: dict[str, Any]) -> Progress:
        """What a checkpoint of an update holds.

        Raises:
            CheckpointError: an unknown name, or a value of another type.
        """
        try:
            progress = cls(step=step, **saved)
        except TypeError as error:
            raise no_state(error) from None
        for field in fields(cls):
            value, kind = getattr(progress, field.name), str(field.type)
            types = (int, float) if "float" in kind else (int,)
            if type(value) not in types and not (value is None and "None" in kind):
                raise no_state(TypeError(f"{field.name} is {value!r}"))
        return progress
