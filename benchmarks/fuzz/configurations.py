"""Recipes, overrides, and what a run leaves: a checkpoint's manifest and state."""

from __future__ import annotations

import json
import shlex
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.fuzz.target import Target, must
from hfdl.config.load import load_recipe
from hfdl.config.overrides import as_override, parse_overrides
from hfdl.config.yaml import dump_recipe
from hfdl.errors import to_resume
from hfdl.training.files import MANIFEST, damage, is_as_written, sha256_of


def read_recipe(data: bytes, folder: Path) -> None:
    """A recipe's file; what was read is written and reads the same again."""
    path = folder / "recipe.yaml"
    path.write_bytes(data)
    written = dump_recipe(load_recipe(path))
    path.write_text(written, encoding="utf-8")
    must(dump_recipe(load_recipe(path)) == written, "a recipe reads otherwise when written out")


def read_overrides(data: bytes, folder: Path) -> None:
    """Words of a command line, one a line; a text reads the same again as it is printed."""
    words = [word for word in data.decode("utf-8", "surrogateescape").split("\n") if word]
    given = parse_overrides(words)
    for key, value in given.items():
        printed = as_override(key, value) if isinstance(value, str) else ""
        if printed and "$'" not in printed:  # which only a shell reads
            again = parse_overrides(shlex.split(printed))
            must(again in ({key: value}, {key: [value]}), f"{printed} reads as {again}")
    written = dump_recipe(load_recipe("sentiment", given))
    path = folder / "recipe.yaml"
    path.write_text(written, encoding="utf-8")
    must(dump_recipe(load_recipe(path)) == written, "a recipe reads otherwise when written out")


@cache
def _training() -> Any:
    from accelerate import Accelerator
    from torch import nn

    from hfdl.config.schema import TrainConfig
    from hfdl.training.state import TrainingState

    return TrainingState(nn.Linear(2, 2), TrainConfig(), Accelerator(cpu=True), 10)


@cache
def _checkpoint(folder: Path) -> tuple[Any, Path]:
    """A checkpoint as it is saved, and its folder."""
    from dataclasses import asdict

    from hfdl.training.checkpoint import Checkpoints
    from hfdl.training.progress import Progress

    progress = {k: v for k, v in asdict(Progress()).items() if k != "step"}
    snapshot = _training().snapshot(3, {**progress, "fingerprint": {"train": "0"}})
    checkpoints = Checkpoints(folder / "run" / "checkpoints", 2, "task: sentiment\n")
    return checkpoints, checkpoints.save(snapshot, None)


def read_state(data: bytes, folder: Path) -> None:
    """A checkpoint's state.json, with a manifest that agrees with it."""
    checkpoints, path = _checkpoint(folder)
    (path / "state.json").write_bytes(data)
    listing = json.loads((path / MANIFEST).read_bytes())
    listing["files"]["state.json"] = {"size": len(data), "sha256": sha256_of(path / "state.json")}
    (path / MANIFEST).write_text(json.dumps(listing), encoding="utf-8")
    from hfdl.training.progress import Progress

    to_resume(folder / "run")
    checkpoints._prune(3, 2)
    snapshot, notes = checkpoints.latest()
    must(snapshot is not None or bool(notes), "a checkpoint is passed over without a word")
    if snapshot is not None:
        must(snapshot.step == 3, "a checkpoint is of another step than its folder says")
        snapshot.state.pop("fingerprint", None)
        training = _training()
        Progress.of(snapshot.step, training.restore(snapshot))
        training.step()  # it can go on


def read_manifest(data: bytes, folder: Path) -> None:
    """A manifest: it is believed only where it lists what is there."""
    checkpoints, path = _checkpoint(folder)
    (path / MANIFEST).write_bytes(data)
    for name in ("recipe.yaml", "state.json", "../x", "\0"):
        is_as_written(path, name)
    checkpoints.recipe_file()
    wrong = damage(path)
    checkpoints.latest()
    if wrong is None:
        names = {p.name for p in path.iterdir()} - {MANIFEST}
        must(set(json.loads(data)["files"]) == names, "a manifest with other files is believed")


