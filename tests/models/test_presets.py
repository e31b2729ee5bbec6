"""The presets have the published models' numbers of parameters."""

import pytest
import torch

from hfdl.models import albert, bert, gpt2, llama, modernbert

# What the published checkpoints hold, tied weights counted once.
PUBLISHED = {
    (bert.Bert, bert.bert_base): 109_482_240,
    (bert.Bert, bert.minilm_l6): 22_713_216,
    (bert.Bert, bert.roberta_base): 124_645_632,
    (bert.Bert, bert.distilbert_base): 66_362_880,
    (bert.Bert, bert.electra_small): 13_483_008,
    (albert.Albert, albert.albert_base): 11_683_584,
    (albert.Albert, albert.albert_xxlarge): 222_595_584,
    (modernbert.ModernBert, modernbert.modernbert_base): 149_014_272,
    (modernbert.ModernBert, modernbert.modernbert_large): 394_781_696,
    (bert.BertForMaskedLM, bert.bert_base): 109_514_298,
    (gpt2.Gpt2ForCausalLM, gpt2.gpt2_small): 124_439_808,
    (gpt2.Gpt2ForCausalLM, gpt2.gpt2_medium): 354_823_168,
    (gpt2.Gpt2ForCausalLM, gpt2.distilgpt2): 81_912_576,
    (llama.LlamaForCausalLM, llama.llama2_7b): 6_738_415_616,
    (llama.LlamaForCausalLM, llama.llama3_2_1b): 1_235_814_400,
    (llama.LlamaForCausalLM, llama.mistral_7b): 7_241_732_096,
    (llama.LlamaForCausalLM, llama.qwen2_5_0_5b): 494_032_768,
    (llama.LlamaForCausalLM, llama.qwen3_0_6b): 596_049_920,
}


@pytest.mark.parametrize(("model", "preset"), PUBLISHED, ids=lambda x: x.__name__)
def test_number_of_parameters(model, preset) -> None:
    with torch.device("meta"):
        built = model(preset())
    assert sum(p.numel() for p in built.parameters()) == PUBLISHED[model, preset]


def test_every_preset_is_counted() -> None:
    presets = {
        function
        for module in (albert, bert, gpt2, llama, modernbert)
        for name, function in vars(module).items()
        if callable(function) and getattr(function, "__annotations__", {}).get("return", "")
        in {"AlbertConfig", "BertConfig", "Gpt2Config", "LlamaConfig", "ModernBertConfig"}
        and not name.startswith("_")
    }  # fmt: skip
    assert presets == {preset for _, preset in PUBLISHED}
    assert len(presets) == 17
