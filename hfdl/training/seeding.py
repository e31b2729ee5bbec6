"""The global random state: set once, saved in checkpoints, put back on resume.

Only dropout and new weights draw from it. The order of the data does not (see ``batches``).
"""

from __future__ import annotations

import random

import numpy as np
import torch


def seed_everything(seed: int, *, rank: int = 0) -> None:
    """Seed Python, NumPy and torch; each process differently, so that their dropout differs."""
    random.seed(seed + rank)
    np.random.seed((seed + rank) % 2**32)
    torch.manual_seed(seed + rank)


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """torch's generator states as uint8 tensors: ``cpu`` and, on a GPU, ``device``."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["device"] = torch.cuda.get_rng_state(device)
    return state


def restore_random_state(state: dict[str, torch.Tensor], device: torch.device) -> None:
    """Put back what ``random_state`` gave."""
    # A copy: torch 2.13 crashes on a state that starts at an odd address, as a row of several may.
    torch.set_rng_state(state["cpu"].clone())
    if device.type == "cuda" and "device" in state:
        torch.cuda.set_rng_state(state["device"], device)
