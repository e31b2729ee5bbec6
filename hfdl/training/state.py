"""Model, optimizer and schedule of a run; snapshots of them, and restoring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from torch import nn

from hfdl.config.schema import TrainConfig
from hfdl.errors import CheckpointError, HfdlError
from hfdl.training.checkpoint import Snapshot
from hfdl.training.distributed.parts import local, only_first
from hfdl.training.distributed.sharding import FSDP, ShardedModel
from hfdl.training.gradients import EmbeddingRows, average_and_clip
from hfdl.training.optim import build_optimizer, build_schedule, watches_a_metric
from hfdl.training.optimizers import group_numbers, restore_group_numbers
from hfdl.training.progress import WRONG_STATE, no_state, refuse_other_form
from hfdl.training.seeding import random_state, restore_random_state, seed_everything
from hfdl.training.tensors import (
    load_model_tensors,
    load_optimizer_tensors,
    model_tensors,
    optimizer_tensors,
    untrained_digest,
)

_APART = 1_000_003


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
        self._seed = config.seed
        self._untrained = untrained_digest(model)
        shares = config.strategy == FSDP and accelerator.num_processes > 1
        self._sharded = ShardedModel(model, accelerator) if shares else None
        self.model = self._sharded.trained if self._sharded else accelerator.prepare_model(model)
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
        # Once, not at each update: whoever evaluates in between puts every mode back.
        self.model.train()
        for part in eval_modules:
            part.eval()

    @property
    def is_sharded(self) -> bool:
        """Whether each process has a part of the model alone."""
        return self._sharded is not None

    @contextmanager
    def whole_model(self) -> Iterator[nn.Module]:
        """The model to evaluate and to write texts with. Every process must come here."""
        with nullcontext(self.model) if self._sharded is None else self._sharded.whole() as whole:
            yield self.accelerator.unwrap_model(whole)

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
        parts = [local(gradient) for gradient in gradients]
        norm = average_and_clip(parts, mean, clip_norm, self.accelerator if self._sharded else None)
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
        """In the first process the model's tensors by name, but for those that are not trained.

        Every process must call it, for each may have a part of them.
        """
        return only_first(model_tensors(self.plain_model), self.accelerator)

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
            optimizer=only_first(
                optimizer_tensors(self._raw_optimizer, self._names()), self.accelerator
            ),
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
            CheckpointError: another model or optimizer, or a state that no training has written.
        """
        try:
            return self._put_back(snapshot)
        except HfdlError:
            raise
        except WRONG_STATE as error:
            raise no_state(error) from error

    def _put_back(self, snapshot: Snapshot) -> dict[str, Any]:
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
        self._restore_random_state(snapshot)
        return progress

    def of_other_processes(self, snapshot: Snapshot) -> str | None:
        """A line where a snapshot is of another number of processes than there are now."""
        then, now = _processes(snapshot), self.accelerator.num_processes
        if then == now:
            return None
        return (
            f"the run was started with {then} process{'es' if then > 1 else ''} and goes on with "
            f"{now}: its updates are of the same examples, and dropout draws other numbers"
        )

    def _restore_random_state(self, snapshot: Snapshot) -> None:
        """The random state of this process; of one that there was not, a new one."""
        rank = self.accelerator.process_index
        if rank >= _processes(snapshot):
            # Far from the seeds that the others began with.
            seed_everything(self._seed + _APART * (1 + snapshot.step), rank=rank)
            return
        mine = {name: states[rank] for name, states in snapshot.random.items()}
        restore_random_state(mine, self.accelerator.device)

    def _check_untrained(self, digest: str | None) -> None:
        if digest != self._untrained:
            raise CheckpointError(
                "the weights that are not trained are not those that the run was started with",
                where="model.name",
                rule="a checkpoint holds only the weights that are trained",
                remedy="put the old model back, or start again with --overwrite in place of "
                "--resume",
            )

    def _names(self) -> dict[int, str]:
        return {id(p): name for name, p in self.plain_model.named_parameters()}


def _processes(snapshot: Snapshot) -> int:
    return len(snapshot.random["cpu"])
