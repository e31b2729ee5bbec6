"""Runs of the tiny model, exported once."""

from pathlib import Path

import pytest

import hfdl


@pytest.fixture(scope="session")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The classifier's run as a graph."""
    output = tmp_path_factory.mktemp("exported") / "graph"
    hfdl.export(trained, output=output, listener=lambda event: None)
    return output
