"""The families of models that hfdl has its own code for: a row each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import transformers
from torch import nn

from hfdl.models import bert, gpt2, llama
from hfdl.weights.families import config_checks as configs
from hfdl.weights.families.bert import BERT, DISTILBERT, ELECTRA, ROBERTA
from hfdl.weights.families.gpt2 import GPT2
from hfdl.weights.families.llama import LLAMA
from hfdl.weights.families.name_table import FamilyTable, Head

_ENCODER: dict[Head, type[nn.Module]] = {
    "base": bert.Bert,
    "masked_lm": bert.BertForMaskedLM,
    "sequence": bert.BertForSequenceClassification,
    "token": bert.BertForTokenClassification,
}
_GPT2: dict[Head, type[nn.Module]] = {
    "base": gpt2.Gpt2,
    "causal_lm": gpt2.Gpt2ForCausalLM,
    "sequence": gpt2.Gpt2ForSequenceClassification,
    "token": gpt2.Gpt2ForTokenClassification,
}
_LLAMA: dict[Head, type[nn.Module]] = {
    "base": llama.Llama,
    "causal_lm": llama.LlamaForCausalLM,
    "sequence": llama.LlamaForSequenceClassification,
    "token": llama.LlamaForTokenClassification,
}
_SUFFIXES: dict[Head, str] = {
    "base": "Model",
    "masked_lm": "ForMaskedLM",
    "causal_lm": "ForCausalLM",
    "sequence": "ForSequenceClassification",
    "token": "ForTokenClassification",
}


@dataclass(frozen=True)
class Family:
    """A family in transformers and in hfdl.

    Args:
        model_type: transformers' name of it.
        name: with which the names of its classes begin.
        translate: from transformers' config to ours.
        table: the names of its tensors.
        cores: our class for each head.
    """

    model_type: str
    name: str
    translate: Callable[[Any], Any]
    table: FamilyTable
    cores: Mapping[Head, type[nn.Module]]

    def hf_name(self, head: Head) -> str:
        """The name of transformers' class with this head."""
        if self.model_type == "gpt2" and head == "causal_lm":
            return "GPT2LMHeadModel"
        return self.name + _SUFFIXES[head]

    @property
    def hf_config_class(self) -> Any:
        """transformers' config class."""
        return getattr(transformers, f"{self.name}Config")


FAMILIES = (
    Family("bert", "Bert", configs.bert_config, BERT, _ENCODER),
    Family("roberta", "Roberta", configs.roberta_config, ROBERTA, _ENCODER),
    Family("xlm-roberta", "XLMRoberta", configs.roberta_config, ROBERTA, _ENCODER),
    Family("distilbert", "DistilBert", configs.distilbert_config, DISTILBERT, _ENCODER),
    Family("electra", "Electra", configs.electra_config, ELECTRA, _ENCODER),
    Family("gpt2", "GPT2", configs.gpt2_config, GPT2, _GPT2),
    Family("llama", "Llama", configs.llama_config, LLAMA, _LLAMA),
    Family("mistral", "Mistral", configs.mistral_config, LLAMA, _LLAMA),
    Family("qwen2", "Qwen2", configs.qwen2_config, LLAMA, _LLAMA),
    Family("qwen3", "Qwen3", configs.qwen3_config, LLAMA, _LLAMA),
)
