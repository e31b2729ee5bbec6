"""The shapes of tensors as a folder's files hold them, read without the tensors."""

from __future__ import annotations

from pathlib import Path


def saved_shape(folder: Path, name: str) -> tuple[int, ...] | None:
    """The shape of one tensor in a folder's safetensors files; None where none holds it."""
    from safetensors import SafetensorError, safe_open

    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(file, framework="pt") as tensors:
                if name in tensors.keys():  # noqa: SIM118 (it is no dict)
                    return tuple(tensors.get_slice(name).get_shape())
        except SafetensorError:
            continue
    return None
