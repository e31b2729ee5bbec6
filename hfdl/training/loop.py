"""The one training loop. It knows batches, sums of losses and updates; it knows no task.

For each update: the batch goes forward and backward (see ``backward``); the summed gradients are
divided once by the total count, clipped, applied. Between updates: evaluations, checkpoints, and an
eye on signals. A run that was interrupted goes on as if it had not been.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator

from hfdl.config.schema import TrainConfig
from hfdl.environment import peak_memory_bytes
from hfdl.tasks.protocol import Samples, Split, Task
from hfdl.training.backward import Backward, Sums
from hfdl.training.batches import TrainingBatches
from hfdl.training.checkpoint import Checkpoints
from hfdl.training.distributed.collectives import any_process
from hfdl.training.evaluation import evaluate
from hfdl.training.events import (
    Checkpointed,
    Evaluated,
    Event,
    Interrupted,
    Listener,
    Noted,
    Restarted,
    Resumed,
    Sampled,
    Updated,
)
from hfdl.training.fingerprint import fingerprint, refuse_another
from hfdl.training.finite import refuse_update
from hfdl.training.memory import give_back_free_pages
from hfdl.training.plan import best_metric, check_best_metric, total_steps, value_of
from hfdl.training.progress import Progress
from hfdl.training.signals import SignalWatch
from hfdl.training.state import TrainingState


class Loop:
    """Trains one model on one split, and keeps the weights that evaluate best.

    Args:
        task: gives losses, predictions and metrics.
        model: the model, on the CPU.
        train: the training split.
        validation: the split that picks the best weights; None: the last weights are kept.
        config: the recipe's ``train`` section.
        accelerator: device, precision and processes.
        checkpoints: where snapshots go; None: nothing is written (a dry run).
        listener: takes the events; called on the main process only.
        layer_decay: the rate of each layer is this multiple of that of the one above it.
        eval_modules: parts of the model that stay in eval mode while it is trained.
        files: what else training depends on, by the key of the recipe that names it.

    Raises:
        ConfigError: unknown schedule, or a ``best_metric`` that the task does not have.
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
        layer_decay: float | None = None,
        eval_modules: Sequence[torch.nn.Module] = (),
        files: Mapping[str, Path] | None = None,
    ) -> None:
        check_best_metric(config, task)
        self.task, self.train, self.validation = task, train, validation
        self.config, self.accelerator, self.checkpoints = config, accelerator, checkpoints
        self._listener = listener
        self.steps_per_epoch = math.ceil(len(train) / config.batch_size)
        self.steps = total_steps(config, len(train))
        self.state = TrainingState(
            model, config, accelerator, self.steps,
            layer_decay=layer_decay, eval_modules=eval_modules,
        )  # fmt: skip
        self._backward = Backward(task, train, config, accelerator, self.state)
        self.progress = Progress(micro_batch_size=config.micro_batch_size)
        self._batches: tuple[int, Sequence[np.ndarray]] = (-1, [])
        self._saved_step = 0
        self._files: Mapping[str, Path] = files or {}
        self._digests: dict[str, str] | None = None
        self._began = time.perf_counter()

    # ---- the story ---------------------------------------------------------------------------

    def run(self, watch: SignalWatch | None = None) -> str:
        """Train to the end.

        Args:
            watch: says when a signal asked to stop.

        Returns:
            ``completed`` or ``early_stopping``.

        Raises:
            Interrupted: a signal came; a checkpoint was saved first.
            TrainingError: a loss or gradient is not finite; the update was not made.
        """
        self._began = time.perf_counter() - self.progress.seconds
        if self.checkpoints is not None:
            self._fingerprint()  # now: files may change while the run goes on
        while True:
            # What is due first: a run interrupted before its evaluation comes back here.
            asked = watch is not None and watch.signum is not None
            interrupted = any_process(self.accelerator, asked)
            if not interrupted:
                self._evaluate_if_due()
            stopping = self._has_lost_patience()
            done = stopping or self.progress.step >= self.steps
            if interrupted or self._save_is_due(done):
                self._save()
            if interrupted:
                signum = (watch.signum if watch is not None else None) or 15
                processes = self.accelerator.num_processes
                raise Interrupted(signum, self.progress.step, self._folder(), processes)
            if done:
                return "early_stopping" if stopping else "completed"
            self.update(self._examples(self.progress.step))

    def update(self, examples: np.ndarray) -> None:
        """One update of the weights from the given examples (of all processes)."""
        epoch = self.progress.step // self.steps_per_epoch
        sums = self._backward(examples, epoch, self.progress, self._tell)
        self.accelerator.unscale_gradients(self.state.optimizer)
        # DDP has averaged over the processes what was summed over items: make it a mean.
        mean = self.accelerator.num_processes / sums.count if sums.count else 0.0
        mean = 1.0 if sums.averaged else mean
        norm = self.state.average_and_clip(mean, self.config.clip_norm)
        # fp16's scaler skips a step whose gradients overflow, and lowers its scale.
        noted = norm if self.accelerator.scaler is None else 0.0
        number, rate = self.progress.step + 1, self.config.learning_rate
        refuse_update(sums.loss, noted, number, self.train, examples.tolist(), rate)
        rate = self.state.learning_rate
        self.state.step()
        self._count_update(len(examples), sums, norm, rate)

    # ---- one update --------------------------------------------------------------------------

    def _count_update(self, examples: int, sums: Sums, norm: float, rate: float) -> None:
        progress = self.progress
        progress.step += 1
        progress.examples += examples
        progress.tokens += sums.tokens
        progress.loss_total += sums.loss
        progress.loss_count += sums.count
        progress.seconds = time.perf_counter() - self._began
        self._tell(
            Updated(
                step=progress.step, steps=self.steps, epoch=progress.step / self.steps_per_epoch,
                loss=sums.loss / sums.count if sums.count else 0.0, learning_rate=rate,
                grad_norm=norm, examples=examples, tokens=sums.tokens, seconds=progress.seconds,
                memory_bytes=peak_memory_bytes(),
            )
        )  # fmt: skip

    def _examples(self, step: int) -> np.ndarray:
        """The examples of an update, from the order of its epoch."""
        epoch = step // self.steps_per_epoch
        if self._batches[0] != epoch:
            made = TrainingBatches(
                self.train.lengths, self.config.batch_size, seed=self.config.seed, epoch=epoch
            )
            self._batches = (epoch, made)
        return self._batches[1][step % self.steps_per_epoch]

    # ---- evaluation --------------------------------------------------------------------------

    def _evaluate_if_due(self) -> None:
        progress = self.progress
        every = self.config.evaluate_every or self.steps_per_epoch
        due = progress.step % every == 0 or progress.step >= self.steps
        if progress.step == 0:
            due = self.config.evaluate_at_start
        if self.validation is None or not due or progress.evaluated_step == progress.step:
            return
        began = time.perf_counter()
        give_back_free_pages()
        with self.state.whole_model() as model:
            result = evaluate(
                self.task, model, self.validation, self.accelerator.device,
                rank=self.accelerator.process_index, world=self.accelerator.num_processes,
            )  # fmt: skip
        give_back_free_pages()
        better = self._note_best(result.metrics)
        progress.evaluated_step = progress.step
        progress.seconds = time.perf_counter() - self._began
        epoch = progress.step / self.steps_per_epoch
        seconds = time.perf_counter() - began
        self._tell(Evaluated("validation", progress.step, epoch, result.metrics, better, seconds))
        self._sample()

    def _sample(self) -> None:
        """Let a model that writes texts write some, for a person to read."""
        if not isinstance(self.task, Samples):
            return
        with self.state.whole_model() as model:
            if self.accelerator.is_main_process and (samples := self.task.sample(model)):
                self._tell(Sampled(self.progress.step, samples))

    def _note_best(self, metrics: dict[str, float]) -> bool:
        progress = self.progress
        name, larger_is_better = best_metric(self.config, self.task)
        value = value_of(name, metrics)
        if self.state.watches_a_metric:
            # The loss, as transformers' Trainer has it: these schedules take less for better.
            self.state.schedule.step(metrics["loss"])  # pyright: ignore[reportArgumentType]
        best = progress.best_value
        better = best is None or (value > best if larger_is_better else value < best)
        if not better or not math.isfinite(value):
            progress.not_better += 1
            return False
        progress.best_value, progress.best_step, progress.not_better = value, progress.step, 0
        if self.checkpoints is not None:
            weights = self.state.weights()
            if self.accelerator.is_main_process:
                self.checkpoints.save_best(progress.step, weights)
        return True

    def _has_lost_patience(self) -> bool:
        patience = self.config.early_stopping
        return patience is not None and self.progress.not_better >= patience

    # ---- checkpoints -------------------------------------------------------------------------

    def _save_is_due(self, done: bool) -> bool:
        step = self.progress.step
        every = self.config.save_every or self.config.evaluate_every or self.steps_per_epoch
        return step != self._saved_step and (done or step % every == 0)

    def _save(self) -> None:
        progress = {**asdict(self.progress), "fingerprint": self._fingerprint()}
        snapshot = self.state.snapshot(progress.pop("step"), progress)
        self._saved_step = snapshot.step
        if self.checkpoints is not None and self.accelerator.is_main_process:
            path = self.checkpoints.save(snapshot, self.progress.best_step)
            self._tell(Checkpointed(snapshot.step, str(path)))

    def resume(self) -> bool:
        """Go back to the newest whole checkpoint; False where there is none.

        Raises:
            CheckpointError: the data or the model is another than it was, or the checkpoints are of
                another version.
        """
        assert self.checkpoints is not None
        snapshot, notes = self.checkpoints.latest()
        for note in notes:
            self._tell(Noted(note))
        if snapshot is None:
            what = "no checkpoint is whole" if notes else "no checkpoint was saved yet"
            self._tell(Restarted(f"{what}: starting from the beginning"))
            return False
        refuse_another(snapshot.state.pop("fingerprint", None), self._fingerprint(), self._folder())
        self.progress = Progress.of(snapshot.step, self.state.restore(snapshot))
        if note := self.state.of_other_processes(snapshot):
            self._tell(Noted(note))
        self._saved_step = snapshot.step
        self._tell(Resumed(snapshot.step, self._folder()))
        return True

    def _fingerprint(self) -> dict[str, str]:
        if self._digests is None:
            self._digests = fingerprint(self.task, self.train, self.validation, self._files)
        return self._digests

    def load_best(self) -> None:
        """Put the best weights into the model, where an evaluation chose some."""
        best = self.progress.best_step
        if best is not None and best != self.progress.step and self.checkpoints is not None:
            self.state.load_weights(self.checkpoints.load_best(best))

    # ---- small things ------------------------------------------------------------------------

    def _folder(self) -> str:
        return "" if self.checkpoints is None else str(self.checkpoints.folder.parent)

    def _tell(self, event: Event) -> None:
        if self._listener is not None and self.accelerator.is_main_process:
            self._listener(event)
