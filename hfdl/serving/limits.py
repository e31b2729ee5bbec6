"""What a server allows, and which option of ``hfdl serve`` changes it."""

from __future__ import annotations

from dataclasses import dataclass

from hfdl.errors import ConfigError

MEBIBYTE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Sizes, times and the queue of a server.

    Args:
        max_wait: seconds that a free model waits for more texts, where others are under way.
        max_batch_tokens: padded tokens of a batch: its texts times the longest of them. A longer
            text is a batch of its own. Default: what a pipeline takes in one forward pass, 4,096
            on a CPU and 65,536 on a GPU.
        max_queue: requests that wait or are answered at the same time.
        max_body: bytes of a request.
        max_texts: texts of a request.
        max_length: characters of a text.
        max_beams: ``num_beams`` and ``num_return_sequences``: each is a row of the model's cache.
        timeout: seconds for the head of a request to come, and from its end to the answer.
        grace: seconds to answer what is in flight when the server is asked to stop.
    """

    max_wait: float = 0.005
    max_batch_tokens: int | None = None
    max_queue: int = 256
    max_body: int = 2 * MEBIBYTE
    max_texts: int = 256
    max_length: int = 50_000
    max_beams: int = 8
    timeout: float = 30.0
    grace: float = 10.0

    def __post_init__(self) -> None:
        given = {name: value for name, value in vars(self).items() if value is not None}
        for name, value in given.items():
            least = 0 if name in ("max_wait", "grace") else 1e-3 if name == "timeout" else 1
            if not least <= value < float("inf"):
                raise ConfigError(
                    f"it cannot be {value}",
                    where=OPTIONS[name],
                    rule=f"it is a number from {least:g} on",
                    remedy="give another, or leave the option out",
                )


WORDS: dict[str, tuple[str, str]] = {
    "max_wait": ("ms", "that a free model waits for more texts, where others are under way"),
    "max_batch_tokens": ("tokens", "of a batch, padding included"),
    "max_queue": ("requests", "that wait or are answered at once; more: 429"),
    "max_body": ("bytes", "of a request; more: 413"),
    "max_texts": ("texts", "of a request; more: 422"),
    "max_length": ("characters", "of a text; more: 422"),
    "max_beams": ("", "num_beams and num_return_sequences; more: 422"),
    "timeout": ("s", "for a request; then: 504"),
    "grace": ("s", "to answer what is in flight when the server ends"),
}
"""The unit of each limit, as its option has it, and what it is a limit of."""


def in_units(limits: Limits) -> dict[str, float | int | None]:
    """Each limit in the unit of its option."""
    values = {name: getattr(limits, name) for name in WORDS}
    return {**values, "max_wait": 1000 * limits.max_wait}


OPTIONS = {name: "--" + name.replace("_", "-") for name in Limits.__dataclass_fields__}
"""The option of the command line for each limit."""
