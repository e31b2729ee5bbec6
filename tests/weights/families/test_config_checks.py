"""transformers' configs become ours, setting by setting, or are refused."""

from __future__ import annotations

from typing import Any

import pytest
import transformers
from helpers.scratch_models import VARIANTS, hf_config
from helpers.wording import assert_wording

from hfdl.errors import ModelError
from hfdl.models.bert import BertConfig
from hfdl.models.modernbert import ModernBertConfig
from hfdl.nn.positions import LinearScaling, Llama3Scaling
from hfdl.weights.families.registry import FAMILIES

TRANSLATE = {family.model_type: family.translate for family in FAMILIES}


def translated(variant: str, **changes: Any) -> Any:
    config = hf_config(variant, **changes)
    return TRANSLATE[config.model_type](config)


def test_sizes_of_bert() -> None:
    found = translated(
        "bert", hidden_dropout_prob=0.3, attention_probs_dropout_prob=0.2, classifier_dropout=0.4,
        layer_norm_eps=1e-6,
    )  # fmt: skip
    assert found == BertConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=3, num_attention_heads=4,
        intermediate_size=24, max_position_embeddings=32, type_vocab_size=2, pad_token_id=1,
        hidden_act="gelu", layer_norm_eps=1e-6, hidden_dropout_prob=0.3,
        attention_probs_dropout_prob=0.2, initializer_range=0.3, num_labels=3,
        sequence_out_dropout=0.4, token_dropout=0.4,
    )  # fmt: skip


def test_dropout_of_heads() -> None:
    roberta = translated("roberta", hidden_dropout_prob=0.25)
    assert (roberta.sequence_in_dropout, roberta.sequence_out_dropout) == (0.25, 0.25)
    distilbert = translated("distilbert", seq_classif_dropout=0.35, dropout=0.15)
    assert (distilbert.sequence_in_dropout, distilbert.sequence_out_dropout) == (0.0, 0.35)
    assert distilbert.token_dropout == 0.15
    assert translated("gpt2").token_dropout == 0.1
    assert translated("gpt2", classifier_dropout=0.5).token_dropout == 0.5
    assert translated("llama", hidden_dropout=0.6).token_dropout == 0.6


def test_rotary_positions() -> None:
    llama = translated("llama")
    assert llama.rope_theta == 500.0
    assert llama.rope_scaling == Llama3Scaling(4.0, 1.0, 4.0, 16)
    linear = translated("llama, biased, linear, tied")
    assert (linear.rope_theta, linear.rope_scaling) == (100.0, LinearScaling(3.0))
    assert (linear.head_dim, linear.qkv_bias, linear.out_bias, linear.mlp_bias) == (
        6, True, True, True,
    )  # fmt: skip
    assert translated("qwen3").rope_scaling is None


def test_windows_of_layers() -> None:
    assert translated("mistral").windows == (4, 4, 4)
    assert translated("mistral", sliding_window=None).layer_windows == (None, None, None)
    assert translated("qwen2").windows == (None, 3, 3)
    kinds = ["sliding_attention", "full_attention", "full_attention"]
    assert translated("qwen3", layer_types=kinds, use_sliding_window=True).windows == (
        4096, None, None,
    )  # fmt: skip
    assert (translated("qwen2").qkv_bias, translated("qwen2").out_bias) == (True, False)
    assert (translated("qwen3").qk_norm, translated("qwen3").qkv_bias) == (True, False)


def test_layers_of_modernbert() -> None:
    found = translated("modernbert")
    assert found.layer_windows == (None, 3, None)
    assert found.layer_thetas == (500.0, 100.0, 500.0)
    config = transformers.ModernBertConfig()
    ours = TRANSLATE["modernbert"](config)
    assert ours.layer_windows == ModernBertConfig().layer_windows
    assert ours.layer_thetas == ModernBertConfig().layer_thetas
    assert (ours.layer_windows[:4], ours.layer_thetas[:2]) == ((None, 65, 65, None), (160e3, 10e3))


def test_keys_that_transformers_does_not_declare_are_passed_over() -> None:
    assert translated("llama", qk_norm=True, windows=[1, 2, 3]) == translated("llama")
    assert translated("bert", pooler=False, embedding_size=4) == translated("bert")
    assert translated("qwen2", head_dim=12).head_dim == 12  # transformers reads this one


def rope(**keys: Any) -> dict[str, Any]:
    return {"rope_parameters": {"rope_theta": 10000.0, **keys}}


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "is_decoder": ("bert", {"is_decoder": True}),
    "add_cross_attention": ("electra", {"add_cross_attention": True}),
    "position_embedding_type": ("roberta", {"position_embedding_type": "relative_key"}),
    "hidden_act": ("bert", {"hidden_act": "quick_gelu"}),
    "inner_group_num": ("albert", {"inner_group_num": 2}),
    "sparse_prediction": ("modernbert", {"sparse_prediction": True}),
    "classifier_activation": ("modernbert", {"classifier_activation": "mish"}),
    "rope_parameters of ModernBERT": (
        "modernbert",
        {"rope_parameters": {
            "full_attention": {"rope_type": "linear", "rope_theta": 100.0, "factor": 2.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
        }},
    ),
    "activation": ("distilbert", {"activation": "mish"}),
    "activation_function": ("gpt2", {"activation_function": "laplace"}),
    "sinusoidal_pos_embds": ("distilbert", {"sinusoidal_pos_embds": True}),
    "pad_token_id": ("xlm-roberta", {"pad_token_id": None}),
    "rope_parameters": (
        "llama", rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=8),
    ),
    "rope_parameters of dynamic kind": ("qwen2", rope(rope_type="dynamic", factor=2.0)),
    "rope_parameters of longrope": (
        "llama",
        rope(rope_type="longrope", factor=2.0, short_factor=[1.0, 1.0], long_factor=[2.0, 2.0],
             original_max_position_embeddings=8),
    ),
    "rope_parameters of part of a head": ("llama", rope(partial_rotary_factor=0.5)),
    "layer_types": ("qwen3", {"layer_types": ["chunked_attention"] * 3}),
    "token_classification_bias": ("llama", {"token_classification_bias": False}),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_hfdl_has_not_is_refused_by_name(what: str) -> None:
    variant, changes = REFUSED[what]
    key = what.split()[0]
    with pytest.raises(ModelError) as caught:
        translated(variant, **changes)
    message = str(caught.value)
    family = VARIANTS[variant][0]
    assert message.startswith(f"config.json: {key}: hfdl's own {family} cannot do {key} = "), (
        message
    )
    assert message.endswith(". Run transformers' own code: model.implementation=hf")
    assert translated(variant)  # without that setting it is taken


def test_cross_attention_of_gpt2_is_refused() -> None:
    with pytest.raises(ModelError) as caught:
        translated("gpt2", add_cross_attention=True)
    assert_wording(caught.value)
