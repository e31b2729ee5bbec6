"""The one thread that owns the model."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from hfdl.errors import HfdlError
from hfdl.serving.batcher import Batch, Batcher
from hfdl.serving.job import Job
from hfdl.serving.stream_job import StreamJob


class AbandonedError(Exception):
    """Nobody waits for what the model is computing."""


class InputError(Exception):
    """One of several inputs of a request has no answer.

    Args:
        place: of the input, from 0.
        error: why.
    """

    def __init__(self, place: int, error: Exception) -> None:
        super().__init__(str(error))
        self.place, self.error = place, error


class Worker:
    """Answers jobs, batch by batch, and streams between the batches.

    Args:
        batcher: where the jobs wait.
        told: takes the texts and the tokens of each batch that was answered.
    """

    def __init__(self, batcher: Batcher, told: Callable[[int, int], None]) -> None:
        self._batcher, self._told = batcher, told
        self._streams: list[StreamJob] = []
        self._running: Sequence[Job | StreamJob] = ()
        self._closed = threading.Event()

    def watch(self, model: Any) -> None:
        """Let each forward pass of the model end where nobody waits for its answer."""
        model.register_forward_pre_hook(self._refuse_abandoned)

    def stream(self, job: StreamJob) -> None:
        """Send a text as it is written."""
        self._streams.append(job)
        self._batcher.wake()

    def run(self) -> None:
        """Answer until ``close``."""
        while not self._closed.is_set():
            batch = self._batcher.take(wait=not self._streams)
            if batch:
                self._answer(batch)
            for job in [*self._streams]:
                self._advance(job)

    def close(self, error: Callable[[], Exception]) -> None:
        """End all that waits, and what is being computed, with an error."""
        self._closed.set()
        unanswered: Iterable[Job | StreamJob] = [
            *self._batcher.close(), *self._streams, *self._running
        ]  # fmt: skip
        for job in unanswered:
            job.fail(error())

    def _advance(self, job: StreamJob) -> None:
        self._running = (job,)
        if not job.is_over:
            job.advance()
        self._running = ()
        if job.is_over:
            job.close()
            self._streams.remove(job)

    def _answer(self, batch: Batch) -> None:
        batch = [(job, place) for job, place in batch if not job.is_over]
        if not batch:
            return
        self._running = [job for job, _ in batch]
        try:
            self._answer_together(batch)
        except AbandonedError:
            pass
        except Exception as error:
            if len(batch) == 1:
                self._refuse(batch[0], error)
            else:  # one text may have spoilt it for the others
                for one in batch:
                    self._answer([one])
        finally:
            self._running = ()

    def _answer_together(self, batch: Batch) -> None:
        job, place = batch[0]
        items = [job.items[place] for job, place in batch]
        options: Mapping[str, Any] = job.options_of(place)
        answers = job.call.answer(items, options)
        self._told(len(batch), sum(job.tokens[place] for job, place in batch))
        for (job, place), answer in zip(batch, answers, strict=True):
            job.answered(place, job.write(answer))

    def _refuse(self, one: tuple[Job, int], error: Exception) -> None:
        job, place = one
        if not isinstance(error, HfdlError):
            traceback.print_exception(error)
        job.fail(InputError(place, error) if len(job.items) > 1 else error)

    def _refuse_abandoned(self, *_: Any) -> None:
        if self._running and all(job.is_over for job in self._running):
            raise AbandonedError
