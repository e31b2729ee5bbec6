"""``hub``: the stand-in, and huggingface_hub of this very process asking it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.hub.server import Hub, hub_server


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A stand-in for a test, with an empty cache; Ann is logged in, who may write."""
    with hub_server() as running:
        ask(running, tmp_path / "hf-home", monkeypatch)
        yield running


def ask(running: Hub, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process ask a stand-in, as a new one would with its environment."""
    import huggingface_hub._snapshot_download as snapshots
    import huggingface_hub.file_download as files
    import huggingface_hub.utils as utils
    from huggingface_hub import constants

    for name, value in running.environment(home).items():
        monkeypatch.setenv(name, value)
    template = running.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", running.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
    assert snapshots.constants is files.constants is constants
    utils.disable_progress_bars()
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
