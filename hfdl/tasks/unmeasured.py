"""Labels that a held-out split lacks, so that its figures say nothing of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

_SHOWN = 12


def unmeasured(labels: Sequence[str], held: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """By held-out split, the labels that none of its examples has.

    Args:
        labels: the label set.
        held: by split, the labels that its examples have.

    Returns:
        only splits that lack any; train is not looked at.
    """
    lacking = {
        split: [name for name in labels if name not in names]
        for split, names in held.items()
        if split != "train"
    }
    return {split: names for split, names in lacking.items() if names}


def unmeasured_facts(lacking: Mapping[str, Sequence[str]], holder: str, means: str) -> list[str]:
    """What ``unmeasured`` found, as a line a split.

    Args:
        lacking: what it gave.
        holder: what has no such label: ``row`` or ``entity``.
        means: what averages make of them.
    """
    return [
        f"{split}: {_listed(names)} {'is' if len(names) == 1 else 'are'} not measured, "
        f"for no {holder} has {'it' if len(names) == 1 else 'them'}; {means}"
        for split, names in lacking.items()
    ]


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    shown = ", ".join(f"`{name}`" for name in names[:_SHOWN])
    return shown + (f" and {more} more" if more > 0 else "")
