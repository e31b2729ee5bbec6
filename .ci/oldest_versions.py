"""Print the oldest versions that pyproject.toml allows, as constraints for pip.

With ``--check``: fail unless they are what is installed.
"""

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
FOR_DEVELOPERS = ("docs", "test", "dev")


def oldest(project: dict) -> dict[str, str]:
    """The lower bounds of the package and of its extras for use, by name."""
    extras = project["optional-dependencies"]
    used = [name for name in extras if name not in FOR_DEVELOPERS]
    stated = [*project["dependencies"], *(need for name in used for need in extras[name])]
    bounds = [re.match(r"([\w.-]+)>=([\w.]+)", need) for need in stated]
    missing = [need for need, bound in zip(stated, bounds, strict=True) if not bound]
    if missing:
        raise SystemExit(f"no lower bound: {', '.join(missing)}")
    return {bound[1]: bound[2] for bound in bounds if bound}


def differing(versions: dict[str, str]) -> list[str]:
    """Packages that are installed in another version; 6.0 and 6.0.0 are one."""
    installed = {name: metadata.version(name).partition("+")[0] for name in versions}
    plain = {name: re.sub(r"(\.0)+$", "", version) for name, version in versions.items()}
    return [
        f"{name}: {installed[name]}, not {version}"
        for name, version in versions.items()
        if re.sub(r"(\.0)+$", "", installed[name]) != plain[name]
    ]


if __name__ == "__main__":
    versions = oldest(tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"])
    if "--check" not in sys.argv:
        print(*(f"{name}=={version}" for name, version in versions.items()), sep="\n")
    elif wrong := differing(versions):
        raise SystemExit("\n".join(wrong))
