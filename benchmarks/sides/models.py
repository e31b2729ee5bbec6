"""The models that are measured: a small pretrained encoder, and shapes with random weights."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
LAYERS, WIDTH, INNER = 6, 384, 1536
"""Of MiniLM."""


def source(settings: SimpleNamespace) -> Path:
    """The folder of the encoder that the settings name."""
    from hfdl.weights.resolve import find_model

    return find_model(settings.encoder)


def classifier(settings: SimpleNamespace, seed: int = 0) -> tuple[Any, Any]:
    """The encoder with a head for two labels, drawn with a seed, and its tokenizer."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = source(settings)
    torch.manual_seed(seed)
    model: Any = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)
    return model, AutoTokenizer.from_pretrained(folder)


def saved_classifier(settings: SimpleNamespace) -> Path:
    """The same in a folder, once for each process: the seed makes them equal."""
    folder = Path(settings.folder) / f"classifier-{os.getpid()}"
    if not folder.is_dir():
        model, tokenizer = classifier(settings)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder
