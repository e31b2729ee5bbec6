"""Models of vectors of texts in sentence-transformers' files, written by hand; their formula."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import AutoModel, AutoTokenizer

TYPES = "sentence_transformers.models."
SWITCHES = {
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "mean": "pooling_mode_mean_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}
"""The switch of each pooling in files of older versions."""
TEXTS = [
    "what a good film", "", "bad", "the book was long , they say ! " * 3, "a Film, A FILM",
    " blanks  at both ends ", "映画は good", "[CLS] a [SEP]", "it is not bad", "film " * 90,
]  # fmt: skip
"""Of unequal lengths; the last is longer than any tiny model."""


def write_json(file: Path, value: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value), encoding="utf-8")


def save_sentence_model(
    folder: Path,
    body: Path,
    *,
    pooling: dict[str, Any] | None = None,
    layers: list[tuple[str, dict[str, Any] | None, dict[str, torch.Tensor] | None]] | None = None,
    reading: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    types: str = TYPES,
) -> Path:
    """A copy of a body's folder with the files of sentence-transformers in it.

    Args:
        folder: is made.
        body: a saved transformer.
        pooling: 1_Pooling/config.json.
        layers: kind, config and weights of each layer behind the pooling.
        reading: sentence_bert_config.json.
        settings: config_sentence_transformers.json.
        types: what the types in modules.json begin with.
    """
    shutil.copytree(body, folder)
    steps = [("Transformer", ""), ("Pooling", "1_Pooling")]
    width = json.loads((body / "config.json").read_text()).get("hidden_size", 16)
    pooling = {"word_embedding_dimension": width, **(pooling or {SWITCHES["mean"]: True})}
    write_json(folder / "1_Pooling" / "config.json", pooling)
    for number, (kind, config, weights) in enumerate(layers or [], start=2):
        steps.append((kind, f"{number}_{kind}"))
        place = folder / steps[-1][1]
        if config is not None:
            write_json(place / "config.json", config)
        if weights is not None:
            save_file(weights, place / "model.safetensors")
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": types + kind}
        for i, (kind, path) in enumerate(steps)
    ]
    write_json(folder / "modules.json", modules)
    if reading is not None:
        write_json(folder / "sentence_bert_config.json", reading)
    if settings is not None:
        write_json(folder / "config_sentence_transformers.json", settings)
    return folder


def dense(
    width: int, out: int, activation: str = "torch.nn.modules.activation.Tanh", **config: Any
) -> tuple[str, dict[str, Any], dict[str, torch.Tensor]]:
    """A dense layer of random weights, as an entry of ``layers``."""
    generator = torch.Generator().manual_seed(width + out)
    weights = {"linear.weight": torch.randn(out, width, generator=generator) / 4}
    if config.get("bias", True):
        weights["linear.bias"] = torch.randn(out, generator=generator)
    if config.get("use_residual") and width != out:
        weights["residual.weight"] = torch.randn(out, width, generator=generator) / 4
    sizes = {"in_features": width, "out_features": out, "bias": True}
    return "Dense", {**sizes, "activation_function": activation, **config}, weights


def states_of(folder: Path, text: str, length: int | None = None) -> np.ndarray:
    """A text's states (T, D) in float64, computed alone, by transformers."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder).double().eval()
    inputs = tokenizer(text, truncation=True, max_length=length or 64, return_tensors="pt")
    with torch.no_grad():
        return model(**inputs)[0][0].numpy()


def pooled(states: np.ndarray, mode: str, skipped: int = 0) -> np.ndarray:
    """One pooling of the states (T, D) of a text, the first of them left out."""
    places = np.arange(1, len(states) + 1)[skipped:, None]
    x = states[skipped:]
    return {
        "cls": x[0],
        "max": x.max(0),
        "mean": x.mean(0),
        "mean_sqrt_len_tokens": x.sum(0) / np.sqrt(len(x)),
        "weightedmean": (x * places).sum(0) / places.sum(),
        "lasttoken": x[-1],
    }[mode]
