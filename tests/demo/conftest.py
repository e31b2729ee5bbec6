"""Tiny models of every task, and the page that they make, in a real process and a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.sentence_models import save_sentence_model
from helpers.translation_models import save as save_translator

TAGS = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]


@pytest.fixture(scope="session")
def make_head(
    tiny_bert: Path, decide: Callable, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """``make_head("AutoModelForMaskedLM", ...)``: the folder of a random model with such a head."""

    def make(auto: str, **config: object) -> Path:
        import torch
        import transformers

        from hfdl.weights.pretrained import quiet_transformers

        folder = tmp_path_factory.mktemp("head")
        torch.manual_seed(1)
        with quiet_transformers():
            settings = transformers.AutoConfig.from_pretrained(tiny_bert, **config)
            model = getattr(transformers, auto).from_pretrained(tiny_bert, config=settings)
            decide(model).save_pretrained(folder)
        transformers.AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(folder)
        return folder

    return make


def slow_writer(tiny_gpt2: Path, folder: Path) -> Path:
    """A GPT-2 that takes some seconds for some hundred tokens."""
    import torch
    from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config.from_pretrained(tiny_gpt2, n_layer=32, n_embd=64, n_positions=512)
    model = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        model.transformer.wte.weight.mul_(20)  # its tokens differ, and the ending is none of them
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_gpt2, model_max_length=512).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def models(
    trained: Path,
    tiny_bert: Path,
    tiny_gpt2: Path,
    make_head: Callable[..., Path],
    make_classifier: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Path]:
    """A model of each kind of answer."""
    import hfdl

    several = {"problem_type": "multi_label_classification"}
    return {
        "run": trained,
        "bag": hfdl.train(
            "eras/bag-of-words",
            {"data.train": str(trained.parent / "train.csv"), "train.epochs": 1},
            output=tmp_path_factory.mktemp("bag") / "of-words", listener=lambda event: None,
        ).directory,
        "other": make_classifier(tiny_bert, id2label={0: "negative", 1: "positive"}),
        "several": make_classifier(tiny_bert, num_labels=14, **several),
        "number": make_classifier(tiny_bert, num_labels=1, problem_type="regression"),
        "tagger": make_head("AutoModelForTokenClassification", id2label=dict(enumerate(TAGS))),
        "masked": make_head("AutoModelForMaskedLM"),
        "writer": tiny_gpt2,
        "slow_writer": slow_writer(tiny_gpt2, tmp_path_factory.mktemp("slow-writer")),
        "translator": save_translator("mbart50", tmp_path_factory.mktemp("translator")),
        "embedder": save_sentence_model(tmp_path_factory.mktemp("embedder") / "model", tiny_bert),
    }  # fmt: skip
