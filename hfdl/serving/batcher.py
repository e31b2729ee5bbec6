"""Which inputs go to the model together: alike in length, under a budget of tokens, oldest first.

The oldest request always has an input in the next batch, and goes behind the others when that
batch is taken. So a request of many texts does not keep others waiting for all of them, and none
waits for ever.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator

from hfdl.serving.job import Job

Batch = list[tuple[Job, int]]
"""Inputs of jobs, each with its place in the job."""
LOOKED_AT = 2048
"""Inputs that are looked at for one batch."""


class Batcher:
    """Jobs that wait for the model.

    Args:
        max_wait: seconds that a free model waits for more.
        max_tokens: padded tokens of a batch: rows times the longest input.
    """

    def __init__(self, max_wait: float, max_tokens: int = 4096) -> None:
        self.max_tokens, self._max_wait = max_tokens, max_wait
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._unfinished = self._peak = 0
        self._closed = self._woken = False

    def __len__(self) -> int:
        """Jobs with inputs that wait."""
        return len(self._jobs)

    def add(self, job: Job) -> None:
        """Let a job wait for its turn."""
        with self._changed:
            self._jobs.append(job)
            self._unfinished += 1
            self._peak = max(self._peak, self._unfinished)
            self._changed.notify_all()

    def finished(self) -> None:
        """A job is over."""
        with self._changed:
            self._unfinished -= 1

    def wake(self) -> None:
        """Let whoever waits for a batch go on without one."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def close(self) -> list[Job]:
        """Give back the jobs that wait; no batch comes any more."""
        with self._changed:
            self._closed = True
            left = [*self._jobs]
            self._jobs.clear()
            self._changed.notify_all()
        return left

    def take(self, *, wait: bool = True) -> Batch:
        """The next batch: inputs that have one key and keep to the budget.

        Args:
            wait: for an input, and for more behind it; else what waits now.

        Returns:
            none where none waits, or after ``wake`` and ``close``.
        """
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: self._closed or self._woken or self._has_some())
                self._wait_for_others()
            self._woken = False
            batch = self._fill() if self._has_some() else []
            self._peak = self._unfinished
            return batch

    def _wait_for_others(self) -> None:
        """Wait a little, if more requests are under way than wait here.

        How many are under way is known by how many there were at once since the last batch: a
        client that sends one after the other is not kept waiting.
        """
        until = time.monotonic() + self._max_wait
        while 0 < len(self._jobs) < self._peak and not self._closed and not self._woken:
            left = until - time.monotonic()
            if left <= 0 or not self._changed.wait(left):
                return

    def _has_some(self) -> bool:
        """Whether an input waits, jobs that are over left out."""
        while self._jobs and (self._jobs[0].is_over or not self._jobs[0].waiting):
            self._jobs.popleft()
        return bool(self._jobs)

    def _fill(self) -> Batch:
        head = self._jobs[0]
        first = head.waiting[-1]
        key, length = head.key(first), max(1, head.tokens[first])
        batch, rows, longest = [(head, first)], head.rows, length
        others = sorted(self._candidates(key), key=lambda c: abs(c[0].tokens[c[1]] - length))
        for job, place in others:
            width = max(longest, job.tokens[place])
            if job is head and place == first:
                continue
            if (rows + job.rows) * width > self.max_tokens:
                continue
            batch.append((job, place))
            rows, longest = rows + job.rows, width
        self._remove(batch)
        return batch

    def _candidates(self, key: object) -> Iterator[tuple[Job, int]]:
        seen = 0
        for job in self._jobs:
            if job.is_over:
                continue
            for place in reversed(job.waiting):
                if seen == LOOKED_AT:
                    return
                seen += 1
                if job.key(place) == key:
                    yield job, place

    def _remove(self, batch: Batch) -> None:
        """Take the inputs of a batch away, and let its jobs stand behind the others."""
        taken: dict[Job, set[int]] = {}
        for job, place in batch:
            taken.setdefault(job, set()).add(place)
        for job, places in taken.items():
            job.waiting = [place for place in job.waiting if place not in places]
        behind = [job for job in self._jobs if job in taken and job.waiting]
        self._jobs = deque([job for job in self._jobs if job not in taken] + behind)
