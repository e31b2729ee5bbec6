"""Tiny runs of every task that begin with a saved model: for tests of what a run trains."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file

import hfdl
from helpers.support import reviews, write_csv
from helpers.tiny_models import tiny_model
from hfdl.hf_models.encoder_decoder import (
    ScratchTransformerConfig,
    ScratchTransformerForConditionalGeneration,
)
from hfdl.weights.pretrained import quiet_transformers


@dataclass(frozen=True)
class Bodies:
    """Folders of saved models: a BERT without a head, and a GPT-2 with its own, which is tied."""

    bert: Path
    gpt2: Path


@dataclass(frozen=True)
class Run:
    """What a task is trained on, and what plain transformers opens it with.

    Args:
        recipe: its name.
        auto: name of the Auto class.
        settings: overrides of the recipe.
    """

    recipe: str
    auto: str
    settings: dict[str, Any]

    @property
    def start(self) -> Path:
        """The folder of the model that it begins with."""
        return Path(self.settings["model.name"])

    def train(self, output: Path, listener: Any = lambda event: None, **more: Any) -> Any:
        """Train into a folder; ``__`` in a name stands for a dot."""
        given = {key.replace("__", "."): value for key, value in more.items()}
        chosen = {**self.settings, **given}
        return hfdl.train(self.recipe, chosen, output=output, listener=listener)

    def open(self, folder: Path, dtype: str = "float32") -> Any:
        """The model of a folder in plain transformers, all of whose weights must be there."""
        with quiet_transformers():
            model, info = getattr(transformers, self.auto).from_pretrained(
                folder, dtype=getattr(torch, dtype), output_loading_info=True
            )
        assert not info["missing_keys"]
        assert not info["unexpected_keys"]
        assert not list(folder.glob("adapter*"))
        return model.eval()


def of_text_classification(folder: Path, bodies: Bodies, implementation: str) -> Run:
    source = write_csv(folder / "reviews.csv", reviews(60))
    return Run("sentiment", "AutoModelForSequenceClassification", {
        "model.name": str(bodies.bert), "data.train": str(source), "data.max_length": 32,
    })  # fmt: skip


def of_token_classification(folder: Path, bodies: Bodies, implementation: str) -> Run:
    rows = [tagged(row["text"].split()) for row in reviews(60)]
    source = folder / "tags.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return Run("ner", "AutoModelForTokenClassification", {
        "model.name": str(bodies.bert), "data.train": str(source), "data.max_length": 32,
    })  # fmt: skip


def tagged(words: list[str]) -> dict[str, list[str]]:
    """The fourth word is a thing, and the last the second word of one where both are."""
    tags = ["B-THING" if i == 3 else "O" for i in range(len(words))]
    return {"tokens": words, "tags": [*tags[:-1], "I-THING" if tags[-2] != "O" else "O"]}


def of_masked_lm(folder: Path, bodies: Bodies, implementation: str) -> Run:
    return Run("mlm", "AutoModelForMaskedLM", {
        "model.name": str(bodies.bert), "data.train": str(lines(folder)), "data.separator": "\n",
        "data.max_length": 32, "data.mask_share": 0.3,
    })  # fmt: skip


def of_causal_lm(folder: Path, bodies: Bodies, implementation: str) -> Run:
    return Run("clm", "AutoModelForCausalLM", {
        "model.name": str(bodies.gpt2), "model.config": None, "model.tokenizer": None,
        "data.train": str(lines(folder)), "data.separator": "\n", "data.max_length": 32,
        "train.samples": [],
    })  # fmt: skip


def of_translation(folder: Path, bodies: Bodies, implementation: str) -> Run:
    """A random BART stands for a pretrained one; in hfdl's own code its own transformer does."""
    rows = [{"text": row["text"], "label": row["text"][::-1]} for row in reviews(60)]
    source = write_csv(folder / "pairs.csv", rows)
    body = folder / "body"
    tokenizer = transformers.AutoTokenizer.from_pretrained(bodies.gpt2)
    tokenizer.pad_token = tokenizer.eos_token
    tokenizer.save_pretrained(body)
    make = own_transformer if implementation == "hfdl" else bart
    with quiet_transformers():
        make(len(tokenizer), tokenizer.pad_token_id).save_pretrained(body)
    return Run("translation", "AutoModelForSeq2SeqLM", {
        "model.name": str(body), "model.config": None, "data.train": str(source),
        "data.text": "text", "data.label": "label", "data.max_length": 40,
    })  # fmt: skip


def bart(words: int, pad: int) -> Any:
    return tiny_model(
        "bart", auto="AutoModelForSeq2SeqLM", vocab_size=words, max_position_embeddings=128
    )


def own_transformer(words: int, pad: int) -> Any:
    torch.manual_seed(0)
    return ScratchTransformerForConditionalGeneration(ScratchTransformerConfig(
        vocab_size=words, hidden_size=16, encoder_layers=2, decoder_layers=2,
        num_attention_heads=2, intermediate_size=24, pad_token_id=pad, bos_token_id=pad,
        eos_token_id=pad, decoder_start_token_id=pad, tie_word_embeddings=False,
    ))  # fmt: skip


def lines(folder: Path) -> Path:
    """A document a line."""
    file = folder / "corpus.txt"
    file.write_text("\n".join(row["text"] for row in reviews(80)) + "\n", encoding="utf-8")
    return file


MAKERS: dict[str, Callable[[Path, Bodies, str], Run]] = {
    "text_classification": of_text_classification,
    "token_classification": of_token_classification,
    "masked_lm": of_masked_lm,
    "causal_lm": of_causal_lm,
    "translation": of_translation,
}


def make(task: str, folder: Path, bodies: Bodies, implementation: str, **more: Any) -> Run:
    """A short run of a task; ``__`` in a name stands for a dot."""
    folder.mkdir(exist_ok=True)
    run = MAKERS[task](folder, bodies, implementation)
    given = {key.replace("__", "."): value for key, value in more.items()}
    run.settings.update({
        "model.implementation": implementation, "train.batch_size": 8,
        "train.precision": "float32", "train.evaluate_at_start": False, **given,
    })  # fmt: skip
    return run


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """The saved weights of a folder, under transformers' names whatever code ran."""
    return load_file(folder / "model.safetensors")


def without_dropout(folder: Path) -> int:
    """Switch the dropout of a saved model off; how many kinds of it there were."""
    file = folder / "config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    found = [k for k, v in config.items() if "drop" in k and isinstance(v, float)]
    file.write_text(json.dumps({**config, **dict.fromkeys(found, 0.0)}), encoding="utf-8")
    return len(found)
