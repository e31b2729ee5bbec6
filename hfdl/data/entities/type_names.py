"""What types of entities are called: in the file, by the recipe, and by a saved model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hfdl.config.overrides import as_override
from hfdl.config.schema import DataConfig
from hfdl.data.alike import twin
from hfdl.data.entities.sentence import Span
from hfdl.data.entities.tags import OUTSIDE, Entity
from hfdl.errors import DataError, did_you_mean, listed, nearest

Rename = Callable[[str], str]
"""From the name of a type in the data to a saved model's name for it."""


@dataclass(frozen=True)
class TypeNames:
    """The names that types get.

    Args:
        listed: ``data.labels`` where it maps types; a type that it calls O is no entity.
        rename: what a saved model calls a type; None: nothing else.
    """

    listed: Mapping[str, str] = field(default_factory=dict)
    rename: Rename | None = None

    @classmethod
    def of(
        cls, config: DataConfig, rename: Rename | None, values: set[str] | None = None
    ) -> TypeNames:
        """As a recipe says.

        Args:
            config: the recipe's data section.
            rename: see the class.
            values: the tags of the file as written. What the map says of them was followed when
                they were read; the rest of it is of types.
        """
        labels = config.labels if isinstance(config.labels, dict) else {}
        types = {name: to for name, to in labels.items() if name not in (values or ())}
        return cls(types, rename)

    def entities(self, entities: Sequence[Entity]) -> list[Entity]:
        """Entities over words, renamed."""
        return [one._replace(label=name) for one in entities if (name := self._name(one.label))]

    def spans(self, spans: Sequence[Span]) -> list[Span]:
        """Entities over characters, renamed."""
        return [one._replace(label=name) for one in spans if (name := self._name(one.label))]

    def _name(self, label: str) -> str | None:
        name = self.listed.get(label, label)
        if name == OUTSIDE:
            return None
        return name if self.rename is None else self.rename(name)


def unknown_to_training(
    label: str, types: Sequence[str], where: str, remedy: str, config: DataConfig
) -> DataError:
    """The error for a type that the training split, or ``data.labels``, lacks."""
    same = twin(label, types)
    if same is not None and not isinstance(config.labels, list):
        mapping = as_override("data.labels", {**(config.labels or {}), label: same})
        remedy = f"if they are one: {mapping}, or {remedy}"
    return DataError(
        f"unknown entity type {label!r}",
        where=where,
        rule=f"the model knows: {listed(types)}",
        remedy=f"{did_you_mean(label, types).rstrip('?')}, or {remedy}",
    )


def unknown_to_model(
    label: str, found: Sequence[str], types: Sequence[str], where: str
) -> DataError:
    """The error for a type that a saved model lacks.

    Args:
        label: that type.
        found: all types of the data.
        types: the model's.
        where: its place.
    """
    lacking = [name for name in found if name not in types]
    names = {name: nearest(name, types) or OUTSIDE for name in lacking}
    which = "it" if len(lacking) == 1 else "them"
    return DataError(
        f"unknown entity type {label!r}",
        where=where,
        rule=f"the data has {listed(found)}, and the model {listed(types)}",
        remedy=f"say what the model calls {which}, or O to leave {which} out: "
        + as_override("data.labels", names),
    )
