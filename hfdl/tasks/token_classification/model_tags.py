"""The tags of a saved model, and those of data in terms of them: by type, whatever the scheme.

Only the model's own names count. A file in BIO is evaluated on a model of BIOES, of types without
prefixes or of some of a scheme's tags: each word gets the model's tag that is nearest to its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from hfdl.config.overrides import as_override
from hfdl.config.schema import DataConfig
from hfdl.data.entities.sentence import Sentence
from hfdl.data.entities.tag_spelling import AmbiguousTagError, read_spelling
from hfdl.data.entities.tags import SCHEMES, detect_scheme, split_tag, tag_names
from hfdl.data.entities.word_splitter import CONFIG_KEY
from hfdl.errors import ModelError, listed
from hfdl.tasks.token_classification.spec import SPEC
from hfdl.weights.label_rows import is_nameless, same_spelling

CONFIG = "config.json"

_NEAREST = {"B": "BI", "I": "IB", "E": "ELIB", "L": "LEIB", "S": "SUBI", "U": "USBI"}
"""Prefixes by the one that is looked for, the nearest first."""


class ModelTags:
    """The tags of a model.

    Args:
        names: as its config writes them, in the order of their ids.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._written = list(names)
        self._renamed: dict[str, str] = {}

    @cached_property
    def names(self) -> list[str]:
        """The tags in the usual spelling."""
        try:
            names = read_spelling(self._written)
        except AmbiguousTagError:
            names = {}
        return [names.get(name, name) for name in self._written]

    @cached_property
    def scheme(self) -> str:
        """The scheme that the tags are in; BIO where their names show no other."""
        try:
            scheme = detect_scheme([self.names])
        except ValueError:  # tags of no scheme, such as parts of speech
            return "BIO"
        return scheme if scheme in SCHEMES else "BIO"

    @property
    def types(self) -> list[str]:
        """The types of entities, sorted."""
        return sorted({split_tag(name)[1] for name in self.names} - {""})

    def type_of(self, name: str) -> str:
        """The model's name for a type of the data: the same, or one that differs in spelling."""
        found = name if name in self.types else same_spelling(name, self.types) or name
        if found != name:
            self._renamed[name] = found
        return found

    @property
    def facts(self) -> list[str]:
        """A line on the types that were found by another spelling."""
        pairs = [f"{name} is {found}" for name, found in sorted(self._renamed.items())]
        return [f"types by name: {', '.join(pairs)}"] if pairs else []

    def nearest(self, tag: str) -> str | None:
        """The model's tag for a tag of its scheme; None where it has none of that type."""
        prefix, kind = split_tag(tag)
        found = [f"{letter}-{kind}" for letter in _NEAREST.get(prefix, "")]
        return next((name for name in (tag, *found, kind) if name in self.names), None)

    def write(self, sentences: Sequence[Sentence], where: str) -> list[Sentence]:
        """Sentences whose words have the model's tags nearest to their own.

        Args:
            sentences: in tags of the model's scheme and types.
            where: the model's config, for the message.

        Raises:
            ModelError: it has none for a word.
        """
        nearest = {tag: self.nearest(tag) for one in sentences for tag in one.tags or ()}
        for tag, found in nearest.items():
            if found is None:
                raise ModelError(
                    f"the model has no tag {tag!r}",
                    where=where,
                    rule=f"its tags are {listed(self._written)}, and the data has words for it",
                    remedy="fine-tune it first: "
                    f"hfdl train {SPEC.recipe} "
                    + as_override("model.name", str(Path(where).parent)),
                )
        return [
            replace(one, tags=tuple(nearest[tag] or "" for tag in one.tags or ()))
            for one in sentences
        ]

    def refuse_nameless(self, where: str) -> None:
        """Refuse to measure tags LABEL_0, LABEL_1, ...

        Raises:
            ModelError: they are such.
        """
        if is_nameless(self._written):
            raise ModelError(
                f"the model's tags have no names: {listed(self._written)}",
                where=where,
                rule="tags of data are found in a model by their names",
                remedy=f"name all {len(self._written)} in the order of their ids: "
                "data.labels=[O,B-PER,...]",
            )

    @cached_property
    def ids(self) -> Mapping[str, int]:
        """The id of each tag of the scheme; of one that the model lacks, that of the nearest."""
        ids = {name: i for i, name in enumerate(self.names)}
        every = {tag: self.nearest(tag) for tag in tag_names(self.types, self.scheme)}
        return {**{tag: ids[name] for tag, name in every.items() if name is not None}, **ids}


def named_by(names: Sequence[str], data: DataConfig) -> list[str]:
    """The tags of a saved model: its own, or the recipe's where it has no names for them."""
    given = data.labels if isinstance(data.labels, list) else []
    return list(given) if is_nameless(names) and len(given) == len(names) else list(names)


def is_foreign(config: Any) -> bool:
    """Whether hfdl did not train the model, so that its tags may be of IOB1."""
    return not hasattr(config, CONFIG_KEY)
