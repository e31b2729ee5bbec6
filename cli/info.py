"""``hfdl info``: versions, hardware, and what is here without a network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from .arguments.options import Json
from .printing.progress import working
from .printing.text import print_json, print_table


def info(json: Json = False) -> None:
    """Print versions, hardware and local models.

    Also the precision that train.precision=auto picks here, and why.

    \b
    Examples:
      hfdl info
      hfdl info --json > environment.json
    """
    with working("looking at packages and hardware"):
        facts = collect()
    if json:
        print_json(facts)
        return
    facts["memory"] = f"{facts.pop('memory_bytes') / 2**30:.1f} GiB"
    print_table(None, [[name, _words(value)] for name, value in facts.items()])


def collect() -> dict[str, Any]:
    """Everything that the command prints."""
    from hfdl.environment import machine, versions

    here = {**versions(), **machine(), **_devices()}
    return {**here, "models": _models(), "extras": _extras()}


def _devices() -> dict[str, Any]:
    import torch

    from hfdl.training.accelerator import choose_precision

    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    device = torch.device("cuda" if names else "cpu")
    precision, reason = choose_precision("auto", device)
    return {"cuda": names, "precision": {"auto": precision, "reason": reason}}


def _models() -> dict[str, str]:
    """Models that open without a network, with their folders."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    from hfdl.weights.resolve import packaged_models

    models = {name: str(folder) for name, folder in packaged_models().items()}
    try:
        cached = scan_cache_dir().repos
    except CacheNotFound:
        cached = ()
    return models | {
        repo.repo_id: str(repo.repo_path) for repo in cached if repo.repo_type == "model"
    }


def _extras() -> dict[str, bool]:
    """hfdl's extras, and whether all that each asks for is installed."""
    from hfdl.distribution import DISTRIBUTION

    packages: dict[str, list[str]] = {}
    for requirement in metadata.requires(DISTRIBUTION) or []:
        specifier, _, marker = requirement.partition(";")
        name = re.match(r"[\w.-]+", specifier)
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", marker)
        if name and extra:
            packages.setdefault(extra[1], []).append(name[0])
    return {extra: all(map(_installed, names)) for extra, names in packages.items()}


def _installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        if all(isinstance(v, bool) for v in value.values()):
            return ", ".join(name for name, is_there in value.items() if is_there) or "none"
        return ", ".join(f"{name}: {v}" for name, v in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)
