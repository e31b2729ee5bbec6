"""Tiny translators of transformers, of each kind that says its languages in a way of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

from helpers.tokenizer_kinds import TEXTS, metaspace

_BART = {
    "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48,
    "max_position_embeddings": 80, "init_std": 0.4,
}  # fmt: skip
SOURCES = ["she went to the park", "a man sleeps , and the dog runs", "two"]
PAIRS = {"translation_en_to_de": {"prefix": "translate English to German: ", "num_beams": 2,
                                  "max_length": 12},
         "translation_en_to_fr": {"prefix": "translate English to French: "}}  # fmt: skip


def vocabulary(languages: list[str]) -> list[tuple[str, float]]:
    letters = sorted({char for text in TEXTS for char in text if not char.isspace()})
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", *letters, "▁the", "▁a", *languages, "<mask>"]
    return [(piece, -float(i > 3)) for i, piece in enumerate(pieces)]


def tokenizer_of(kind: str) -> Any:
    if kind == "mbart":
        from transformers.models.mbart.tokenization_mbart import FAIRSEQ_LANGUAGE_CODES

        return transformers.MBartTokenizer(vocab=vocabulary(FAIRSEQ_LANGUAGE_CODES))
    if kind == "mbart50":
        from transformers.models.mbart50.tokenization_mbart50 import FAIRSEQ_LANGUAGE_CODES

        return transformers.MBart50Tokenizer(
            vocab=vocabulary(FAIRSEQ_LANGUAGE_CODES), src_lang="en_XX"
        )
    tokenizer = metaspace()
    if kind == "nllb":
        tokenizer = transformers.NllbTokenizer()
        tokenizer.add_tokens(sorted({c for text in TEXTS for c in text if c.isalnum()}))
    if kind == "marian":
        tokenizer.add_tokens([">>de<<"], special_tokens=True)
    return tokenizer


def model_of(kind: str, tokenizer: Any) -> Any:
    torch.manual_seed(1)
    ids = {
        "vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id, "bos_token_id": tokenizer.bos_token_id,
        "decoder_start_token_id": tokenizer.eos_token_id,
        "forced_eos_token_id": tokenizer.eos_token_id,
    }  # fmt: skip
    hf = transformers
    if kind in ("mbart", "mbart50"):
        return hf.MBartForConditionalGeneration(hf.MBartConfig(**{**_BART, **ids}))
    if kind == "nllb":
        return hf.M2M100ForConditionalGeneration(hf.M2M100Config(**{**_BART, **ids}))
    if kind == "marian":
        return hf.MarianMTModel(hf.MarianConfig(**{**_BART, **ids}))
    t5 = {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4}
    t5_ids = {**ids, "forced_eos_token_id": None, "decoder_start_token_id": ids["pad_token_id"]}
    model = hf.T5ForConditionalGeneration(hf.T5Config(**{**t5, **t5_ids}))
    model.config.task_specific_params = PAIRS
    return model


KINDS = {
    "mbart": ("en_XX", "ro_RO"), "mbart50": ("de_DE", "fr_XX"), "nllb": ("eng_Latn", "fra_Latn"),
    "marian": (None, "de"), "t5": ("en", "de"),
}  # fmt: skip
"""The kinds, each with the languages of its sources and its targets."""

PREFIXES = {"marian": ">>de<< ", "t5": "translate English to German: "}
"""What stands before a source of a model without tokens of languages."""


def save(kind: str, folder: Path) -> Path:
    """A translator of random weights, wide apart, so that its answers differ from text to text."""
    tokenizer = tokenizer_of(kind)
    model = model_of(kind, tokenizer).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.copy_(torch.randn_like(parameter))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def opened(folder: Path) -> tuple[Any, Any]:
    """The model and the tokenizer of a folder, in plain transformers."""
    return (
        transformers.AutoModelForSeq2SeqLM.from_pretrained(folder),
        transformers.AutoTokenizer.from_pretrained(folder),
    )
