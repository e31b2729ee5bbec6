"""Print the oldest versions that pyproject.toml allows, as constraints for pip."""

import re
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def oldest(project: dict) -> list[str]:
    """``NAME==VERSION`` of each lower bound, of the package and of its extras for use."""
    extras = project["optional-dependencies"]
    used = [name for name in extras if name not in ("docs", "test", "dev")]
    stated = [*project["dependencies"], *(need for name in used for need in extras[name])]
    bounds = [re.match(r"([\w.-]+)>=([\w.]+)", need) for need in stated]
    missing = [need for need, bound in zip(stated, bounds, strict=True) if not bound]
    if missing:
        raise SystemExit(f"no lower bound: {', '.join(missing)}")
    return [f"{bound[1]}=={bound[2]}" for bound in bounds if bound]


if __name__ == "__main__":
    print(*oldest(tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]), sep="\n")
