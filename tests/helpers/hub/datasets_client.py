"""datasets of this process, asking the stand-in."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.hub.server import Hub


def ask_data(hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``datasets`` read from the stand-in, with a cache of its own."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.url)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", cache)
