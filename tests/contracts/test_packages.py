"""The wheel holds every folder of code: pyproject.toml lists the packages by hand, since two lie
elsewhere than their names say (cli/, recipes/)."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = {"hfdl": "hfdl", "cli": "hfdl.cli", "recipes": "hfdl.recipes"}


def folders_of_code() -> set[str]:
    return {
        ".".join((package, *file.parent.relative_to(ROOT / folder).parts))
        for folder, package in ROOMS.items()
        for file in (ROOT / folder).rglob("*.py")
    }


def test_the_wheel_lists_every_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = project["tool"]["setuptools"]["packages"]
    assert listed == sorted(listed)
    assert set(listed) == folders_of_code()
    assert len(listed) >= 48
