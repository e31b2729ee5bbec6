"""Two processes train what one trains, by DDP and by FSDP, for every task in both kinds of code.

Without dropout, which each process draws by itself. Biases of keys are left out where weights are
compared: softmax does not see them, so their gradient is rounding, of which Adam makes whole steps.
"""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers import tuned_tasks
from helpers.once import once
from helpers.together import Job, run, run_together
from helpers.tuned_tasks import MAKERS, Bodies
from safetensors.torch import load_file

import hfdl
from hfdl.tasks.registry import TASKS
from hfdl.training.distributed.sharding import UNSHARDED
from hfdl.training.optimizers import OPTIMIZERS

STRATEGIES = ("ddp", "fsdp")
STEPS = 7
KEY_BIAS = re.compile(r"(key|k_proj|c_attn)\.bias$")
KINDS = [(task, code) for task in MAKERS for code in ("hfdl", "hf")]


@dataclasses.dataclass(frozen=True)
class Trained:
    """A task's run by one process, and the folders of those by two."""

    made: tuned_tasks.Run
    one: Path
    two: dict[str, Path]


MORE: dict[str, tuple[str, dict[str, Any]]] = {
    "adapters": ("text_classification", {"tune.lora.dropout": 0.0}),
    "recomputed activations": ("masked_lm", {"train.gradient_checkpointing": True}),
    "rates by layer": ("token_classification", {"tune.layer_decay": 0.8}),
    "frozen layers": ("text_classification", {"tune.freeze": "embeddings"}),
    "momentum": (
        "causal_lm",
        {"train.optimizer": "sgd", "train.optimizer_options.momentum": 0.9,
         "train.adam_betas": None, "train.adam_epsilon": None},
    ),
    "grouped queries": (
        "causal_lm",
        {"model.name": "hfdl://llama", "model.config": {
            "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
            "num_key_value_heads": 1, "intermediate_size": 32, "vocab_size": 300,
            "max_position_embeddings": 40,
        }},
    ),
    "masked words, streamed": ("masked_lm", {"data.streaming": True}),
    "next words, streamed": ("causal_lm", {"data.streaming": True}),
    "no layers": (
        "text_classification", {"model.name": "hfdl://bag-of-words", "model.config": None},
    ),
}  # fmt: skip
"""What has parameters or steps of its own kind, as task and settings; in hfdl's code by FSDP."""
for _name in sorted(OPTIMIZERS.keys() - {*UNSHARDED}):
    MORE[_name] = ("token_classification", {"train.optimizer": _name})


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path, tiny_gpt2: Path
) -> dict[tuple[str, str], Trained]:
    """Every task, in hfdl's own code and transformers', and what is in MORE."""
    bodies = Bodies(tiny_bert, tiny_gpt2)
    with once(tmp_path_factory, "together") as (folder, is_first):
        found = {kind: case(*kind, folder / "-".join(kind), bodies, STRATEGIES) for kind in KINDS}
        for name, (task, settings) in MORE.items():
            found[name, "hfdl"] = case(task, "hfdl", folder / name, bodies, ("fsdp",), **settings)
        if is_first:
            train_all(list(found.values()), folder)
    return found


def train_all(cases: list[Trained], folder: Path) -> None:
    jobs = [
        Job(each.made.recipe, {**each.made.settings, "train.strategy": name}, str(path))
        for each in cases
        for name, path in each.two.items()
    ]
    run_together(jobs, folder / "of-two")
    for each in cases:
        run(Job(each.made.recipe, each.made.settings, str(each.one)))


def case(
    task: str, code: str, place: Path, bodies: Bodies, strategies: tuple[str, ...], **more: Any
) -> Trained:
    """A task's settings, and the folders of its runs to be."""
    made = tuned_tasks.make(
        task, place, bodies, code, train__steps=STEPS,
        # Of 7 examples one process has 4, in parts of 2; the last update of an epoch is short.
        train__batch_size=7, train__micro_batch_size=2, train__evaluate_every=3,
        train__learning_rate=1e-3,
    )  # fmt: skip
    own = place / "model"
    if not own.exists():
        copied(made.start, own)
    made.settings.update({"model.name": str(own), **more})
    return Trained(made, place / "one", {name: place / name for name in strategies})


def copied(source: Path, target: Path) -> None:
    """A copy of a model folder without dropout: each process would draw its own."""
    shutil.copytree(source, target)
    tuned_tasks.without_dropout(target)


def records(folder: Path, kind: str) -> list[dict[str, Any]]:
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [record for line in lines if (record := json.loads(line))["event"] == kind]


def test_every_task_is_among_them() -> None:
    assert {task for task, _ in KINDS} == set(TASKS)
    assert (len(KINDS), len(MORE)) == (10, 19)


@pytest.mark.parametrize(
    ("task", "code", "strategy"),
    [*((*kind, name) for kind in KINDS for name in STRATEGIES),
     *((name, "hfdl", "fsdp") for name in MORE)],
)  # fmt: skip
def test_updates_and_metrics_are_those_of_one(
    task: str, code: str, strategy: str, trained: dict[tuple[str, str], Trained]
) -> None:
    one, two = trained[task, code].one, trained[task, code].two[strategy]
    assert [record["processes"] for record in records(two, "plan")] == [2]
    pairs = list(zip(records(one, "update"), records(two, "update"), strict=True))
    assert len(pairs) == STEPS
    for a, b in pairs:
        assert (a["examples"], a["tokens"]) == (b["examples"], b["tokens"])
        assert b["loss"] == pytest.approx(a["loss"], rel=1e-6)
        assert b["grad_norm"] == pytest.approx(a["grad_norm"], rel=1e-5)
    said = [json.loads((run / "metrics.json").read_text()) for run in (one, two)]
    assert said[0]["best"]["step"] == said[1]["best"]["step"]
    assert said[1]["validation"] == pytest.approx(said[0]["validation"], rel=1e-6)
    a, b = (load_file(run / "model.safetensors") for run in (one, two))
    assert a.keys() == b.keys()
    compared = [name for name in a if not KEY_BIAS.search(name)]
    assert len(compared) >= 2
    assert max(float((a[name] - b[name]).abs().max()) for name in compared) < 2e-6


def files(folder: Path, kind: str) -> list[Path]:
    return list(folder.rglob(f"*.{kind}"))


@pytest.mark.parametrize(("task", "code"), KINDS)
def test_a_sharded_run_leaves_a_plain_folder(
    task: str, code: str, trained: dict[tuple[str, str], Trained]
) -> None:
    made, folder = trained[task, code].made, trained[task, code].two["fsdp"]
    notes = [record["text"] for record in records(folder, "note")]
    assert any("each of 2 processes keeps one part in 2" in note for note in notes)
    made.open(folder)  # nothing is missing, and nothing is left over
    assert not files(folder, "pt") + files(folder, "distcp")
    assert len(files(folder, "safetensors")) == 4  # one is the model; three are of a checkpoint
    assert hfdl.evaluate(folder, listener=lambda event: None)
