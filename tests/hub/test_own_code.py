"""Code of the user's own: it is not pushed, and of a downloaded model only what is known is run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from helpers.hub.server import Hub

import hfdl
from hfdl.cli.errors import run as run_command
from hfdl.errors import ConfigError
from hfdl.report import write_model_card

ATTENTION = """
import torch

def plain(q, k, v, mask, dropout=0.0):
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores + mask if mask.dtype.is_floating_point else scores.masked_fill(~mask, -1e9)
    return torch.dropout(torch.softmax(scores, -1), dropout, dropout > 0) @ v
"""


@pytest.mark.usefixtures("without_report")
def test_an_attention_comes_with_its_file_only(
    hub: Hub, settings, tmp_path: Path, monkeypatch
) -> None:
    home, away = tmp_path / "home", tmp_path / "away"
    home.mkdir(), away.mkdir()
    (home / "mine.py").write_text(ATTENTION)
    given = {**settings, "model.attention": f"{home}/mine.py:plain", "train.steps": 3}
    run = hfdl.train("sentiment", given, output=tmp_path / "run", listener=lambda event: None)
    write_model_card(run.directory)
    here = hfdl.pipeline(model=run.directory)(["a fine film"])
    assert run_command(["push", str(run.directory), "mine", "--yes"]) == 0
    files = hub.store.repos["model", "ann/mine"].files()
    assert "mine.py" not in files
    for name, blob in files.items():
        assert str(tmp_path).encode() not in blob.content, name
    monkeypatch.chdir(away)
    with pytest.raises(ConfigError, match=r"mine.py is gone since the model was trained"):
        hfdl.pipeline(model="ann/mine")
    (away / "mine.py").write_text("raise SystemExit('somebody else wrote this')")
    with pytest.raises(ConfigError, match=r"mine.py has changed since the model was trained"):
        hfdl.pipeline(model="ann/mine")
    shutil.copy(home / "mine.py", away)
    assert hfdl.pipeline(model="ann/mine")(["a fine film"]) == here


@pytest.mark.parametrize(
    ("key", "value"),
    [("train.metrics", ["os:system"]), ("train.callbacks", ["antigravity:x"]),
     ("model.attention", "os:system"), ("model.class", "os:system"),
     ("train.optimizer", "os:system")],
)  # fmt: skip
def test_code_that_a_recipe_of_the_hub_names_is_passed_over(
    key: str, value: object, hub: Hub, trained: Path
) -> None:
    _put(hub, trained, key, value)
    assert hfdl.pipeline(model="ben/odd")(["a film"]) == hfdl.pipeline(model=trained)(["a film"])


def test_a_task_or_a_record_that_names_code_is_refused(hub: Hub, trained: Path) -> None:
    _put(hub, trained, "task", "os:system")
    with pytest.raises(ConfigError, match=r"code that a downloaded recipe names is never run"):
        hfdl.pipeline(model="ben/odd")
    for number, record in enumerate(("os:system", f"{trained}/recipe.yaml.py:f")):
        _put(hub, trained, "data.max_length", 32, f"ben/odd{number}",
             hfdl_attention={"name": record, "sha256": None})  # fmt: skip
        with pytest.raises(ConfigError, match=r"only a file of the working folder is run"):
            hfdl.pipeline(model=f"ben/odd{number}")


def _put(hub: Hub, run: Path, key: str, value: object, name: str = "ben/odd", **config) -> None:
    import yaml

    files = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    recipe = yaml.safe_load(files["recipe.yaml"])
    group, _, last = key.rpartition(".")
    (recipe[group] if group else recipe)[last] = value
    files["recipe.yaml"] = yaml.safe_dump(recipe).encode()
    files["config.json"] = json.dumps({**json.loads(files["config.json"]), **config}).encode()
    hub.store.put(name, files)