RECIPES = (
    b"task: text_classification\nmodel: {name: hfdl://lstm, config: {hidden_size: 8}}\n"
    b"data: {train: a.csv, labels: [a, b], csv: {separator: ';', header: [text, label]}}\n"
    b"train: {epochs: 2, learning_rate: 1e-3, schedule: linear, seed: 0x1f}\n",
    b"task: ner\nmodel:\n  name: x/y\ndata:\n  train: [a.conll, b.conll]\n  scheme: BIO\n"
    b"tune:\n  lora:\n    r: 4\n    targets: [query]\n",
    b"task: sentiment\nmodel: {name: x/y}\nsearch:\n"
    b"  train.learning_rate: {low: 1e-5, high: 1e-3, log: true}\n  train.batch_size: [8, 16]\n"
    b"study: {trials: 3}\n",
    b"# a comment\n? task\n: masked_lm\nmodel: !!map {name: 'hfdl://bert'}\n",
)
OVERRIDES = (
    b"train.epochs=1\ndata.train=a b.csv\nmodel.name=hfdl://lstm\n",
    b"data.labels=[a, 'b: c', 1]\ntrain=null\ntune.lora={}\ntune.lora.r=4",
    b"tune.class_weights={a: 1.5, b: 2}\ntune.class_weights.a=null\n"
    b"search.train.seed=[1, 2]\ntrain.seed=0x10",
    b"search.train.learning_rate={low: 1e-5, high: 1e-3}\ntune.threshold=best",
)
KEYS = tuple(
    word.encode()
    for word in (
        "task", "model", "data", "train", "tune", "search", "study", "name", "config", "label",
        "labels", "epochs", "seed", "learning_rate", "lora", "class", "metrics", "csv", "header",
        "low: 1", "high: 2", "log: true", "step: 1", "!!int ", "!!binary ", "!!set ", "!!python/",
        "&a ", "*a", "<<: ", "---\n", "...\n", "? ", ": ", "- ", "|\n ", ">\n ", "%YAML 1.1\n",
        "=", ".", "hfdl://", "memory://train", "x.py:X",
    )
)  # fmt: skip
STATE = json.dumps({
    "format": 1, "step": 3, "evaluated_step": -1, "best_step": None, "best_value": {"float": "inf"},
    "not_better": 0, "micro_batch_size": None, "examples": 0, "tokens": 0, "loss_total": 0.0,
    "loss_count": 0.0, "seconds": 0.0, "fingerprint": {"train": "0"}, "processes": 1,
    "untrained": None, "scaler": None,
    "optimizer_groups": [{"weight_decay": 0.0, "eps": 1e-8}, {"weight_decay": 0.0}],
    "schedule": {"base_lrs": [0.1, 0.1], "last_epoch": 3, "_last_lr": [0.1, 0.1], "_step_count": 4,
                 "lr_lambdas": [{}, {}]},
}).encode()  # fmt: skip
MANIFESTS = (
    b'{"files": {"state.json": {"size": 3, "sha256": "00"}, "recipe.yaml": {"size": 1}}}',
    b'{"files": {"../x": {"size": 3, "sha256": "00"}}}', b'{"files": {}}',
)  # fmt: skip

TARGETS = (
    Target("recipe", "a recipe's YAML", read_recipe, RECIPES, KEYS),
    Target("overrides", "overrides of a command line", read_overrides, OVERRIDES, KEYS),
    Target("state", "a checkpoint's state.json", read_state, (STATE,),
           (b"best_step", b"schedule", b"float", b"step", b"format"), is_json=True),
    Target("manifest", "a checkpoint's manifest.json", read_manifest, MANIFESTS,
           (b"files", b"size", b"sha256"), is_json=True),
)  # fmt: skip
