"""Figures for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_TOKENS = (16, 64, 256, 1024, 4096, 16384, 65536)


class Metrics:
    """What a server counts; each server has its own registry.

    Args:
        paths: those that are told apart; others are counted as ``other``, so that who asks for
            made-up paths makes no new series.
    """

    def __init__(self, paths: frozenset[str]) -> None:
        self._paths = paths
        self.registry = CollectorRegistry()
        here = self.registry
        self._requests = Counter(
            "hfdl_requests",
            "Requests answered, by path and status.",
            ["path", "code"],
            registry=here,
        )
        self._seconds = Histogram(
            "hfdl_request_seconds", "From the first byte of a request to the end of its answer.",
            ["path"], buckets=_SECONDS, registry=here,
        )  # fmt: skip
        self._batch_texts = Histogram(
            "hfdl_batch_texts",
            "Texts that went to the model together.",
            buckets=_TEXTS,
            registry=here,
        )
        self._batch_tokens = Histogram(
            "hfdl_batch_tokens",
            "Tokens that went to the model together.",
            buckets=_TOKENS,
            registry=here,
        )
        self._tokens = Counter("hfdl_tokens", "Tokens read by the model.", registry=here)
        self._waiting = Gauge(
            "hfdl_queue_requests", "Requests with texts that wait.", registry=here
        )
        self._active = Gauge(
            "hfdl_active_requests", "Requests that wait or are answered.", registry=here
        )
        self._ready = Gauge("hfdl_ready", "1 once the model answers.", registry=here)

    def follow(
        self, waiting: Callable[[], float], active: Callable[[], float], ready: Callable[[], float]
    ) -> None:
        """Ask for the state when the figures are read."""
        self._waiting.set_function(waiting)
        self._active.set_function(active)
        self._ready.set_function(ready)

    def answered(self, path: str, code: int, seconds: float) -> None:
        """A request was answered."""
        path = path if path in self._paths else "other"
        self._requests.labels(path, str(code)).inc()
        self._seconds.labels(path).observe(seconds)

    def batch(self, texts: int, tokens: int) -> None:
        """The model answered a batch."""
        self._batch_texts.observe(texts)
        self._batch_tokens.observe(tokens)
        self._tokens.inc(tokens)

    def page(self) -> bytes:
        """All figures, in Prometheus' text format."""
        return generate_latest(_WithoutCreated(self.registry))


class _WithoutCreated(CollectorRegistry):
    """A registry without the time at which each series began, a gauge beside each of them."""

    def __init__(self, inner: CollectorRegistry) -> None:
        super().__init__()
        self._inner = inner

    def collect(self) -> Iterator[Metric]:
        for family in self._inner.collect():
            family.samples = [one for one in family.samples if not one.name.endswith("_created")]
            yield family
