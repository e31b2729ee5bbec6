"""The user's file of model classes, and tiny bodies."""

from __future__ import annotations

import shutil
from pathlib import Path

import helpers
import pytest
from helpers.tuned_tasks import Bodies

OWN_MODELS = Path(helpers.__file__).with_name("own_models.py")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """``my.py`` of a user."""
    return Path(shutil.copy(OWN_MODELS, tmp_path / "my.py"))


@pytest.fixture
def bodies(tiny_bert: Path, tiny_gpt2: Path) -> Bodies:
    """Saved models to begin with."""
    return Bodies(tiny_bert, tiny_gpt2)
