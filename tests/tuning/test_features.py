"""Every feature of ``tune`` in every task: what it does to a tiny run, or why it is refused."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tuned_tasks import MAKERS, Bodies, Run, make, weights, without_dropout
from torch import Tensor

from hfdl.errors import ConfigError
from hfdl.tasks.language_modeling.causal_lm import CausalLM
from hfdl.tasks.language_modeling.masked_lm import MaskedLM
from hfdl.tasks.protocol import Batch
from hfdl.tasks.registry import TASKS
from hfdl.tasks.text_classification.task import TextClassification
from hfdl.tasks.token_classification.task import TokenClassification
from hfdl.tasks.translation.task import Translation
from hfdl.training.events import Noted, Updated
from hfdl.weights.pretrained import quiet_transformers

CODES = ["hf", "hfdl"]
RATE = 0.01
OF: dict[str, Any] = {
    "text_classification": TextClassification, "token_classification": TokenClassification,
    "masked_lm": MaskedLM, "causal_lm": CausalLM, "translation": Translation,
}  # fmt: skip
FEATURES: dict[str, dict[str, Any]] = {
    "body": {"tune__freeze": "body"},
    "embeddings": {"tune__freeze": "embeddings"},
    "layers": {"tune__freeze": "layers.0"},
    "pattern": {"tune__freeze": "*.bias"},
    "layer_decay": {"tune__layer_decay": 0.5},
    "label_smoothing": {"tune__label_smoothing": 0.2},
    "focal": {"tune__loss": "focal", "tune__focal_gamma": 1.5},
    "class_weights": {"tune__class_weights": {"positive": 5.0}},
}
WEIGHTS = {"positive": 5.0, "B-THING": 0.5}


pytestmark = pytest.mark.usefixtures("without_report")


@pytest.fixture
def bodies(tiny_bert: Path, tiny_gpt2: Path, tmp_path: Path) -> Bodies:
    """Without dropout, so that what a model says in training can be said again."""
    for name, body in (("bert", tiny_bert), ("gpt2", tiny_gpt2)):
        shutil.copytree(body, tmp_path / name)
        assert without_dropout(tmp_path / name) >= 2
    return Bodies(tmp_path / "bert", tmp_path / "gpt2")


# ---- one update, watched -------------------------------------------------------------------------


@dataclass
class Watched:
    """A run of one update.

    Args:
        run: what was run, and ``folder`` where to.
        before, after: the weights, under transformers' names.
        trained: the batches that were trained on.
        held_out: those that were evaluated on, each as often as the others.
        loss: of the update.
        notes: what was said.
    """

    run: Run
    folder: Path
    before: dict[str, Tensor] = field(default_factory=dict)
    after: dict[str, Tensor] = field(default_factory=dict)
    trained: list[Batch] = field(default_factory=list)
    held_out: list[Batch] = field(default_factory=list)
    loss: float = 0.0
    notes: list[str] = field(default_factory=list)

    def listen(self, event: Any) -> None:
        if isinstance(event, Updated):
            self.loss = event.loss
        if isinstance(event, Noted):
            self.notes.append(event.text)


Watch = Callable[..., Watched]


@pytest.fixture
def watch(bodies: Bodies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watch:
    """``watch(task, code, **settings)``: one update at a constant rate, without weight decay."""

    def watched(task: str, code: str, **more: Any) -> Watched:
        run = make(
            task, tmp_path / "data", bodies, code, train__steps=1, train__schedule="constant",
            train__warmup=0, train__learning_rate=RATE, train__weight_decay=0.0, **more,
        )  # fmt: skip
        if task == "translation":
            assert without_dropout(run.start) >= 1
        found = Watched(run, tmp_path / "run")
        build, loss = OF[task].build_model, OF[task].loss

        def building(self: Any, *args: Any) -> Any:
            model = build(self, *args)
            with torch.no_grad():  # wide, so that what it says is not alike for all answers
                for parameter in model.parameters():
                    if parameter.dim() > 1:
                        parameter.mul_(4.0)
            with quiet_transformers():
                model.save_pretrained(tmp_path / "initial")
            return model

        def losing(self: Any, outputs: Any, batch: Batch, *, training: bool = False) -> Any:
            made = loss(self, outputs, batch, training=training)
            assert training == made.total.requires_grad
            (found.trained if made.total.requires_grad else found.held_out).append(batch)
            return made

        with monkeypatch.context() as patch:
            patch.setattr(OF[task], "build_model", building)
            patch.setattr(OF[task], "loss", losing)
            if task == "causal_lm":  # a second reading of the held-out text
                patch.setattr(CausalLM, "measure", lambda *args: {})
            run.train(found.folder, found.listen)
        found.before, found.after = (weights(tmp_path / name) for name in ("initial", "run"))
        assert found.before.keys() == found.after.keys()
        assert len(found.before) > 20
        return found

    return watched


# ---- what each cell expects ----------------------------------------------------------------------

# Where a parameter stands, in the names of BERT, GPT-2, BART and hfdl's own encoder-decoder.
_EMBEDDINGS = re.compile(r"\.embeddings\.|\.wte\.|\.wpe\.|embed_(tokens|positions)|\.shared\.|"
                         r"layernorm_embedding")  # fmt: skip
_LAYER = re.compile(r"\.(?:layer|layers|h)\.(\d)\.")
_HEAD = re.compile(r"^(classifier|cls|lm_head|core\.head)\.|final_logits_bias")


def is_embedding(name: str) -> bool:
    return bool(_EMBEDDINGS.search(name)) and not _LAYER.search(name)


def depth(name: str) -> int:
    """0 in the embeddings, 1 and 2 in the layers, 3 above."""
    if found := _LAYER.search(name):
        return int(found[1]) + 1
    return 0 if is_embedding(name) else 3


FROZEN: dict[str, Callable[[str], bool]] = {
    "body": lambda name: not _HEAD.match(name),
    "embeddings": is_embedding,
    "layers": lambda name: depth(name) == 1,
    "pattern": lambda name: name.endswith(".bias"),
}


def freezes(found: Watched, feature: str) -> None:
    """What is frozen has its bits, all else has moved."""
    expected = {name for name in found.before if FROZEN[feature](name)}
    still = {n for n in found.before if torch.equal(found.before[n], found.after[n])}
    # A buffer of BART's is no parameter; a bias of all keys changes no softmax.
    silent = {n for n in still - expected if re.search(r"final_logits_bias|\bk(ey|_proj)\.bias", n)}
    assert still - silent == expected
    assert 0 < len(expected) < len(found.before)
    assert any(note.startswith("trained: ") for note in found.notes)


def decays(found: Watched, feature: str) -> None:
    """AdamW's first step is as long as the rate, wherever the gradient is more than rounding."""
    seen = set()
    for name, old in found.before.items():
        moved = float((found.after[name].double() - old.double()).abs().max())
        expected = RATE * 0.5 ** (3 - depth(name))
        assert moved <= expected * 1.001, name
        if moved > expected * 0.99:
            seen.add(depth(name))
    assert seen == ({0, 1, 2} if "final_logits_bias" in found.before else {0, 1, 2, 3})
    short = [n for n in found.before if not is_long(found, n)]
    assert all(re.search(r"bias$|qkv", n) for n in short), short
    top = "0.01" if 3 in seen else "0.005"
    said = f"learning rates: {top} at the top down to 0.00125 at the input (0.5 times a layer)"
    assert said in found.notes


