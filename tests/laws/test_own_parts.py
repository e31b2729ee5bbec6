"""Parts of one's own work with every task, and are used again when the run is opened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.tuned_tasks import MAKERS, Bodies, make

import hfdl
from hfdl.errors import ConfigError
from hfdl.tasks.registry import TASKS, task_for_model
from hfdl.training.events import Event

pytestmark = pytest.mark.usefixtures("without_report")

OWN = '''
import torch

called = []
events = []


def late(q, k, v, mask, *, scale=1.0, dropout=0.0, bias=None):
    """Attention that prefers the keys behind."""
    called.append(1)
    scores = (q @ k.transpose(-1, -2)) * scale + 2.0 * torch.arange(k.shape[2], device=k.device)
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    weights = torch.dropout(scores.softmax(-1), dropout, train=dropout > 0)
    return weights @ v, weights


def kinds(predictions, references):
    assert len(predictions) == len(references)
    return {"kind_" + type(predictions[0]).__name__: len(predictions), "far": 0.5}


kinds.smaller_is_better = ["far"]


def listen(event):
    events.append(event.kind)
'''
KINDS = {
    "text_classification": "kind_str", "token_classification": "kind_list",
    "translation": "kind_str", "masked_lm": "kind_float", "causal_lm": "kind_float",
}  # fmt: skip
CASES = [(task, implementation) for task in MAKERS for implementation in ("hf", "hfdl")]


def test_every_task_is_covered() -> None:
    assert set(KINDS) == set(MAKERS) == set(TASKS)
    assert len(CASES) == 10


@pytest.fixture
def own(tmp_path: Path) -> Path:
    file = tmp_path / "mine.py"
    file.write_text(OWN, encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def bodies(tiny_bert: Path, tiny_gpt2: Path) -> Bodies:
    return Bodies(tiny_bert, tiny_gpt2)


@pytest.mark.parametrize(("task", "implementation"), CASES)
def test_parts_of_ones_own_work_with_every_task(
    task: str, implementation: str, own: Path, tmp_path: Path, bodies: Bodies
) -> None:
    chosen: dict[str, Any] = {
        "train.steps": 2, "model.attention": f"{own}:late", "train.metrics": [f"{own}:kinds"],
        "train.callbacks": [f"{own}:listen"], "train.best_metric": "far",
        "train.optimizer": "sgd", "train.optimizer_options": {"momentum": 0.5},
        "train.adam_betas": None, "train.adam_epsilon": None,
    }  # fmt: skip
    run = make(task, tmp_path / "data", bodies, implementation, **chosen)
    heard: list[Event] = []
    done = run.train(tmp_path / "run", heard.append)
    figures = done.metrics["validation"]
    assert figures[KINDS[task]] > 1
    assert done.metrics["best"]["metric"] == "far"
    module = module_of("mine", own)
    assert module.events == [event.kind for event in heard]
    assert {"plan", "update", "evaluation", "end"} <= set(module.events)
    module.called.clear()
    again = hfdl.evaluate(tmp_path / "run", listener=lambda event: None)["validation"]
    assert again == pytest.approx(figures, rel=1e-5, abs=1e-6)
    assert module.called
    usual = hfdl.evaluate(
        tmp_path / "run", {"model.attention": "sdpa"}, listener=lambda event: None
    )["validation"]
    assert usual["loss"] != pytest.approx(again["loss"], rel=1e-9)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["hfdl_attention"]["name"] == f"{own}:late"
    assert run.open(tmp_path / "run").config._attn_implementation in ("sdpa", "eager")
    own.write_text(OWN + "# another\n", encoding="utf-8")
    opened = task_for_model(tmp_path / "run", done.recipe)
    with pytest.raises(ConfigError, match="has changed since the model was trained"):
        opened.load_model()


def module_of(stem: str, file: Path) -> Any:
    """The module that was loaded from a file."""
    import sys

    return next(
        module for module in list(sys.modules.values())
        if getattr(module, "__file__", None) == str(file) and stem in module.__name__
    )  # fmt: skip
