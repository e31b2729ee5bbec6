"""Is it right on this device? Each check gives ``right`` and what it saw."""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path
from typing import Any

import torch

from benchmarks.cuda.setting import Setting

FLOAT32 = 2e-4
"""Largest difference of float32 logits, relative to the largest of them: sums in other orders."""
SMALL = {
    "vocab_size": 300, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "intermediate_size": 128, "max_position_embeddings": 64, "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}  # fmt: skip
STEPS, STOP = 8, 5
DESCENT = {"train.optimizer": "sgd", "train.learning_rate": 0.5}


def parity(setting: Setting) -> dict[str, Any]:
    """hfdl's models give transformers' logits and gradients on the device, and the CPU's."""
    from transformers import (
        BertConfig,
        BertForSequenceClassification,
        GPT2Config,
        GPT2LMHeadModel,
    )

    torch.manual_seed(0)
    words = SMALL["vocab_size"]
    plain = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0)
    sizes: Any = {**plain, "n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 64}
    made = {
        "bert": BertForSequenceClassification(BertConfig(**SMALL)),
        "gpt2": GPT2LMHeadModel(GPT2Config(vocab_size=int(words), **sizes)),
    }
    worst = {name: _differences(model, setting) for name, model in made.items()}
    largest = max(max(found.values()) for found in worst.values())
    return {"right": largest <= FLOAT32, "differences": worst}


def _differences(model: Any, setting: Setting) -> dict[str, float]:
    """Of logits and gradients: hfdl's from transformers', and the device's from the CPU's."""
    from hfdl.hf_models.load import to_scratch_model

    draw = torch.Generator().manual_seed(1)
    ids = torch.randint(1, 300, (4, 24), generator=draw)
    mask = (torch.arange(24) < torch.tensor([[24], [9], [1], [17]])).long()
    own: Any = to_scratch_model(model)
    host = _logits_and_gradient(own, ids, mask)
    for each in (model, own):
        each.to(device=setting.device)
    theirs, ours = (_logits_and_gradient(each, ids, mask) for each in (model, own))
    return {
        "from transformers": max(map(_relative, ours, theirs)),
        "from the CPU": max(map(_relative, ours, host)),
    }


def _logits_and_gradient(model: Any, ids: Any, mask: Any) -> tuple[Any, Any]:
    """Logits of real places, and the gradient of the embeddings."""
    device = next(model.parameters()).device
    logits = model(input_ids=ids.to(device), attention_mask=mask.to(device)).logits
    real = logits[mask.to(device).bool()] if logits.dim() == 3 else logits
    model.zero_grad()
    real.square().sum().backward()
    gradient = model.get_input_embeddings().weight.grad
    return real.detach().cpu(), gradient.detach().cpu().clone()


def _relative(a: Any, b: Any) -> float:
    return float((a - b).abs().max() / b.abs().max())


def accumulation(setting: Setting) -> dict[str, Any]:
    """An update in parts is the whole update: the weights after a short float32 training.

    By gradient descent: Adam would divide the rounding of a gradient that is zero by itself.
    """
    found = []
    for micro in (16, 3):
        changes = {"train.micro_batch_size": micro, **DESCENT}
        with tempfile.TemporaryDirectory() as folder:
            found.append(_train(Path(folder) / "run", changes))
    whole, parts = found
    difference = max(float((whole[name] - parts[name]).abs().max()) for name in whole)
    moved = float((whole["classifier.weight"] - head_as_drawn(DESCENT)).abs().max())
    return {"right": difference <= 1e-4 * moved, "difference": difference, "moved": moved}


def head_as_drawn(changes: dict[str, Any]) -> Any:
    """The head after a single update with a rate of almost nothing: as it was drawn."""
    with tempfile.TemporaryDirectory() as folder:
        changes = {**changes, "train.steps": 1, "train.learning_rate": 1e-12}
        return _train(Path(folder) / "run", changes)["classifier.weight"]


def resume(setting: Setting) -> dict[str, Any]:
    """A run that was stopped ends with the weights of one that was not."""
    from hfdl.training.events import Event, Interrupted, Updated

    def stop(event: Event) -> None:
        if isinstance(event, Updated) and event.step == STOP:
            signal.raise_signal(signal.SIGTERM)

    with tempfile.TemporaryDirectory() as folder:
        whole = _train(Path(folder) / "whole", {})
        stopped = False
        try:
            _train(Path(folder) / "stopped", {}, listener=stop)
        except Interrupted:
            stopped = True
        again = _train(Path(folder) / "stopped", {}, resume=True)
    difference = max(_relative(again[name], whole[name]) for name in whole)
    # On a GPU the sums of some gradients are not made in one order.
    allowed = 0.0 if setting.device.type == "cpu" else 1e-4
    return {"right": stopped and difference <= allowed, "difference": difference}


def _train(folder: Path, changes: dict[str, Any], **how: Any) -> dict[str, Any]:
    """The weights of a short float32 training on the sentences that come with hfdl."""
    from safetensors.torch import load_file

    import hfdl

    settings = {
        "model.name": "hfdl://bert", "model.implementation": "hfdl",
        "model.tokenizer": "wordpiece", "model.config": SMALL, "data.max_length": 64,
        "data.max_samples": 80, "train.steps": STEPS, "train.batch_size": 16,
        "train.precision": "float32", **changes,
    }  # fmt: skip
    how = {"listener": lambda event: None, **how}
    hfdl.train("sentiment", settings, output=folder, report=False, **how)
    found = load_file(folder / "model.safetensors")
    # A bias that no gradient reaches is zero in both.
    return {name: tensor for name, tensor in found.items() if tensor.abs().max() > 0}


CHECKS = (parity, accumulation, resume)
