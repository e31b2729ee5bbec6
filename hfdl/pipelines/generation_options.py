"""The options of a pipeline that writes: those of the search, and those of the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, get_type_hints

from hfdl.errors import ConfigError, did_you_mean
from hfdl.generation.model_rules import Rules, model_rules
from hfdl.generation.settings import Settings

_THEIRS = {
    "max_length": ("max_new_tokens", "transformers' max_length counts the prompt, too"),
    "stop_sequence": ("stop", "transformers' stop_sequence stays in the answer; stop is cut off"),
    "stop_strings": ("stop", "transformers' stop_strings stay in the answer; stop is cut off"),
    "output_scores": ("return_scores", "scores are part of the answer"),
    "output_logits": ("return_scores", "scores are part of the answer"),
    "return_dict_in_generate": ("return_scores", "an answer is a dict; scores are part of it"),
    "return_text": ("return_full_text", "return_full_text=False gives the new text alone"),
    "generator": ("seed", "draws depend on seed alone"),
}
"""transformers' names of what is called otherwise here, and the difference."""
_SEARCH = tuple(each.name for each in fields(Settings))
_OWN_TYPES = {"return_scores": bool, "seed": int | None, "stop": str | list[str] | None}


def writing_types() -> dict[str, Any]:
    """The types of the options of a pipeline that writes, by name."""
    return {**get_type_hints(Settings), **_OWN_TYPES}


def seeded_at(options: Mapping[str, Any], place: int) -> Mapping[str, Any]:
    """The options with which a text draws alone what it draws at its place in a list."""
    seed = options.get("seed")
    return options if seed is None else {**options, "seed": seed + place}


@dataclass(frozen=True, kw_only=True)
class WritingOptions:
    """How texts are written.

    Args:
        search: settings of ``hfdl.generation.settings.Settings`` that were given; what is not here
            is as the model's own ``generation_config`` says.
        seed: of the draws.
        stop: texts at which the writing ends; None: the model's own.
        return_scores: whether an answer says how probable it was.
    """

    search: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    stop: str | list[str] | None = None
    return_scores: bool = False

    @property
    def max_new_tokens(self) -> int | None:
        """The number of new tokens that was given."""
        return self.search.get("max_new_tokens")

    def rules(self, model: Any) -> Rules:
        """What is asked for, by these options and by the model.

        Raises:
            ConfigError: see ``hfdl.generation.model_rules``.
        """
        return model_rules(model, self.search)

    def stops(self, rules: Rules) -> list[str]:
        """The texts at which the writing ends."""
        if self.stop is None:
            return list(rules.stop_strings)
        return [self.stop] if isinstance(self.stop, str) else [*self.stop]

    def changed(
        self, changes: dict[str, Any], writer: str, *, without: tuple[str, ...] = ()
    ) -> Any:
        """These options with others.

        Args:
            changes: by name.
            writer: what is written, for the message.
            without: settings of a search that are refused.

        Raises:
            ConfigError: there is no such option, or a stop is no text.
        """
        own = [each.name for each in fields(self) if each.name != "search"]
        known = [*(name for name in _SEARCH if name not in without), *own]
        for name in changes:
            if name not in known:
                meant, rule = _THEIRS.get(name, (name, None))
                raise ConfigError(
                    f"{writer} has no option {name!r}", where=name,
                    rule=rule if meant in known else None,
                    remedy=did_you_mean(meant if meant in known else name, known),
                )  # fmt: skip
        search = {**self.search, **{k: v for k, v in changes.items() if k in _SEARCH}}
        chosen = replace(self, search=search, **{k: v for k, v in changes.items() if k in own})
        stops = [chosen.stop] if isinstance(chosen.stop, str) else chosen.stop or []
        if any(not isinstance(end, str) or not end for end in stops):
            raise ConfigError(
                f"{chosen.stop!r} cannot end a text", where="stop",
                rule="it is a text that is not empty, or a list of them",
            )  # fmt: skip
        return chosen
