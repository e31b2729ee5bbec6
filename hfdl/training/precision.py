"""Which arithmetic the forward and backward passes use."""

from __future__ import annotations

import torch

from hfdl.errors import ConfigError


def choose_precision(asked: str, device: torch.device) -> tuple[str, str]:
    """The precision of a run, and the reason in words.

    ``auto`` takes bf16 where the device multiplies it natively, for there it is several times
    faster and needs no loss scaling; elsewhere bf16 is emulated and slower than float32.

    Args:
        asked: ``auto``, ``float32``, ``bf16`` or ``fp16``.
        device: where the model runs.

    Raises:
        ConfigError: fp16 on a CPU.
    """
    if asked == "fp16" and device.type == "cpu":
        raise ConfigError(
            "fp16 needs a GPU",
            where="train.precision",
            rule="this run is on the CPU",
            remedy="use train.precision=auto",
        )
    if asked != "auto":
        return asked, "as asked"
    return native_bf16(device)


def native_bf16(device: torch.device) -> tuple[str, str]:
    """``bf16`` or ``float32`` for a device, with the instruction set that decides it."""
    if device.type == "cuda":
        major, minor = torch.cuda.get_device_capability(device)
        if major >= 8:
            return "bf16", f"the GPU has bf16 tensor cores (compute capability {major}.{minor})"
        return "float32", f"the GPU has no bf16 (compute capability {major}.{minor})"
    if device.type == "cpu":
        if torch.cpu._is_amx_tile_supported():
            return "bf16", "the CPU has AMX"
        if torch.cpu._is_avx512_bf16_supported():
            return "bf16", "the CPU has AVX512-BF16"
        return "float32", "the CPU has no bf16 instructions"
    return "float32", f"bf16 on {device.type} is not known to be native"
