"""An update does not depend on how its batch is cut into micro-batches.

The reference is torch alone: one forward pass over the padded batch, torch's own loss function
with its mean, autograd. The test runs for every task that is registered, in float64 so that the
bound can be tight, and in float32.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from support import reviews, write_csv
from torch.nn import functional as F

from hfdl.config.load import load_recipe
from hfdl.tasks.registry import TASKS, task_for_training
from hfdl.training.accelerator import forget_device_state
from hfdl.training.loop import Loop

EXAMPLES = np.arange(13)
# Uneven on purpose: 13 examples in parts of 1, 4 (4 + 4 + 4 + 1), 5 and 12.
MICRO_BATCHES = [1, 4, 5, 12]


def rows(kind: str) -> list[dict[str, Any]]:
    """Rows of very unequal lengths, with targets of a kind."""
    made = []
    for i, row in enumerate(reviews(30)):
        text = row["text"] + " and a very long minute" * (i % 4)
        label = {
            "single": row["label"],
            "multi": ";".join(["a", "b", "c"][: i % 4]),
            "regression": str(0.25 * i - 1.5),
            "target": " ".join(reversed(text.split())),
            "tags": "",
            "words": "",
        }[kind]
        made.append({"text": text, "label": label, "second": "they say it was " + "one " * (i % 3)})
    return made


def write_conll(path: Path, made: list[dict[str, Any]]) -> Path:
    """The texts of the rows, every third word of them an entity."""
    lines = [
        f"{word} {'B-X' if i % 3 == 1 else 'O'}\n" if word else "\n"
        for row in made
        for i, word in enumerate([*row["text"].split(), ""])
    ]
    path.write_text("".join(lines), encoding="utf-8")
    return path


CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "single label": ("text_classification", "single", {}),
    "class weights": (
        "text_classification", "single", {"tune.class_weights": {"positive": 3.0, "negative": 0.5}},
    ),
    "multi-label": ("text_classification", "multi", {"data.label_separator": ";"}),
    "multi-label balanced": (
        "text_classification", "multi",
        {"data.label_separator": ";", "tune.class_weights": "balanced"},
    ),
    "regression": ("text_classification", "regression", {}),
    "pairs": ("text_classification", "single", {"data.text_pair": "second"}),
    "windows": (
        "text_classification", "single", {"data.max_length": 12, "data.long_text": "window"},
    ),
    "entities": ("token_classification", "tags", {"data.max_length": 12, "data.long_text": None}),
    "entities, class weights": (
        "token_classification", "tags",
        {"data.long_text": "window", "tune.class_weights": {"X": 3.0, "O": 0.5}},
    ),
    "translation": (
        "translation", "target",
        {
            "model.name": "hfdl://transformer",
            "model.config": {
                "vocab_size": 300, "hidden_size": 16, "encoder_layers": 1, "decoder_layers": 1,
                "num_attention_heads": 2, "intermediate_size": 32, "dropout": 0.0,
            },
        },
    ),
    "causal_lm": (
        "causal_lm", "words",
        {
            "model.name": "hfdl://gpt2", "model.tokenizer": "characters", "data.max_length": 165,
            "model.config": {"n_layer": 3, "n_head": 2, "n_embd": 16, "n_positions": 165},
        },
    ),
    "masked_lm": ("masked_lm", "words", {}),
}  # fmt: skip


def loop_for(
    case: str, tiny_bert: Path, folder: Path, micro: int | None, dtype: str, **more: Any
) -> Loop:
    """A loop over the case's rows, without dropout, clipping or anything else that would differ."""
    forget_device_state()
    name, kind, overrides = CASES[case]
    write = write_conll if kind == "tags" else write_csv
    source = write(folder / f"{kind}.{'conll' if kind == 'tags' else 'csv'}", rows(kind))
    settings = {
        "task": name, "model.name": str(tiny_bert), "model.dtype": dtype,
        "data.train": str(source), "data.validation": str(source), "data.max_length": 64,
        "train.batch_size": len(EXAMPLES), "train.micro_batch_size": micro, "train.clip_norm": None,
        "train.precision": "float32", **overrides, **more,
    }  # fmt: skip
    recipe = load_recipe("sentiment", settings)
    task = task_for_training(recipe)
    splits = task.prepare(recipe.data)
    assert splits.train is not None
    torch.manual_seed(3)
    model = task.build_model(recipe.model)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if hasattr(module, "dropout_prob"):
            module.dropout_prob = 0.0
    model.config.attention_probs_dropout_prob = 0.0
    return Loop(task, model, splits.train, None, recipe.train, Accelerator(cpu=True))


def gradients(loop: Loop) -> dict[str, torch.Tensor]:
    """The gradients that an update of the loop applies, caught right before it does."""
    caught: dict[str, torch.Tensor] = {}

    def catch(*_: Any) -> None:
        for name, parameter in loop.state.plain_model.named_parameters():
            if parameter.grad is not None:
                caught[name] = parameter.grad.clone()

    loop.state._raw_optimizer.register_step_pre_hook(catch)
    loop.update(EXAMPLES)
    return caught


