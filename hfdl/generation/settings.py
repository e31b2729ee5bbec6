"""Settings of generation, under transformers' names, and what they may be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from hfdl.errors import ConfigError
from hfdl.generation.beam import EarlyStopping

_SHARES = ("top_p", "min_p", "typical_p", "top_h", "epsilon_cutoff", "eta_cutoff")
_DRAWING = ("temperature", "top_k", *_SHARES)
"""What has an effect on draws alone."""
_OF_BEAMS = ("length_penalty", "early_stopping")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to choose tokens; the names are those of transformers' ``generate``.

    Args:
        max_new_tokens: the most new tokens for each prompt.
        min_new_tokens: the fewest: until then nothing stops.
        min_length: as ``min_new_tokens``, prompt included.
        num_beams: above 1, beam search; see ``hfdl.generation.beam``.
        do_sample: draw each token at random.
        temperature, top_k, top_p, min_p, typical_p, top_h, epsilon_cutoff, eta_cutoff: with
            do_sample; see ``hfdl.generation.warpers``. None, and a top_k of 0, keep all tokens.
        num_return_sequences: R, for each prompt; with do_sample, or up to num_beams.
        length_penalty, early_stopping: with beams.
        repetition_penalty: above 1, tokens that occurred become less likely.
        encoder_repetition_penalty: above 1, tokens of the source become more likely.
        no_repeat_ngram_size: no n-gram of this size twice; 0: any.
        encoder_no_repeat_ngram_size: none of the source's either; 0: any.
        bad_words_ids: sequences of ids that must not be written.
        sequence_bias: pairs of a sequence of ids and what is added to its last one's score;
            ``generate`` takes a dict, too.
        forced_bos_token_id: the first new token where all before it is one token.
        forced_eos_token_id: the last one where a sequence comes to its longest; one id or several.
        suppress_tokens: ids that must not be written.
        begin_suppress_tokens: ids that must not be written first.
        exponential_decay_length_penalty: (start, factor): behind ``start`` new tokens an end gets
            likelier.
        renormalize_logits: turn processed scores into log-probabilities again.
        remove_invalid_values: NaN becomes 0 and infinities finite.

    Raises:
        ConfigError: a value is impossible, or has no effect together with the others.
    """

    max_new_tokens: int = 20
    min_new_tokens: int = 0
    min_length: int = 0
    num_beams: int = 1
    do_sample: bool = False
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    top_h: float | None = None
    epsilon_cutoff: float | None = None
    eta_cutoff: float | None = None
    num_return_sequences: int = 1
    length_penalty: float = 1.0
    early_stopping: EarlyStopping = False
    repetition_penalty: float = 1.0
    encoder_repetition_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    encoder_no_repeat_ngram_size: int = 0
    bad_words_ids: Sequence[Sequence[int]] | None = None
    sequence_bias: Sequence[tuple[tuple[int, ...], float]] | None = None
    forced_bos_token_id: int | None = None
    forced_eos_token_id: int | Sequence[int] | None = None
    suppress_tokens: Sequence[int] | None = None
    begin_suppress_tokens: Sequence[int] | None = None
    exponential_decay_length_penalty: tuple[int, float] | None = None
    renormalize_logits: bool = False
    remove_invalid_values: bool = False

    def __post_init__(self) -> None:
        self._check_numbers()
        self._check_ids()
        self._check_sampling()
        self._check_beams()

    def _check_numbers(self) -> None:
        for name in ("max_new_tokens", "num_beams", "num_return_sequences"):
            _whole(name, getattr(self, name), 1)
        for name in ("min_new_tokens", "min_length", "no_repeat_ngram_size",
                     "encoder_no_repeat_ngram_size"):  # fmt: skip
            _whole(name, getattr(self, name), 0)
        if self.min_new_tokens > self.max_new_tokens:
            raise ConfigError(
                f"{self.min_new_tokens} tokens at least are more than max_new_tokens="
                f"{self.max_new_tokens}", where="min_new_tokens", remedy="lower it",
            )  # fmt: skip
        for name in ("do_sample", "renormalize_logits", "remove_invalid_values"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"{getattr(self, name)!r} is neither True nor False", where=name)
        for name in ("repetition_penalty", "encoder_repetition_penalty"):
            _positive(name, getattr(self, name), f"{name}=1.0 leaves all as it is")
        decay = self.exponential_decay_length_penalty
        if decay is not None and not (
            isinstance(decay, list | tuple) and len(decay) == 2 and _is_whole(decay[0], 0)
            and _is_number(decay[1]) and decay[1] > 0
        ):  # fmt: skip
            raise ConfigError(
                f"{decay!r} is not possible", where="exponential_decay_length_penalty",
                rule="it is a number of tokens and a factor above 0, such as (20, 1.05)",
            )  # fmt: skip

    def _check_ids(self) -> None:
        for name in ("forced_bos_token_id", "forced_eos_token_id", "suppress_tokens",
                     "begin_suppress_tokens"):  # fmt: skip
            token_ids(getattr(self, name), name)
        words = [("bad_words_ids", word) for word in self.bad_words_ids or ()]
        words += [("sequence_bias", word) for word, _ in self.sequence_bias or ()]
        for name, word in words:
            if isinstance(word, int) or not [*word]:
                raise ConfigError(
                    f"{word!r} is no sequence of ids", where=name,
                    rule="it is a list of sequences, each of one id or more",
                )  # fmt: skip
            token_ids(word, name)

    def _check_sampling(self) -> None:
        if not (_is_number(self.temperature) and self.temperature > 0):
            raise ConfigError(
                f"{self.temperature} is no temperature", where="temperature",
                rule="it must be a number above 0",
                remedy="for always the most probable token leave do_sample off",
            )  # fmt: skip
        if self.top_k is not None:
            _whole("top_k", self.top_k, 0, remedy="top_k=0 keeps all tokens")
        for name in _SHARES:
            value, least = getattr(self, name), name in ("top_p", "typical_p", "top_h")
            if value is not None and not ((value > 0 if least else value >= 0) and value <= 1):
                raise ConfigError(
                    f"{value} is no share of the probability", where=name,
                    rule=f"it must be {'above 0' if least else '0 or more'} and at most 1",
                    remedy=f"{name}={1.0 if least else 0.0} keeps all tokens",
                )  # fmt: skip
        if not self.do_sample:
            self._refuse_idle(_DRAWING, why="nothing is drawn at random",
                              remedy="set do_sample=True")  # fmt: skip

    def _check_beams(self) -> None:
        if self.num_beams > 1 and self.do_sample:
            raise ConfigError(
                f"num_beams={self.num_beams} and do_sample=True exclude each other",
                where="num_beams", rule="beam search draws nothing at random",
                remedy="set num_beams=1 or do_sample=False",
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
            self._refuse_idle(_OF_BEAMS, why="there is one beam", remedy="set num_beams=4")
        if not self.do_sample and self.num_return_sequences > self.num_beams:
            raise ConfigError(
                f"{self.num_return_sequences} sequences cannot come from num_beams="
                f"{self.num_beams}", where="num_return_sequences",
                rule="it may be at most num_beams, or any number with do_sample=True",
            )  # fmt: skip

    def _refuse_idle(self, names: Iterable[str], *, why: str, remedy: str) -> None:
        """Refuse settings that are not the default and would have no effect."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in names and value not in (field.default, NEUTRAL.get(field.name)):
                raise ConfigError(
                    f"{value!r} has no effect: {why}", where=field.name,
                    remedy=f"{remedy}, or leave {field.name} out",
                )  # fmt: skip


NEUTRAL: dict[str, Any] = {
    "top_k": 0, "top_p": 1.0, "min_p": 0.0, "typical_p": 1.0, "top_h": None,
    "epsilon_cutoff": 0.0, "eta_cutoff": 0.0,
}  # fmt: skip
"""Values that ask for nothing, beside the defaults."""


def without_idle(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without those that have no effect beside the others: of draws, or of beams.

    For a model's own, which speak of searches that may not be asked for.
    """
    idle: set[str] = set()
    if not values.get("do_sample"):
        idle |= {*_DRAWING}
    if (values.get("num_beams") or 1) == 1:
        idle |= {*_OF_BEAMS}
    return {name: value for name, value in values.items() if name not in idle}


def token_ids(value: int | Iterable[int] | None, name: str) -> tuple[int, ...]:
    """One token id, several or none as a tuple without repetitions.

    Raises:
        ConfigError: one is negative, or no whole number.
    """
    ids = () if value is None else (value,) if isinstance(value, int) else tuple(value)
    for token in ids:
        if not _is_whole(token, 0):
            raise ConfigError(f"{token} is no token id", where=name, rule="ids begin at 0")
    return tuple(dict.fromkeys(ids))


def _whole(name: str, value: Any, least: int, remedy: str | None = None) -> None:
    if not _is_whole(value, least):
        raise ConfigError(
            f"{value!r} is not possible", where=name,
            rule=f"it must be a whole number, {least} or more", remedy=remedy,
        )  # fmt: skip


def _positive(name: str, value: Any, remedy: str) -> None:
    if not (_is_number(value) and value > 0):
        raise ConfigError(
            f"{value!r} is no penalty", where=name, rule="it must be a number above 0",
            remedy=remedy,
        )  # fmt: skip


def _is_whole(value: Any, least: int) -> bool:
    return type(value) is int and value >= least


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
