"""Tiny random transformers models of many architectures, and inputs for them, made offline."""

from __future__ import annotations

import copy
from typing import Any

import torch
import transformers
from torch import Tensor

VOCABULARY, LENGTH = 50, 9
_COMMON = {
    "vocab_size": VOCABULARY, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4,
    "intermediate_size": 24, "max_position_embeddings": 40, "pad_token_id": 0, "bos_token_id": 1,
    "eos_token_id": 2,
}  # fmt: skip
_ENCODER_DECODER = {
    "vocab_size": VOCABULARY, "d_model": 16, "encoder_layers": 2, "decoder_layers": 2,
    "encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24, "max_position_embeddings": 40, "pad_token_id": 0, "bos_token_id": 1,
    "eos_token_id": 2, "decoder_start_token_id": 0, "forced_eos_token_id": None,
}  # fmt: skip
_GROUPED = {**_COMMON, "num_key_value_heads": 2}
_GPT2 = {
    "vocab_size": VOCABULARY, "n_embd": 16, "n_layer": 2, "n_head": 4, "n_positions": 40,
    "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip

# name -> model_type, its config's keys
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "albert": ("albert", {**_COMMON, "embedding_size": 8}),
    "bart": ("bart", _ENCODER_DECODER),
    "bert": ("bert", _COMMON),
    "bloom": ("bloom", {"vocab_size": VOCABULARY, "hidden_size": 16, "n_layer": 2, "n_head": 4}),
    "deberta-v2": ("deberta-v2", _COMMON),
    "distilbert": (
        "distilbert",
        {"vocab_size": VOCABULARY, "dim": 16, "n_layers": 2, "n_heads": 4, "hidden_dim": 24,
         "max_position_embeddings": 40, "pad_token_id": 0},
    ),
    "electra": ("electra", {**_COMMON, "embedding_size": 8}),
    "falcon": ("falcon", _COMMON),
    "gemma2": ("gemma2", {**_GROUPED, "head_dim": 4}),
    "gpt2": ("gpt2", _GPT2),
    "gpt_neo": (
        "gpt_neo",
        {"vocab_size": VOCABULARY, "hidden_size": 16, "num_layers": 2, "num_heads": 4,
         "attention_types": [[["global", "local"], 1]], "bos_token_id": 1, "eos_token_id": 2},
    ),
    "gpt_oss": ("gpt_oss", {**_GROUPED, "head_dim": 4, "num_local_experts": 2,
                             "num_experts_per_tok": 2}),
    "gptj": (
        "gptj",
        {"vocab_size": VOCABULARY, "n_embd": 16, "n_layer": 2, "n_head": 4, "rotary_dim": 4,
         "bos_token_id": 1, "eos_token_id": 2},
    ),
    "llama": ("llama", _GROUPED),
    "mistral": ("mistral", {**_GROUPED, "sliding_window": 4}),
    "modernbert": ("modernbert", {**_COMMON, "cls_token_id": 1, "sep_token_id": 2}),
    "mpt": ("mpt", {"vocab_size": VOCABULARY, "d_model": 16, "n_layers": 2, "n_heads": 4}),
    "opt": (
        "opt",
        {"vocab_size": VOCABULARY, "hidden_size": 16, "num_hidden_layers": 2,
         "num_attention_heads": 4, "ffn_dim": 24, "max_position_embeddings": 40,
         "word_embed_proj_dim": 16, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2},
    ),
    "phi3": ("phi3", {**_GROUPED, "sliding_window": None}),
    "qwen2": ("qwen2", _GROUPED),
    "qwen3": ("qwen3", {**_GROUPED, "head_dim": 6}),
    "roberta": ("roberta", _COMMON),
    "t5": (
        "t5",
        {"vocab_size": VOCABULARY, "d_model": 16, "d_kv": 4, "d_ff": 24, "num_layers": 2,
         "num_heads": 4, "pad_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 0},
    ),
    "xlnet": ("xlnet", {"vocab_size": VOCABULARY, "d_model": 16, "n_layer": 2, "n_head": 4,
                        "d_inner": 24}),
}  # fmt: skip

ENCODER_DECODERS = ["bart", "t5"]
DECODERS = ["gpt2", "llama", "mistral", "opt", "phi3", "qwen2", "qwen3"]
ENCODERS = ["albert", "bert", "distilbert", "electra", "modernbert", "roberta"]


def tiny_config(family: str, **changes: Any) -> Any:
    """A fresh config of a family."""
    model_type, keys = FAMILIES[family]
    return transformers.AutoConfig.for_model(model_type, **copy.deepcopy({**keys, **changes}))


def tiny_model(
    family: str, *, auto: str = "AutoModel", dtype: torch.dtype = torch.float32, **changes: Any
) -> Any:
    """A random model with eager attention, in evaluation mode.

    Its matrices are drawn four times as wide as usual: at the usual width attention is so even
    that a wrong mask or scale hardly shows.
    """
    torch.manual_seed(0)
    config = tiny_config(family, **changes)
    model = getattr(transformers, auto).from_config(config, attn_implementation="eager")
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(4.0)
    return model.to(dtype).eval()


def lm_class(family: str) -> str:
    """The auto class of a family's language model."""
    if family in ENCODERS:
        return "AutoModelForMaskedLM"
    return "AutoModelForSeq2SeqLM" if family in ENCODER_DECODERS else "AutoModelForCausalLM"


def inputs_for(family: str, padding: str = "none") -> dict[str, Tensor]:
    """Two texts of 9 tokens, or of 9 and 6 with ``padding`` "left" or "right"."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(3, VOCABULARY, (2, LENGTH), generator=generator)
    mask = torch.ones_like(ids)
    if padding != "none":
        mask[0, slice(0, 3) if padding == "left" else slice(-3, None)] = 0
    inputs = {"input_ids": ids.where(mask.bool(), 0), "attention_mask": mask}
    if family in ENCODER_DECODERS:
        inputs["decoder_input_ids"] = ids[:, :5]
    elif family == "gpt2":  # its forward does not count positions from the first real token
        inputs["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)
    return inputs


def real_tokens(family: str, inputs: dict[str, Tensor]) -> Tensor:
    """Which rows of the output are of real tokens: bool, (B, T)."""
    if family in ENCODER_DECODERS:
        return torch.ones_like(inputs["decoder_input_ids"], dtype=torch.bool)
    return inputs["attention_mask"].bool()
