"""Switching live models, and the proof that a registered attention ran."""

import copy
from typing import Any

import pytest
import torch
import transformers
from helpers.attention_parity import FAMILIES, difference, pair
from helpers.tiny_models import inputs_for, tiny_config, tiny_model

from hfdl.custom_attention.calls import count_attention_calls, prove_attention
from hfdl.custom_attention.modules import check_supported
from hfdl.custom_attention.switch import use_attention
from hfdl.errors import ConfigError, ModelError
from hfdl.hf_models.load import to_scratch_model

UNPORTED = ["bloom", "deberta-v2", "falcon", "gpt_neo", "gptj", "mpt", "xlnet"]


def test_seven_inline_architectures_are_covered() -> None:
    assert len(UNPORTED) == len(set(UNPORTED)) == 7


def test_a_misspelt_name_is_found_out() -> None:
    model = tiny_model("bert")
    with pytest.raises(ConfigError, match=r"'hfdl_nunpy'\. Did you mean 'hfdl_numpy'"):
        use_attention(model, "hfdl_nunpy")
    assert model.config._attn_implementation == "eager"


@pytest.mark.parametrize("family", UNPORTED)
def test_an_architecture_that_would_ignore_it_raises(family: str) -> None:
    model = tiny_model(family)
    before = model.config._attn_implementation
    for refused in (
        lambda: use_attention(model, "hfdl"),
        lambda: check_supported(model),
        lambda: check_supported(type(model)),
        lambda: prove_attention(model, "hfdl", inputs_for(family)),
    ):
        with pytest.raises(ModelError, match=f"attention of {type(model).__name__} cannot be rep"):
            refused()
    assert model.config._attn_implementation == before


@pytest.mark.parametrize("family", FAMILIES)
def test_an_architecture_that_takes_it_is_supported(family: str) -> None:
    model = tiny_model(family)
    check_supported(model)
    check_supported(type(model))


def test_a_name_that_is_accepted_and_ignored_is_found_out() -> None:
    """DeBERTa takes attn_implementation="hfdl" without a word, and never calls it."""
    model = transformers.AutoModel.from_config(
        tiny_config("deberta-v2"), attn_implementation="hfdl"
    )
    assert model.config._attn_implementation == "hfdl"
    with pytest.raises(ModelError, match=r"computed inline in encoder\.layer\.0"):
        prove_attention(model, "hfdl", inputs_for("deberta-v2"))


def test_a_module_that_did_not_call_is_named() -> None:
    _, ours = pair("bert", "hfdl")
    with pytest.raises(ModelError, match=r"'as_they_cast' did not run in 2 of 2 .* encoder\.layer"):
        prove_attention(ours, "as_they_cast", inputs_for("bert"))
    one = ours.encoder.layer[1].attention.self
    one.config = copy.deepcopy(one.config)
    one.config._attn_implementation = "eager"
    with pytest.raises(ModelError, match=r"in 1 of 2 .* encoder\.layer\.1\.attention\.self"):
        prove_attention(ours, "hfdl", inputs_for("bert"))
    counts = prove_attention(pair("bert", "hfdl")[1], "hfdl", inputs_for("bert"))
    assert counts == {f"encoder.layer.{i}.attention.self": 1 for i in range(2)}


def test_models_of_one_config_object_are_switched_apart() -> None:
    config = tiny_config("bert")
    a, b = (transformers.AutoModel.from_config(config, attn_implementation="eager").eval()
            for _ in range(2))  # fmt: skip
    b.config = a.config
    for module in b.modules():
        if hasattr(module, "config"):
            module.config = a.config
    b.load_state_dict(a.state_dict())
    use_attention(a, "hfdl")
    assert b.config._attn_implementation == "eager"
    assert a.encoder.layer[0].attention.self.config is a.config
    assert difference("bert", b, a, inputs_for("bert")) <= 1e-6
    assert use_attention(a, "sdpa") == "hfdl"
    assert a.config._attn_implementation == "sdpa"


def test_an_encoder_decoders_three_configs_stay_apart() -> None:
    model = tiny_model("t5")
    use_attention(model, "hfdl")
    assert model.encoder.config is not model.decoder.config
    assert model.decoder.config.is_decoder
    assert not model.encoder.config.is_decoder


def test_from_pretrained(tiny_bert: Any) -> None:
    eager, ours = (
        transformers.AutoModel.from_pretrained(tiny_bert, attn_implementation=name).eval()
        for name in ("eager", "hfdl")
    )
    inputs = inputs_for("bert", "right")
    assert set(prove_attention(ours, "hfdl", inputs).values()) == {1}
    with torch.no_grad():
        off = (eager(**inputs)[0] - ours(**inputs)[0])[inputs["attention_mask"].bool()]
    assert off.abs().max() <= 1e-6


def test_under_peft() -> None:
    peft = pytest.importorskip("peft")
    model = tiny_model("llama", auto="AutoModelForCausalLM")
    inputs = inputs_for("llama", "left")
    expected = model(**inputs).logits.detach()
    wrapped = peft.get_peft_model(model, peft.LoraConfig(target_modules=["q_proj", "o_proj"]))
    use_attention(wrapped, "hfdl")
    with count_attention_calls(wrapped) as calls:
        got = wrapped.eval()(**inputs).logits
    assert calls.counts == {f"model.layers.{i}.self_attn": 1 for i in range(2)}
    real = inputs["attention_mask"].bool()
    assert (got - expected)[real].abs().max() <= 1e-5


@pytest.mark.parametrize("family", ["bert", "gpt2", "llama"])
@pytest.mark.parametrize("name", ["hfdl", "hfdl_fused", "hfdl_numpy"])
def test_a_model_of_hfdls_own_takes_registered_attention_too(family: str, name: str) -> None:
    theirs = tiny_model(family)
    ours = to_scratch_model(theirs)
    inputs = inputs_for(family)
    with torch.no_grad():
        expected = theirs(**inputs)[0]
        assert use_attention(ours, name) == "sdpa"
        counts = prove_attention(ours, name, inputs)
        found = ours(**inputs)[0]
    assert set(counts.values()) == {1}
    assert len(counts) == ours.config.num_hidden_layers
    real = inputs["attention_mask"].bool() if "attention_mask" in inputs else slice(None)
    assert (found - expected)[real].abs().max() < 1e-5
