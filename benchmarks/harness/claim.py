"""What is claimed, and the program that measures it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

from benchmarks.harness.limit import Limit

Figures = dict[str, Any]
Side = Callable[[SimpleNamespace], Callable[[int], Figures]]
"""``side(settings)`` prepares and gives ``round(number) -> figures``, which is called many times.

The figures hold at least ``processor_seconds`` and ``seconds`` of what is compared, and nothing of
what is not: loading, tokenising where it is not the subject, evaluation.
"""


@dataclass(frozen=True)
class Claim:
    """A ratio that is promised, of one program's figures.

    Args:
        name: short, with dashes; a row of the tables.
        text: what is compared, for a reader who knows neither program.
        opponent: the side that hfdl is compared with.
        figure: of each round; less is better.
        at_least: the opponent's figure over hfdl's is this or more.
        at_most: hfdl's figure over the opponent's is this or less. One of the two is given, or
            neither: then the ratio (the opponent's over hfdl's) is recorded, and nothing promised.
        aim: where it is hoped to come to.
        ours: hfdl's side.
        missing: why it is not measured yet; empty where it is.
    """

    name: str
    text: str
    opponent: str
    figure: str = "processor_seconds"
    at_least: float | None = None
    at_most: float | None = None
    aim: float | None = None
    ours: str = "hfdl"
    missing: str = ""

    def __post_init__(self) -> None:
        if self.at_least is not None and self.at_most is not None:
            raise ValueError(f"{self.name}: at_least and at_most exclude each other")

    @property
    def promise(self) -> str:
        """The bound in words."""
        if self.at_most is not None:
            bound = f"at most {self.at_most:g}"
        elif self.at_least is not None:
            bound = f"at least {self.at_least:g}"
        else:
            return "none"
        return bound if self.aim is None else f"{bound} (aim {self.aim:g})"


@dataclass(frozen=True)
class Program:
    """Work that several sides do in turn, and what is claimed of it.

    Args:
        name: of the program, its results' file and its module in ``benchmarks.claims``.
        title: what the work is.
        sides: by name; they run in this order and back.
        claims: of the figures of these sides.
        settings: what ``full`` takes.
        quick: what differs from it in ``quick``: about a minute.
        tiny: what differs from it in the tests: seconds, toy sizes.
        limit: what the machine would need at best, of the settings; None where there is no such.
        quality: figures shown beside the ratios, name -> word; as equal as the same work must be.
        files: paths below the data folder.
        packages: that must be importable, beside hfdl's own.
        optional: packages of a side, which is left out where one of them is absent.
        bf16: whether it is measured only where the processor multiplies bf16 natively.
    """

    name: str
    title: str
    sides: Mapping[str, Side]
    claims: tuple[Claim, ...]
    settings: Mapping[str, Any]
    quick: Mapping[str, Any] = field(default_factory=dict)
    tiny: Mapping[str, Any] = field(default_factory=dict)
    limit: Callable[[SimpleNamespace], Limit] | None = None
    quality: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    optional: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bf16: bool = False

    def settings_of(self, mode: str) -> dict[str, Any]:
        """The settings of ``quick``, ``full`` or ``tiny``."""
        changes = {"full": {}, "quick": self.quick, "tiny": self.tiny}[mode]
        return {**self.settings, **changes}

    def without(self, sides: Collection[str]) -> Program:
        """The same without some sides, and without what is claimed of them."""
        return replace(
            self,
            sides={name: side for name, side in self.sides.items() if name not in sides},
            claims=tuple(c for c in self.claims if not {c.ours, c.opponent} & set(sides)),
        )

    @property
    def measured(self) -> tuple[Claim, ...]:
        """The claims that can be measured today."""
        return tuple(claim for claim in self.claims if not claim.missing)