def relative_error(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    """Norm of the difference of all gradients over the norm of all gradients."""
    assert a.keys() == b.keys()
    assert len(a) >= 37  # two layers of BERT, embeddings, pooler, head; the transformer has 43
    difference = torch.stack([(a[n].double() - b[n].double()).norm() for n in a]).norm()
    return float(difference / torch.stack([b[n].double().norm() for n in b]).norm())


def reference_gradients(loop: Loop, case: str) -> dict[str, torch.Tensor]:
    """torch's own loss on the whole batch, and autograd."""
    model, split = loop.state.plain_model, loop.train
    model.zero_grad()
    batch = split.batch(EXAMPLES.tolist(), seed=0, epoch=0)
    if CASES[case][1] == "words":  # the mean over the words asked for, of all logits
        inputs = {k: v for k, v in batch.inputs.items() if k not in ("positions", "targets")}
        logits = model(**inputs).logits.flatten(0, 1)[batch.inputs["positions"]]
        F.cross_entropy(logits, batch.inputs["targets"]).backward()
        return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    logits = model(**batch.inputs).logits
    labels = batch.targets["labels"]
    kind = CASES[case][1]
    weights = batch.targets.get("class_weights")
    assert (weights is not None) == ("weight" in case or "balanced" in case)
    weights = None if weights is None else weights.to(logits.dtype)
    if kind == "single" and case != "windows":
        loss = F.cross_entropy(logits, labels, weight=weights)
    elif kind == "multi":
        loss = F.binary_cross_entropy_with_logits(
            logits, labels.to(logits.dtype), pos_weight=weights
        )
    elif kind in ("target", "tags"):  # the mean over all labelled tokens, padding left out
        assert (labels == -100).any()
        loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), weight=weights)
    elif kind == "regression":
        loss = F.mse_loss(logits[:, 0], labels.to(logits.dtype))
    else:  # the mean over texts of the mean over each text's windows
        owner = batch.targets["example"]
        each = F.cross_entropy(logits, labels[owner], reduction="none")
        loss = torch.stack([each[owner == i].mean() for i in range(len(EXAMPLES))]).mean()
    loss.backward()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def test_the_cases_cover_every_task() -> None:
    assert {name for name, _, _ in CASES.values()} == set(TASKS)
    assert len(CASES) == 12


@pytest.mark.parametrize("micro", MICRO_BATCHES)
@pytest.mark.parametrize("case", CASES)
def test_gradients_of_micro_batches_equal_torch_on_the_whole_batch(
    case: str, micro: int, tiny_bert: Path, tmp_path: Path
) -> None:
    loop = loop_for(case, tiny_bert, tmp_path, micro, "float64")
    assert len(set(loop.train.lengths[EXAMPLES])) > 1  # padding differs between micro-batches
    expected = reference_gradients(loop, case)
    loop.state.plain_model.zero_grad()
    calls = count_forwards(loop)
    found = gradients(loop)
    assert calls == [min(micro, 13 - start) for start in range(0, 13, micro)]
    # The weights of windows and classes are float32 in recipes, all else is float64.
    assert relative_error(found, expected) < (1e-7 if "weight" in case else 1e-12)


@pytest.mark.parametrize("case", CASES)
def test_float32_gradients_are_as_near_the_truth_as_those_of_torch_on_the_whole_batch(
    case: str, tiny_bert: Path, tmp_path: Path
) -> None:
    truth = reference_gradients(loop_for(case, tiny_bert, tmp_path, None, "float64"), case)
    whole = reference_gradients(loop_for(case, tiny_bert, tmp_path, None, "float32"), case)
    # Rounding alone, which is larger where the examples' gradients nearly cancel (regression).
    rounding = relative_error(whole, truth)
    covered = 0
    for micro in [None, *MICRO_BATCHES]:
        parts = gradients(loop_for(case, tiny_bert, tmp_path, micro, "float32"))
        assert relative_error(parts, truth) < max(1e-6, 3 * rounding)
        covered += 1
    assert covered == 5


def count_forwards(loop: Loop) -> list[int]:
    """How many examples each forward pass of the update is given: filled when it runs."""
    calls: list[int] = []
    make = loop.train.batch

    def counted(examples: Any, **keywords: Any) -> Any:
        calls.append(len(examples))
        return make(examples, **keywords)

    loop.train.batch = counted  # type: ignore[method-assign]
    return calls


@pytest.mark.parametrize("micro", [None, 4])
def test_clipping_and_the_logged_norm_equal_torch(
    micro: int | None, tiny_bert: Path, tmp_path: Path
) -> None:
    norm = 0.02
    loop = loop_for(
        "single label", tiny_bert, tmp_path, micro, "float64", **{"train.clip_norm": norm}
    )
    expected = reference_gradients(loop, "single label")
    parameters = [p for p in loop.state.plain_model.parameters() if p.grad is not None]
    before = float(torch.nn.utils.clip_grad_norm_(parameters, norm))
    clipped = {
        n: p.grad.clone()
        for n, p in loop.state.plain_model.named_parameters()
        if p.grad is not None
    }
    assert before > 2 * norm
    assert clipped.keys() == expected.keys()
    loop.state.plain_model.zero_grad()
    told: list[Any] = []
    loop._listener = told.append
    assert relative_error(gradients(loop), clipped) < 1e-9
    assert told[0].grad_norm == pytest.approx(before, rel=1e-12)


def test_the_logged_loss_is_the_mean_over_all_examples(tiny_bert: Path, tmp_path: Path) -> None:
    told: list[Any] = []
    for micro in [None, *MICRO_BATCHES]:
        loop = loop_for("single label", tiny_bert, tmp_path, micro, "float64")
        loop._listener = told.append
        loop.update(EXAMPLES)
    losses = [event.loss for event in told]
    assert len(losses) == 5
    assert losses == pytest.approx([losses[0]] * 5, rel=1e-12)
