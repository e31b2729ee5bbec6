"""The one training loop. It knows batches, sums of losses and updates; it knows no task.

For each update: the micro-batches of this process go forward and backward; sums of losses and
counts are added over all micro-batches and processes; gradients are divided once by the total
count, clipped, applied. So the update is the same however the batch was cut up.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator

from hfdl.config.schema import TrainConfig
from hfdl.errors import CheckpointError, ConfigError, TrainingError, did_you_mean
from hfdl.tasks.protocol import Split, Task
from hfdl.training.batches import micro_batches, training_batches
from hfdl.training.checkpoint import (
    Checkpoints,
    Snapshot,
    load_model_tensors,
    load_optimizer_tensors,
    model_tensors,
    optimizer_tensors,
)
from hfdl.training.evaluation import evaluate
from hfdl.training.events import (
    Checkpointed,
    Evaluated,
    Interrupted,
    Listener,
    Noted,
    Resumed,
    Updated,
)
from hfdl.training.optim import build_optimizer, build_schedule
from hfdl.training.seeding import random_state, restore_random_state
from hfdl.training.signals import SignalWatch


@dataclass
class Progress:
    """Where a run stands: all that a checkpoint holds beside tensors."""

    step: int = 0
    evaluated_step: int = 0
    best_step: int | None = None
    best_value: float | None = None
    not_better: int = 0
    """Evaluations in a row that were not better."""
    examples: int = 0
    tokens: int = 0
    loss_total: float = 0.0
    loss_count: float = 0.0
    seconds: float = 0.0


class Loop:
    """Trains one model on one split, and keeps the weights that evaluate best.

    Args:
        task: gives losses, predictions and metrics.
        model: the model, on the CPU.
        train: the training split.
        validation: the split that picks the best weights; None: the last weights are kept.
        config: the recipe's ``train`` section.
        accelerator: device, precision and processes.
        checkpoints: where snapshots go; None: nothing is written (a dry run, a test).
        listener: takes the events; called on the main process only.
    """

    def __init__(
        self,
        task: Task,
        model: torch.nn.Module,
        train: Split,
        validation: Split | None,
        config: TrainConfig,
        accelerator: Accelerator,
        *,
        checkpoints: Checkpoints | None = None,
        listener: Listener | None = None,
    ) -> None:
        self.task, self.train, self.validation = task, train, validation
        self.config, self.accelerator, self.checkpoints = config, accelerator, checkpoints
        self._listener = listener
        self.steps_per_epoch = math.ceil(len(train) / config.batch_size)
        self.steps = total_steps(config, len(train))
        self.model = accelerator.prepare_model(model)
        self.plain_model = accelerator.unwrap_model(self.model, keep_torch_compile=False)
        optimizer = build_optimizer(self.plain_model, config)
        # The schedule steps the optimizer underneath Accelerate's wrapper, once an update.
        self.schedule = build_schedule(config, optimizer, self.steps)
        self.optimizer = accelerator.prepare_optimizer(optimizer)
        self.parameters = [p for group in optimizer.param_groups for p in group["params"]]
        _check_best_metric(config, task)
        self.progress = Progress()
        self._batches: tuple[int, list[np.ndarray]] = (-1, [])
        self._saved_step = 0
        self._began = time.perf_counter()

    # ---- the story ---------------------------------------------------------------------------

    def run(self, watch: SignalWatch | None = None) -> str:
        """Train to the end.

        Returns:
            ``completed`` or ``early_stopping``.

        Raises:
            Interrupted: a signal came; a checkpoint was saved first.
            TrainingError: a loss or gradient is not finite; the update was not made.
        """
        self._began = time.perf_counter() - self.progress.seconds
        self.model.train()
        while True:
            # First what is due at this step: a run that was interrupted after an update and
            # before its evaluation comes back here.
            interrupted = self._any(watch is not None and watch.signum is not None)
            if not interrupted:
                self._evaluate_if_due()
            stopping = self._has_lost_patience()
            done = stopping or self.progress.step >= self.steps
            if interrupted or self._save_is_due(done):
                self._save()
            if interrupted:
                raise Interrupted(self._signal(watch), self.progress.step, self._folder())
            if done:
                return "early_stopping" if stopping else "completed"
            self.update(self._examples(self.progress.step))

    def update(self, examples: np.ndarray) -> None:
        """One update of the weights from the given examples (of all processes)."""
        self.model.train()
        total, count, tokens = self._backward(examples)
        norm = self._scale_gradients(count)
        self._refuse_non_finite(total, norm, examples)
        rate = self.schedule.get_last_lr()[0]
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if not self.optimizer.step_was_skipped:
            self._step_schedule()
        self._count_update(examples, total, count, tokens, norm, rate)

    # ---- one update --------------------------------------------------------------------------

    def _backward(self, examples: np.ndarray) -> tuple[float, float, int]:
        """Gradients of the summed loss; the sum, its count and the real tokens, over all."""
        world, rank = self.accelerator.num_processes, self.accelerator.process_index
        parts = micro_batches(
            examples, self.config.micro_batch_size or len(examples), rank=rank, world=world
        )
        device = self.accelerator.device
        sums = torch.zeros(3, dtype=torch.float64)
        losses: list[tuple[torch.Tensor, torch.Tensor]] = []
        for i, part in enumerate(parts):
            last = i == len(parts) - 1
            with nullcontext() if last else self.accelerator.no_sync(self.model):
                # A process without examples still takes part, with a loss times zero.
                idle = len(part) == 0
                chosen = examples[:1] if idle else part
                batch = self.train.batch(
                    chosen.tolist(), seed=self.config.seed, epoch=self._epoch()
                ).to(device)
                loss = self.task.loss(self.model(**batch.inputs), batch)
                self.accelerator.backward(loss.total * 0.0 if idle else loss.total)
            if not idle:
                losses.append((loss.total.detach(), loss.count.detach()))
                sums[2] += batch.tokens
        for total, count in losses:
            sums[0] += total.double().cpu()
            sums[1] += count.double().cpu()
        if world > 1:
            sums = self._sum(sums)
        return float(sums[0]), float(sums[1]), int(sums[2])

    def _scale_gradients(self, count: float) -> float:
        """Divide gradients by the count and clip them, in one pass; the norm before clipping."""
        self.accelerator.unscale_gradients(self.optimizer)
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        # Averaged over the processes by DDP, summed over items: so this makes them a mean.
        mean = self.accelerator.num_processes / count if count else 0.0
        norm = float(torch.nn.utils.get_total_norm(gradients)) * mean
        clip = self.config.clip_norm
        factor = mean if clip is None else mean * min(1.0, clip / (norm + 1e-6))
        if math.isfinite(factor):
            torch._foreach_mul_(gradients, factor)
        return norm

    def _refuse_non_finite(self, total: float, norm: float, examples: np.ndarray) -> None:
        """Stop before a step that would destroy the weights."""
        finite_loss = math.isfinite(total)
        if finite_loss and (math.isfinite(norm) or self.accelerator.scaler is not None):
            return  # fp16's scaler skips a step whose gradients overflow, and lowers its scale
        places = ", ".join(self.train.where(int(i)) for i in examples[:3])
        more = f" and {len(examples) - 3} more" if len(examples) > 3 else ""
        raise TrainingError(
            f"the {'gradient' if finite_loss else 'loss'} of update {self.progress.step + 1} is "
            f"not finite (examples: {places}{more})",
            rule="the weights were left as they were before it",
            remedy=f"lower train.learning_rate ({self.config.learning_rate:g}), set "
            "train.precision=float32, or look at these examples",
        )

    def _step_schedule(self) -> None:
        if not isinstance(self.schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
            self.schedule.step()

    def _count_update(
        self,
        examples: np.ndarray,
        total: float,
        count: float,
        tokens: int,
        norm: float,
        rate: float,
    ) -> None:
        progress = self.progress
        progress.step += 1
        progress.examples += len(examples)
        progress.tokens += tokens
        progress.loss_total += total
        progress.loss_count += count
        progress.seconds = time.perf_counter() - self._began
        self._tell(
            Updated(
                step=progress.step,
                steps=self.steps,
                epoch=progress.step / self.steps_per_epoch,
                loss=total / count if count else 0.0,
                learning_rate=rate,
                grad_norm=norm,
                examples=len(examples),
                tokens=tokens,
                seconds=progress.seconds,
            )
        )

    # ---- order -------------------------------------------------------------------------------

    def _epoch(self) -> int:
        return self.progress.step // self.steps_per_epoch

    def _examples(self, step: int) -> np.ndarray:
        epoch = step // self.steps_per_epoch
        if self._batches[0] != epoch:
            made = training_batches(
                self.train.lengths, self.config.batch_size, seed=self.config.seed, epoch=epoch
            )
            self._batches = (epoch, made)
        return self._batches[1][step % self.steps_per_epoch]

    # ---- evaluation --------------------------------------------------------------------------

    def _evaluate_if_due(self) -> None:
        progress = self.progress
        every = self.config.evaluate_every or self.steps_per_epoch
        due = progress.step and (progress.step % every == 0 or progress.step >= self.steps)
        if self.validation is None or not due or progress.evaluated_step == progress.step:
            return
        began = time.perf_counter()
        result = evaluate(
            self.task,
            self.accelerator.unwrap_model(self.model),
            self.validation,
            self.accelerator.device,
            rank=self.accelerator.process_index,
            world=self.accelerator.num_processes,
        )
        better = self._note_best(result.metrics)
        progress.evaluated_step = progress.step
        progress.seconds = time.perf_counter() - self._began
        epoch = progress.step / self.steps_per_epoch
        seconds = time.perf_counter() - began
        self._tell(Evaluated("validation", progress.step, epoch, result.metrics, better, seconds))

    def _has_lost_patience(self) -> bool:
        patience = self.config.early_stopping
        return patience is not None and self.progress.not_better >= patience

    def best_metric(self) -> tuple[str, bool]:
        """The metric that picks the best weights, and whether more of it is better."""
        name = self.config.best_metric
        return self.task.best_metric if name is None else (name, name not in SMALLER_IS_BETTER)

    def _note_best(self, metrics: dict[str, float]) -> bool:
        progress = self.progress
        name, larger_is_better = self.best_metric()
        value = metrics[name]
        if isinstance(self.schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
            self.schedule.step(value)
        best = progress.best_value
        better = best is None or (value > best if larger_is_better else value < best)
        if not better:
            progress.not_better += 1
            return False
        progress.best_value, progress.best_step, progress.not_better = value, progress.step, 0
        if self.checkpoints is not None and self.accelerator.is_main_process:
            self.checkpoints.save_best(progress.step, model_tensors(self.plain_model))
        return True

    # ---- checkpoints -------------------------------------------------------------------------

    def _save_is_due(self, done: bool) -> bool:
        step = self.progress.step
        every = self.config.save_every or self.config.evaluate_every or self.steps_per_epoch
        return step != self._saved_step and (done or step % every == 0)

    def _save(self) -> None:
        randoms = {
            name: self.accelerator.gather(state[None].to(self.accelerator.device)).cpu()
            for name, state in random_state(self.accelerator.device).items()
        }
        self._saved_step = self.progress.step
        if self.checkpoints is None or not self.accelerator.is_main_process:
            return
        scaler = self.accelerator.scaler
        snapshot = Snapshot(
            step=self.progress.step,
            model=model_tensors(self.plain_model),
            optimizer=optimizer_tensors(self._raw_optimizer(), self._names()),
            random=randoms,
            state={
                **{k: v for k, v in asdict(self.progress).items() if k != "step"},
                "schedule": self.schedule.state_dict(),
                "scaler": None if scaler is None else scaler.state_dict(),
                "data": fingerprint(self.train),
            },
        )
        path = self.checkpoints.save(snapshot, self.progress.best_step)
        self._tell(Checkpointed(self.progress.step, str(path)))

    def resume(self) -> bool:
        """Go back to the newest whole checkpoint; False where there is none.

        Raises:
            CheckpointError: the data or the number of processes is another than it was.
        """
        assert self.checkpoints is not None
        snapshot, notes = self.checkpoints.latest()
        for note in notes:
            self._tell(Noted(note))
        if snapshot is None:
            return False
        state = snapshot.state
        self._check_same_run(state.pop("data"), snapshot.random["cpu"].shape[0])
        load_model_tensors(self.plain_model, snapshot.model)
        load_optimizer_tensors(self._raw_optimizer(), snapshot.optimizer, self._names())
        rank = self.accelerator.process_index
        mine = {name: states[rank] for name, states in snapshot.random.items()}
        restore_random_state(mine, self.accelerator.device)
        schedule = state.pop("schedule")
        self.schedule.load_state_dict(schedule)
        for group, rate in zip(
            self._raw_optimizer().param_groups, schedule["_last_lr"], strict=True
        ):
            group["lr"] = rate
        if (scaler := state.pop("scaler")) is not None and self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(scaler)
        self.progress = Progress(step=snapshot.step, **state)
        self._saved_step = snapshot.step
        self._tell(Resumed(snapshot.step, str(self.checkpoints.folder)))
        return True

    def load_best(self) -> None:
        """Put the best weights into the model, where an evaluation chose some."""
        best = self.progress.best_step
        if best is not None and best != self.progress.step and self.checkpoints is not None:
            load_model_tensors(self.plain_model, self.checkpoints.load_best(best))

    def _check_same_run(self, data: str, processes: int) -> None:
        if data != fingerprint(self.train):
            raise CheckpointError(
                "the training data is not the data that the run was started with",
                where=self._folder(),
                rule="a resumed run must see the same examples",
                remedy="put the old data back, or start again with --overwrite",
            )
        if processes != self.accelerator.num_processes:
            raise CheckpointError(
                f"the run was started with {processes} processes, not "
                f"{self.accelerator.num_processes}",
                where=self._folder(),
                rule="each process has a random state of its own",
                remedy=f"resume with --processes {processes}",
            )

    # ---- small things ------------------------------------------------------------------------

    def _raw_optimizer(self) -> torch.optim.Optimizer:
        return self.optimizer.optimizer

    def _names(self) -> dict[int, str]:
        return {id(p): name for name, p in self.plain_model.named_parameters()}

    def _sum(self, values: torch.Tensor) -> torch.Tensor:
        """Sum over the processes."""
        reduce: Callable[..., Any] = self.accelerator.reduce
        return reduce(values.to(self.accelerator.device), reduction="sum").cpu()

    def _any(self, flag: bool) -> bool:
        """Whether the flag is up on any process: all must stop at the same step."""
        if self.accelerator.num_processes == 1:
            return flag
        return bool(self._sum(torch.tensor([float(flag)])).item())

    def _signal(self, watch: SignalWatch | None) -> int:
        return watch.signum if watch is not None and watch.signum is not None else 15

    def _folder(self) -> str:
        return str(self.checkpoints.folder.parent) if self.checkpoints is not None else ""

    def _tell(self, event: Any) -> None:
        if self._listener is not None and self.accelerator.is_main_process:
            self._listener(event)


def total_steps(config: TrainConfig, examples: int) -> int:
    """Updates of the whole run."""
    per_epoch = math.ceil(examples / config.batch_size)
    return config.steps or max(1, math.ceil(round(config.epochs * per_epoch, 6)))


def _check_best_metric(config: TrainConfig, task: Task) -> None:
    known = [*task.metric_names, "loss"]
    if config.best_metric is not None and config.best_metric not in known:
        raise ConfigError(
            f"the task has no metric {config.best_metric!r}",
            where="train.best_metric",
            remedy=did_you_mean(config.best_metric, known),
        )


SMALLER_IS_BETTER = frozenset({"loss", "perplexity", "mse", "mae"})


def fingerprint(split: Split) -> str:
    """A digest of a split's lengths and answers: does a resumed run see the same data?"""
    digest = hashlib.sha256(split.lengths.tobytes())
    digest.update(repr(list(split.references())).encode())
    return digest.hexdigest()
