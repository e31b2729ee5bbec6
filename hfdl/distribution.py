"""This package as pip knows it: its name on the index, what its extras ask for, and a namesake.

The import name and the command are ``hfdl``; on the index that name belongs to another project (a
downloader with a folder and a command of the same name), so the distribution has one of its own.
"""

from __future__ import annotations

from pathlib import Path

DISTRIBUTION = "hfdl-transformers"
"""The name that pip installs this package by."""
_NAMESAKE = "hfdl"


def requirements(extra: str) -> list[str]:
    """What an extra asks pip for, such as ``["peft>=0.18"]``; empty where pip does not know us.

    Args:
        extra: a name under ``[project.optional-dependencies]`` of pyproject.toml.
    """
    from importlib import metadata

    try:
        stated = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:  # run from a checkout that was not installed
        return []
    split = [requirement.partition(";") for requirement in stated]
    return [
        needed.strip()
        for needed, _, marker in split
        if f"extra == '{extra}'" in marker.replace('"', "'")
    ]


def namesake() -> str | None:
    """The other project's name and version, where it was installed into the folder of this one.

    Its files then lie over this package's, or will be taken along when it is uninstalled. Only
    the folder that holds this package is looked at: one listing, no import.
    """
    beside = Path(__file__).parents[1]
    for record in beside.glob(f"{_NAMESAKE}-[0-9]*.dist-info"):
        return " ".join(record.name.removesuffix(".dist-info").split("-", 1))
    return None


def namesake_warning() -> str | None:
    """What to tell a user about ``namesake``, with the way out; None where there is none."""
    other = namesake()
    if other is None:
        return None
    return (
        f"another project's package, {other}, is installed in the same folder and shares files "
        f"with this one ({Path(__file__).parent}); this one is {DISTRIBUTION} on the index. Take "
        f"both away and install this one again: pip uninstall --yes {_NAMESAKE} {DISTRIBUTION}"
    )
