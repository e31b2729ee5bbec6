"""The environment of a run: package versions, processor, memory."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from hfdl.distribution import DISTRIBUTION

_PACKAGES = (
    "torch", "transformers", "accelerate", "datasets", "tokenizers", "safetensors", "numpy",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Installed versions of the packages that decide results; missing ones are left out."""
    installed = {"python": platform.python_version()}
    for name, distribution in {
        "hfdl": DISTRIBUTION,
        **dict(zip(_PACKAGES, _PACKAGES, strict=True)),
    }.items():
        try:
            installed[name] = metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return installed


def machine() -> dict[str, Any]:
    """Platform, processor, cores that this process may use, and memory in bytes."""
    import psutil

    return {
        "platform": platform.platform(),
        "cpu": cpu_name(),
        "cores": usable_cores(),
        "memory_bytes": psutil.virtual_memory().total,
    }


def usable_cores() -> int:
    """Processor cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_name() -> str:
    """The processor's model name, or its architecture where the system reports no name."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def peak_memory_bytes() -> int:
    """The most memory this process has held: of the GPU if one is used, else resident memory."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        return int(torch.cuda.max_memory_allocated())
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
