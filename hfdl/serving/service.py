"""What a server is: a pipeline in a thread of its own, a queue before it, and figures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from hfdl.errors import ConfigError, HfdlError
from hfdl.pipelines import find_pipeline
from hfdl.pipelines.inputs import BasePipeline
from hfdl.pipelines.prompts import Prompt
from hfdl.serving.batcher import Batcher
from hfdl.serving.given_options import checked_options, split_options
from hfdl.serving.http_error import busy, loading, stopping
from hfdl.serving.job import Call
from hfdl.serving.limits import Limits
from hfdl.serving.metrics import Metrics
from hfdl.serving.request import Reader
from hfdl.serving.token_counts import TokenCounter
from hfdl.serving.worker import Worker

PATHS = frozenset({"/", "/predict", "/health", "/ready", "/metrics", "/docs", "/openapi.json"})


class Service:
    """A model that is opened, answers and is closed.

    Args:
        name: a run's folder, a model folder or a Hub id.
        task: as for ``hfdl.pipeline``; None: what the model's folder says.
        limits: sizes, times and the queue.
        options: of the pipeline, and of its call where a request has no others.
        threads: of torch; None: as torch has them.
    """

    def __init__(
        self,
        name: str,
        task: str | None = None,
        limits: Limits | None = None,
        options: Mapping[str, Any] | None = None,
        threads: int | None = None,
    ) -> None:
        self.name, self.limits = name, limits or Limits()
        self._task, self._options, self._threads = task, dict(options or {}), threads
        self.batcher = Batcher(self.limits.max_wait)
        self.metrics = Metrics(PATHS)
        self.worker = Worker(self.batcher, self.metrics.batch)
        self.active = 0
        """Requests that wait, are read or are answered."""
        self.is_ready = self.is_stopping = False
        self.failure: Exception | None = None
        self.metrics.follow(
            lambda: len(self.batcher), lambda: self.active, lambda: float(self.is_ready)
        )
        self.thread = threading.Thread(target=self._run, name="hfdl-model", daemon=True)
        self._told: Callable[[], None] = lambda: None
        self.pipe: Any = None

    def start(self, told: Callable[[], None]) -> None:
        """Open the model in its thread; then it answers there.

        Args:
            told: called from that thread when the model is ready, or has failed.
        """
        self._told = told
        self.thread.start()

    def stop(self) -> None:
        """Take no more requests."""
        self.is_stopping = True

    def close(self) -> None:
        """End all that is unanswered with an error."""
        self.stop()
        self.worker.close(stopping)

    def enter(self) -> Callable[[], None]:
        """Let a request in.

        Returns:
            what to call once it is over.

        Raises:
            HttpError: the server is stopping, loading or has no place.
        """
        if self.is_stopping:
            raise stopping()
        if not self.is_ready:
            raise loading()
        if self.active >= self.limits.max_queue:
            raise busy(self.active)
        self.active += 1
        is_in = True

        def leave() -> None:
            nonlocal is_in
            self.active -= is_in
            is_in = False

        return leave

    def pieces(self, text: Any, options: Mapping[str, Any]) -> Iterator[str]:
        """A text as it is written."""
        wanted = {name: value for name, value in options.items() if name not in _WHOLE_TEXT}
        return self.pipe.stream(text, **wanted)

    def whole(self, prompt: Any, text: str, options: Mapping[str, Any]) -> Any:
        """``generated_text`` of a stream's end: what the same request without a stream answers."""
        keeps = options.get("return_full_text", self.pipe.options.return_full_text)
        return Prompt(prompt, []).with_answer(text) if keeps else text

    def _run(self) -> None:
        try:
            self._open()
        except BaseException as error:  # own code may end its thread
            self.failure = error if isinstance(error, Exception) else SystemError(repr(error))
            self._told()
            return
        self.is_ready = True
        self._told()
        self.worker.run()

    def _open(self) -> None:
        if self._threads is not None:
            import torch

            torch.set_num_threads(self._threads)
        kind, model, options = find_pipeline(self._task, self.name, self._options)
        if not issubclass(kind, BasePipeline):
            raise _not_served(kind.__name__)
        made, called = split_options(kind, options)
        self.pipe = pipe = cast(Any, kind)(model, **made)
        self.can_stream = hasattr(pipe, "stream")
        self.reader = Reader(pipe, self.limits, called, can_stream=self.can_stream)
        self.counter = TokenCounter(pipe.tokenizer)
        if self.limits.max_batch_tokens is not None:
            pipe.max_tokens = self.limits.max_batch_tokens
        self.batcher.max_tokens = pipe.max_tokens
        self.call = Call("predict", self._answers, pipe.options_at)
        self.worker.watch(pipe.model)
        self._warm_up()

    def _answers(self, items: list[Any], options: Mapping[str, Any]) -> Any:
        return self.pipe(items, **options, batch_size=len(items))

    def _warm_up(self) -> None:
        """Answer an example twice: the first pass is slow, and shows whether there is an answer."""
        text, needed = self.pipe.example()
        options = {**needed, **checked_options(self.reader, text, self.reader.defaults)}
        alone = self.pipe.options_at(options, 0)
        self._answers([text], alone)
        (answer,) = self._answers([text], alone)
        self.example_answer = self.pipe.of_one(answer, text, options)


_WHOLE_TEXT = ("return_full_text", "num_return_sequences", "return_scores")
"""Options of an answer that is given whole."""


def _not_served(name: str) -> HfdlError:
    return ConfigError(
        f"the pipeline {name} cannot be served",
        where="task",
        rule="a pipeline says how it is called, as hfdl.pipelines.inputs.BasePipeline does",
        remedy="make it a subclass of that",
    )
