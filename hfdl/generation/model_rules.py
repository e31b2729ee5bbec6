"""A model's own rules for generation: its ``generation_config``, every field of it.

What generation_config.json asks for is done (`DONE`), or refused by name (`REFUSED`), or asks for
nothing that changes which tokens are written (`HARMLESS`, with the reason). transformers puts the
generation keys of an old config.json into the same object. A test holds these tables against all
fields of transformers' GenerationConfig.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from hfdl.errors import ConfigError, did_you_mean
from hfdl.generation.settings import Settings, without_idle

_SETTINGS = tuple(field.name for field in fields(Settings))
_ELSEWHERE = (
    "max_length", "stop_strings", "use_cache", "pad_token_id", "bos_token_id", "eos_token_id",
    "decoder_start_token_id",
)  # fmt: skip
DONE = frozenset({*_SETTINGS, *_ELSEWHERE})
"""Fields that are followed: as `Settings`, or where prompts and endings are prepared."""

_FORM = "says what generate() gives back, and not which tokens"
_SPEED = "is about speed or memory: the tokens are the same"
_HELPER = "is about a helping model, which is never given"
HARMLESS: dict[str, str] = {
    **dict.fromkeys(
        ("output_attentions", "output_hidden_states", "output_scores", "output_logits",
         "return_dict_in_generate"), _FORM,
    ),
    **dict.fromkeys(
        ("cache_implementation", "cache_config", "max_cache_len", "compile_config",
         "disable_compile", "continuous_batching_config", "low_memory", "prefill_chunk_size",
         "use_mtp", "prompt_lookup_num_tokens", "max_matching_ngram_size", "assistant_early_exit",
         "speculation_type"), _SPEED,
    ),
    **dict.fromkeys(
        ("is_assistant", "num_assistant_tokens", "num_assistant_tokens_schedule",
         "assistant_confidence_threshold", "assistant_lookbehind", "target_lookbehind",
         "assistant_ensemble_weight"), _HELPER,
    ),
    "transformers_version": "says who wrote the file",
    "_from_model_config": "says where the values came from",
}  # fmt: skip
"""Fields that change no token, and why."""

REFUSED: dict[str, tuple[Any, ...]] = {
    "max_time": (), "token_healing": (False,), "guidance_scale": (1, 1.0),
    "watermarking_config": (), "penalty_alpha": (0, 0.0), "dola_layers": (),
    "diversity_penalty": (0, 0.0), "num_beam_groups": (1,), "constraints": (),
    "force_words_ids": (),
}  # fmt: skip
"""Fields that hfdl does not follow, with the values (beside None) that ask for nothing."""

TOP_K = 50
"""transformers' own, where a model's file asks for draws and does not say."""


@dataclass(frozen=True)
class Rules:
    """What is asked for, by a caller and by a model.

    Args:
        settings: all of it, but for ``max_new_tokens`` where ``limit`` is None.
        new_tokens: the most new tokens, by the caller or else by the model; None: neither says.
        total: the most tokens, prompt included, by the model's ``max_length``; None: not said.
        stop_strings: texts at which the model's own rules end the writing.
        use_cache: whether the model asks for its cache not to be used: False, else None.
    """

    settings: Settings
    new_tokens: int | None
    total: int | None
    stop_strings: tuple[str, ...]
    use_cache: bool | None


def model_rules(model: Any, given: Mapping[str, Any]) -> Rules:
    """Settings for a model: those given, else its own, else the defaults of `Settings`.

    Args:
        model: any; of one without a ``generation_config`` there are no rules.
        given: settings by name; None: as the model says.

    Raises:
        ConfigError: a setting is unknown, impossible or idle; or the model asks for something that
            hfdl does not do.
    """
    given = {name: value for name, value in given.items() if value is not None}
    for name in given:
        if name not in _SETTINGS:
            raise ConfigError(
                f"generation has no setting {name!r}", where=name,
                remedy=did_you_mean(name, _SETTINGS),
            )  # fmt: skip
    given = {name: _plain(name, value) for name, value in given.items()}
    own = own_values(model)
    _refuse(own)
    wished = {name: _plain(name, own[name]) for name in _SETTINGS if name in own}
    if given.get("min_new_tokens") is not None or own.get("min_new_tokens") is not None:
        wished.pop("min_length", None)  # as in transformers: the former comes first
    if wished.get("do_sample") and not given.get("do_sample"):
        wished.setdefault("top_k", TOP_K)
    new_tokens = given.get("max_new_tokens", wished.pop("max_new_tokens", None))
    effective = without_idle({**wished, **given})
    values = {**{k: v for k, v in wished.items() if k in effective}, **given}
    if new_tokens is None:  # the number is not known yet: it must not contradict another
        values["max_new_tokens"] = max(20, values.get("min_new_tokens", 0))
    else:
        values["max_new_tokens"] = new_tokens
        if "min_new_tokens" not in given:
            values["min_new_tokens"] = min(values.get("min_new_tokens", 0), new_tokens)
    stops = own.get("stop_strings") or ()
    return Rules(
        _settings(values, set(wished) - set(given)),
        new_tokens,
        own.get("max_length") if "max_new_tokens" not in given and new_tokens is None else None,
        (stops,) if isinstance(stops, str) else tuple(stops),
        False if own.get("use_cache") is False else None,
    )


def own_values(model: Any) -> dict[str, Any]:
    """What a model's ``generation_config`` says; nothing of a model without one."""
    config = getattr(model, "generation_config", None)
    values = {} if config is None else vars(config)
    return {name: value for name, value in values.items() if value is not None}


def own_value(model: Any, name: str) -> Any:
    """One value: of a model's ``generation_config``, else of its ``config``."""
    for holder in ("generation_config", "config"):
        value = getattr(getattr(model, holder, None), name, None)
        if value is not None:
            return value
    return None


def _settings(values: dict[str, Any], by_model: set[str]) -> Settings:
    try:
        return Settings(**values)
    except ConfigError as error:
        involved = [name for name in values if name in by_model and name in str(error)]
        where = error.where
        involved.sort(key=lambda name: name != where)  # the very one first
        if not involved:
            raise
        raise ConfigError(
            error.problem, where=f"the model's generation_config, {involved[0]}", rule=error.rule,
            remedy=f"give {involved[0]}={_default(involved[0])!r} to say otherwise",
        ) from error  # fmt: skip


def _default(name: str) -> Any:
    return next(each.default for each in fields(Settings) if each.name == name)


def _refuse(own: Mapping[str, Any]) -> None:
    for name, harmless in REFUSED.items():
        if name in own and own[name] not in harmless and own[name] != []:
            raise ConfigError(
                f"the model asks for {name}={own[name]!r:.60}, which hfdl does not do",
                where="generation_config.json",
                rule="what a model says about its decoding is done or refused, never passed over",
                remedy=f"set model.generation_config.{name} = None, or remove {name} from the file",
            )


def _plain(name: str, value: Any) -> Any:
    """A field as `Settings` takes it."""
    if name == "sequence_bias":
        pairs = value.items() if isinstance(value, Mapping) else value
        return [(tuple(sequence), number) for sequence, number in pairs]
    return value
