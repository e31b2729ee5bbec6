"""What a shell offers after Tab: recipes, keys of a recipe, run folders and files."""

from __future__ import annotations

from pathlib import Path


def complete_shipped(incomplete: str) -> list[str]:
    """Names of shipped recipes."""
    from hfdl.config.load import recipe_names

    return [name for name in recipe_names() if name.startswith(incomplete)]


def complete_compared(incomplete: str) -> list[str]:
    """Names of what models of every era are trained on."""
    from hfdl.runs.eras import COMPARISONS

    return [name for name in COMPARISONS if name.startswith(incomplete)]


def complete_recipe(incomplete: str) -> list[str]:
    """Names of shipped recipes, YAML files and folders."""
    return [*complete_shipped(incomplete), *_paths(incomplete, (".yaml", ".yml"))]


def complete_run(incomplete: str) -> list[str]:
    """Run and model folders, those in ``runs`` first, and folders on the way to them."""
    runs = [str(path.parent) for path in sorted(Path("runs").glob("*/recipe.yaml"))]
    first = [run for run in runs if run.startswith(incomplete)]
    return [*first, *(path for path in _paths(incomplete) if path.rstrip("/") not in first)]


def complete_key(incomplete: str) -> list[str]:
    """Keys of a recipe, each with its ``=``."""
    from hfdl.config.keys import recipe_keys

    return [f"{key.name}=" for key in recipe_keys() if key.name.startswith(incomplete)]


def complete_file(incomplete: str) -> list[str]:
    """Files of any kind, and folders on the way to them."""
    return _paths(incomplete, None)


def complete_data(incomplete: str) -> list[str]:
    """Data files, and shipped recipes."""
    return [*complete_shipped(incomplete), *complete_file(incomplete)]


def complete_file_or_key(incomplete: str) -> list[str]:
    """Data files, and keys of a recipe."""
    return [*complete_file(incomplete), *complete_key(incomplete)]


def _paths(incomplete: str, endings: tuple[str, ...] | None = ()) -> list[str]:
    """Folders, with a slash, and files of these endings (None: of any) that begin like this."""
    folder, _, start = incomplete.rpartition("/")
    base = Path(folder or ("/" if incomplete.startswith("/") else ".")).expanduser()
    before = incomplete[: len(incomplete) - len(start)]
    found = []
    for path in sorted(base.iterdir()) if base.is_dir() else []:
        if not path.name.startswith(start) or (path.name.startswith(".") and not start):
            continue
        if path.is_dir():
            found.append(f"{before}{path.name}/")
        elif endings is None or path.suffix in endings:
            found.append(f"{before}{path.name}")
    return found
