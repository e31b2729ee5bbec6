"""The gradients of one update, from as many micro-batches as fit in memory.

Sums of losses and counts are added over all micro-batches and processes, and gradients are left
summed: whoever applies them divides once by the total count. So they are the same however the batch
was cut up. A batch that was not cut knows its count beforehand, and its gradients need no dividing.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator

from hfdl.config.schema import TrainConfig
from hfdl.errors import TrainingError
from hfdl.tasks.protocol import Split, Task
from hfdl.training.batches import micro_batches
from hfdl.training.distributed.collectives import sum_over_processes
from hfdl.training.events import Listener, Noted
from hfdl.training.memory import forget_what_failed, half, is_out_of_memory
from hfdl.training.progress import Progress
from hfdl.training.seeding import random_state, restore_random_state
from hfdl.training.state import TrainingState


@dataclass(frozen=True)
class Sums:
    """What an update adds up over its micro-batches and processes.

    ``averaged``: the gradients are those of the mean already, for the whole count was known.
    """

    loss: float
    count: float
    tokens: int
    averaged: bool


class Backward:
    """Leaves the gradients of a split's examples behind.

    Args:
        task: gives the loss.
        train: the training split.
        config: the recipe's ``train`` section.
        accelerator: device, precision and processes.
        state: the model and its optimizer.
    """

    def __init__(
        self,
        task: Task,
        train: Split,
        config: TrainConfig,
        accelerator: Accelerator,
        state: TrainingState,
    ) -> None:
        self.task, self.train, self.config = task, train, config
        self.accelerator, self.state = accelerator, state

    def __call__(
        self, examples: np.ndarray, epoch: int, progress: Progress, tell: Listener
    ) -> Sums:
        """Go forward and backward, in smaller and smaller micro-batches until memory suffices.

        Args:
            examples: of the update, of all processes.
            epoch: decides what is random about them.
            progress: says how large micro-batches are; it is told where they become smaller.
            tell: is told the same.

        Raises:
            TrainingError: memory does not suffice for single examples, or for a share of one of
                several processes.
        """
        device = self.accelerator.device
        before = random_state(device)
        while True:
            try:
                return self._passes(examples, epoch, progress.micro_batch_size)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                message = str(error)
                size = self._size(examples, progress)
                smaller = self._smaller(size, progress, message)
            # Out here the failed pass's frames are gone, and what they held with them.
            self.state.zero_grad()
            forget_what_failed(message, is_float32=self.accelerator.mixed_precision == "no")
            restore_random_state(before, device)
            tell(
                Noted(
                    f"memory did not suffice for update {progress.step + 1} in micro-batches of "
                    f"{size}: going on with {smaller}; an update "
                    f"stays {self.config.batch_size} examples"
                )
            )
            progress.micro_batch_size = smaller

    def _parts(self, examples: np.ndarray, micro_batch_size: int | None) -> list[np.ndarray]:
        """The micro-batches of this process."""
        return micro_batches(
            examples,
            micro_batch_size or len(examples),
            self.train.lengths,
            self.config.micro_batch_tokens,
            rank=self.accelerator.process_index,
            world=self.accelerator.num_processes,
        )

    def _size(self, examples: np.ndarray, progress: Progress) -> int:
        """Examples of the largest micro-batch."""
        return max(map(len, self._parts(examples, progress.micro_batch_size)))

    def _smaller(self, size: int, progress: Progress, message: str) -> int:
        """The next micro-batch size to try.

        Raises:
            TrainingError: there is none, or other processes wait in the middle of the update.
        """
        smaller = half(size)
        if smaller is None or self.accelerator.num_processes > 1:
            raise TrainingError(
                f"memory did not suffice for update {progress.step + 1} in micro-batches of "
                f"{size}: {message.splitlines()[0] if message else 'out of memory'}",
                rule="the weights were left as they were before it",
                remedy="start again with --overwrite and train.gradient_checkpointing=true, or "
                "with --overwrite and a lower data.max_length=N"
                if smaller is None
                else f"start again with --overwrite and train.micro_batch_size={smaller}",
            )
        return smaller

    def _passes(self, examples: np.ndarray, epoch: int, micro_batch_size: int | None) -> Sums:
        """Leave the gradients of the summed loss behind, or of the mean if nothing was cut."""
        accelerator, state = self.accelerator, self.state
        parts = self._parts(examples, micro_batch_size)
        whole = len(parts) == 1 and accelerator.num_processes == 1
        sums: list[torch.Tensor] = []
        for i, part in enumerate(parts):
            # A process without examples still takes part in DDP's exchange, with a loss of zero.
            idle = len(part) == 0
            batch = self.train.batch(
                (examples[:1] if idle else part).tolist(),
                seed=self.config.seed,
                epoch=epoch,
            ).to(accelerator.device)
            # A process that has a part of the model keeps no gradient of the whole of it.
            exchanged = i == len(parts) - 1 or state.is_sharded
            with self._exchange(exchanged), state.row_gradients():
                loss = self.task.loss(state.model(**batch.inputs), batch, training=True)
                total = loss.total * 0.0 if idle else loss.total
                accelerator.backward(loss.mean() if whole else total)
            if not idle:
                parts_of_sum = (loss.total.detach(), loss.count.detach())
                tokens = torch.tensor(batch.tokens, device=accelerator.device)
                sums.append(torch.stack([*parts_of_sum, tokens]).double())
        device = accelerator.device
        total = torch.stack(sums).sum(0) if sums else torch.zeros(3, device=device).double()
        if accelerator.num_processes > 1:
            total = sum_over_processes(accelerator, total)
        loss_sum, count, tokens_sum = total.tolist()
        return Sums(loss_sum, count, int(tokens_sum), averaged=whole)

    def _exchange(self, exchanged: bool) -> AbstractContextManager[None]:
        """In which a backward pass exchanges gradients with the other processes, or does not."""
        return nullcontext() if exchanged else self.accelerator.no_sync(self.state.model)
