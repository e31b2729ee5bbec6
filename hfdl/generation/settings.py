"""What can be asked of a generation, and which wishes exclude each other."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from hfdl.errors import ConfigError
from hfdl.generation.beam import EarlyStopping


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to choose tokens; the names are those of transformers' ``generate``.

    Raises:
        ConfigError: a value is impossible, or would be without effect beside the others.
    """

    max_new_tokens: int = 20
    num_beams: int = 1
    do_sample: bool = False
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    num_return_sequences: int = 1
    length_penalty: float = 1.0
    early_stopping: EarlyStopping = False

    def __post_init__(self) -> None:
        for name in ("max_new_tokens", "num_beams", "num_return_sequences"):
            _at_least_one(name, getattr(self, name))
        self._check_sampling()
        self._check_beams()

    def _check_sampling(self) -> None:
        if not (self.temperature > 0 and math.isfinite(self.temperature)):
            raise ConfigError(
                f"{self.temperature} is no temperature", where="temperature",
                rule="it must be a number above 0",
                remedy="for always the most probable token leave do_sample off",
            )  # fmt: skip
        if self.top_k is not None:
            _at_least_one("top_k", self.top_k, remedy="None keeps all tokens")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ConfigError(
                f"{self.top_p} is no share of the probability", where="top_p",
                rule="it must be above 0 and at most 1", remedy="None keeps all tokens",
            )  # fmt: skip
        if not self.do_sample:
            self._refuse_idle("temperature", "top_k", "top_p", why="nothing is drawn at random",
                         remedy="set do_sample=True")  # fmt: skip

    def _check_beams(self) -> None:
        if self.num_beams > 1 and self.do_sample:
            raise ConfigError(
                f"num_beams={self.num_beams} and do_sample=True exclude each other",
                where="num_beams", rule="beam search draws nothing at random",
                remedy="leave one of them out",
            )  # fmt: skip
        if not isinstance(self.early_stopping, bool) and self.early_stopping != "never":
            raise ConfigError(
                f"{self.early_stopping!r} is unknown", where="early_stopping",
                rule="it must be True, False or 'never'",
            )  # fmt: skip
        if not math.isfinite(self.length_penalty):
            raise ConfigError(
                f"{self.length_penalty} is no exponent", where="length_penalty",
                rule="it must be a finite number",
            )  # fmt: skip
        if self.num_beams == 1:
            self._refuse_idle("length_penalty", "early_stopping", why="there is one beam",
                         remedy="set num_beams above 1")  # fmt: skip
        if not self.do_sample and self.num_return_sequences > self.num_beams:
            raise ConfigError(
                f"{self.num_return_sequences} sequences cannot come from num_beams="
                f"{self.num_beams}", where="num_return_sequences",
                rule="it may be at most num_beams, or any number with do_sample=True",
            )  # fmt: skip

    def _refuse_idle(self, *names: str, why: str, remedy: str) -> None:
        """Refuse settings that were given and would do nothing."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in names and value != field.default:
                raise ConfigError(
                    f"{value!r} has no effect: {why}", where=field.name,
                    remedy=f"{remedy}, or leave {field.name} out",
                )  # fmt: skip


def _at_least_one(name: str, value: int, remedy: str | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(
            f"{value!r} is not possible", where=name, rule="it must be a whole number, 1 or more",
            remedy=remedy,
        )  # fmt: skip