def is_long(found: Watched, name: str) -> bool:
    moved = float((found.after[name].double() - found.before[name].double()).abs().max())
    return moved > 0.99 * RATE * 0.5 ** (3 - depth(name))


def log_softmax(logits: Tensor) -> Tensor:
    logits = logits.double()
    return logits - logits.exp().sum(-1, keepdim=True).log()


def plain(found: Watched, folder: Path, batch: Batch) -> tuple[Tensor, Tensor]:
    """Log-probabilities (N, C) and right answers (N,), from transformers' own forward."""
    model = found.run.open(folder)
    given = {k: v for k, v in batch.inputs.items() if k not in ("positions", "targets")}
    with torch.no_grad():
        logits = model(**given).logits
    if "positions" in batch.inputs:
        return log_softmax(logits.flatten(0, 1)[batch.inputs["positions"]]), batch.targets[
            "targets"
        ]
    labels = batch.targets["labels"].flatten()
    known = labels != -100
    return log_softmax(logits.reshape(-1, logits.shape[-1])[known]), labels[known]


def smoothed(log_p: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    classes = log_p.shape[1]
    targets = torch.full_like(log_p, 0.2 / classes)
    targets[torch.arange(len(labels)), labels] += 0.8
    return -(targets * log_p).sum(1), torch.ones(len(labels))


def focal(log_p: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    right = log_p[torch.arange(len(labels)), labels]
    return -((1 - right.exp()) ** 1.5) * right, torch.ones(len(labels))


def cross_entropy(log_p: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    return -log_p[torch.arange(len(labels)), labels], torch.ones(len(labels))


LOSSES = {"label_smoothing": smoothed, "focal": focal}


def mean(found: Watched, folder: Path, batches: list[Batch], loss: Any) -> float:
    parts = [loss(*plain(found, folder, batch)) for batch in batches]
    return float(sum(total.sum() for total, _ in parts) / sum(count.sum() for _, count in parts))


def changes_the_loss(found: Watched, feature: str) -> None:
    """The loss of training is that of the formula, that of evaluation the plain one."""
    loss = LOSSES.get(feature) or weighted(found)
    initial = found.folder.parent / "initial"
    assert found.trained
    expected = mean(found, initial, found.trained, loss)
    assert found.loss == pytest.approx(expected, rel=1e-5)
    assert abs(mean(found, initial, found.trained, cross_entropy) - expected) > 1e-4
    metrics = json.loads((found.folder / "metrics.json").read_text(encoding="utf-8"))
    held_out = mean(found, found.folder, final(found.held_out), cross_entropy)
    assert metrics["validation"]["loss"] == pytest.approx(held_out, rel=1e-5)
    assert abs(mean(found, found.folder, final(found.held_out), loss) - held_out) > 1e-4


def final(batches: list[Batch]) -> list[Batch]:
    """Those of the last evaluation; the one behind the update had the same."""
    half = len(batches) // 2
    assert 2 * half == len(batches) > 0
    assert [b.examples for b in batches[:half]] == [b.examples for b in batches[half:]]
    return batches[half:]


def weighted(found: Watched) -> Any:
    """The sum is divided by the weights of the labels, as torch's cross_entropy does."""
    names = ["negative", "positive"] if found.run.recipe == "sentiment" else [
        "O", "B-THING", "I-THING",
    ]  # fmt: skip
    weight = torch.tensor([WEIGHTS.get(name, 1.0) for name in names])

    def loss(log_p: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        each, _ = cross_entropy(log_p, labels)
        return each * weight[labels], weight[labels]

    return loss


# ---- the table -----------------------------------------------------------------------------------

NOTHING_LEFT = (
    "tune.freeze: 'body' leaves nothing to train; at least one parameter must learn. Freeze less"
)


def no_labels(what: str) -> str:
    return f"tune.class_weights: {what} has no labels to weigh; class weights belong to labels. "


Cell = Callable[[Watched, str], None] | dict[str, str]
"""What is checked of a run, or, by implementation, the text of the refusal ('' for none)."""

_CHECKS: dict[str, Cell] = {
    **dict.fromkeys(FROZEN, freezes), "layer_decay": decays,
    **dict.fromkeys(("label_smoothing", "focal", "class_weights"), changes_the_loss),
}  # fmt: skip
CELLS: dict[tuple[str, str], Cell] = {
    (task, feature): check for task in OF for feature, check in _CHECKS.items()
} | {
    # Their layer that says words is their embedding; hfdl's translator has one of its own.
    ("causal_lm", "body"): dict.fromkeys(CODES, NOTHING_LEFT),
    ("translation", "body"): {"hf": NOTHING_LEFT, "hfdl": ""},
    ("masked_lm", "class_weights"): dict.fromkeys(CODES, no_labels("a language model")),
    ("causal_lm", "class_weights"): dict.fromkeys(CODES, no_labels("a language model")),
    ("translation", "class_weights"): dict.fromkeys(CODES, no_labels("a translation")),
}


def test_the_table_covers_every_feature_of_every_task() -> None:
    assert set(OF) == set(MAKERS) == set(TASKS)
    assert set(CELLS) == {(task, feature) for task in TASKS for feature in FEATURES}
    assert len(CELLS) == 40
    assert sum(isinstance(cell, dict) for cell in CELLS.values()) == 5


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(("task", "feature"), CELLS)
def test_a_feature_does_what_it_says_or_says_why_not(
    task: str, feature: str, code: str, watch: Watch, tmp_path: Path
) -> None:
    cell, settings = CELLS[task, feature], FEATURES[feature]
    if (task, feature) == ("token_classification", "class_weights"):
        settings = {"tune__class_weights": {"B-THING": 0.5}}
    if isinstance(cell, dict) and cell[code]:
        with pytest.raises(ConfigError) as caught:
            watch(task, code, **settings)
        assert str(caught.value).startswith(cell[code])
        assert not (tmp_path / "run").exists()
        return
    check = _CHECKS[feature] if isinstance(cell, dict) else cell
    assert callable(check)
    check(watch(task, code, **settings), feature)


@pytest.mark.parametrize("task", OF)
def test_without_any_feature_all_weights_move_on_the_plain_loss(task: str, watch: Watch) -> None:
    found = watch(task, "hf")
    still = {n for n in found.before if torch.equal(found.before[n], found.after[n])}
    assert still <= {"final_logits_bias"}
    expected = mean(found, found.folder.parent / "initial", found.trained, cross_entropy)
    assert found.loss == pytest.approx(expected, rel=1e-5)
    assert not any("trained: " in note or "learning rates" in note for note in found.notes)
