"""The machine and the versions that a result was measured with."""

from __future__ import annotations

import os
from importlib import metadata
from pathlib import Path
from typing import Any

from hfdl.environment import machine, versions

OPPONENTS = ("gensim", "sentence-transformers", "onnxruntime", "ctranslate2", "seqeval")
_FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "amx_int8")


def environment(threads: int) -> dict[str, Any]:
    """Machine, instruction sets, versions, threads, and how busy the machine is."""
    return {
        **machine(), "instructions": instructions(), **versions(), **_opponents(),
        "threads": threads, "load_average": round(os.getloadavg()[0], 2),
    }  # fmt: skip


def _opponents() -> dict[str, str]:
    found = {}
    for name in OPPONENTS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def instructions() -> list[str]:
    """Which of the instruction sets that matter here the processor has (Linux)."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text(encoding="utf-8").split() if info.is_file() else []
    return [name for name in _FLAGS if name in flags]


def native_bf16() -> bool:
    """Whether the processor multiplies bf16 itself (AVX512-BF16, AMX), as training asks."""
    import torch

    from hfdl.training.accelerator import native_bf16 as choice

    return choice(torch.device("cpu"))[0] == "bf16"
