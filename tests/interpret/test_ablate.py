"""Head ablation, against models whose output projection has the head's weights set to zero."""

import copy
from typing import Any

import pytest
import torch
from helpers.tiny_models import (
    DECODERS,
    ENCODER_DECODERS,
    ENCODERS,
    inputs_for,
    lm_class,
    tiny_model,
)
from torch import Tensor, nn

from hfdl.errors import ConfigError, ModelError, ShapeError
from hfdl.interpret.ablate import ablate_heads, mean_head_outputs
from hfdl.interpret.sites import AttentionSite, attention_site, attention_sites

# Those whose attention cannot be replaced have heads all the same.
INLINE = ["bloom", "deberta-v2", "falcon", "gpt_neo", "gptj", "mpt"]
FAMILIES = [*ENCODERS, *DECODERS, *ENCODER_DECODERS, *INLINE]


def forget_heads(site: AttentionSite, heads: list[int]) -> None:
    """Zero what the output projection reads from some heads."""
    projection = getattr(site.projection, "base_layer", site.projection)
    # GPT-2's Conv1D keeps its weight (in, out), a linear layer (out, in).
    by_input = projection.weight if type(projection).__name__ == "Conv1D" else projection.weight.T
    with torch.no_grad():
        for head in heads:
            by_input[head * site.head_width : (head + 1) * site.head_width] = 0.0


def without(model: Any, layer: int | str, heads: list[int]) -> Any:
    """A copy of the model with the heads' weights zeroed."""
    other = copy.deepcopy(model)
    forget_heads(attention_site(other, layer), heads)
    return other


def logits(model: Any, inputs: dict[str, Tensor]) -> Tensor:
    with torch.no_grad():
        return model(**inputs)[0]


def test_twentyone_architectures_are_covered() -> None:
    assert len(FAMILIES) == len(set(FAMILIES)) == 21


@pytest.mark.parametrize("family", FAMILIES)
def test_it_equals_zeroed_weights_bit_for_bit(family: str) -> None:
    model, inputs = tiny_model(family), inputs_for(family, "right")
    plain = logits(model, inputs)
    sites = attention_sites(model)
    assert len(sites) == {"albert": 1}.get(family, 6 if family in ENCODER_DECODERS else 2)
    for site in sites:
        assert site.num_heads == 4
        expected = logits(without(model, site.name, [1, 3]), inputs)
        with ablate_heads(model, {site.name: [1, 3]}):
            got = logits(model, inputs)
        assert (got - expected).abs().max() == 0.0, site.name
        assert (got - plain).abs().max() > 1e-4, site.name
    assert torch.equal(logits(model, inputs), plain)


@pytest.mark.parametrize("family", ["bert", "gpt2", "llama", "gpt_neo"])
def test_layers_by_number(family: str) -> None:
    model, inputs = tiny_model(family), inputs_for(family)
    names = [site.name for site in attention_sites(model)]
    with ablate_heads(model, {0: [0], 1: [2, 3]}):
        by_number = logits(model, inputs)
    with ablate_heads(model, {names[0]: [0], names[1]: [2, 3]}):
        assert torch.equal(logits(model, inputs), by_number)
    expected = without(without(model, 0, [0]), 1, [2, 3])
    assert torch.equal(logits(expected, inputs), by_number)


def test_a_layer_that_holds_one_attention_names_it() -> None:
    t5 = tiny_model("t5")
    found = attention_site(t5, "decoder.block.1.layer.1")
    assert found.name == "decoder.block.1.layer.1.EncDecAttention"
    assert attention_site(tiny_model("bert"), "encoder.layer.1").name.endswith("attention.self")


@pytest.mark.parametrize("family", ["gpt2", "llama", "t5", "bart"])
def test_inside_generate(family: str) -> None:
    model = tiny_model(family, auto=lm_class(family))
    inputs = inputs_for(family, "left")
    prompt = {key: inputs[key] for key in ("input_ids", "attention_mask")}
    options = {
        "max_new_tokens": 5, "min_new_tokens": 5, "do_sample": False, "pad_token_id": 0,
        "output_logits": True, "return_dict_in_generate": True,
    }  # fmt: skip
    layer = attention_sites(model)[-1].name
    expected = without(model, layer, [0, 2]).generate(**prompt, **options)
    plain = model.generate(**prompt, **options)
    with ablate_heads(model, {layer: [0, 2]}):
        got = model.generate(**prompt, **options)
    assert torch.equal(got.sequences, expected.sequences)
    assert torch.equal(torch.stack(got.logits), torch.stack(expected.logits))
    assert not torch.equal(torch.stack(got.logits), torch.stack(plain.logits))


@pytest.mark.parametrize("family", ["bert", "gpt2", "llama"])
def test_a_classifier_under_peft(family: str) -> None:
    peft = pytest.importorskip("peft")
    model = tiny_model(family, auto="AutoModelForSequenceClassification", num_labels=3,
                       pad_token_id=0)  # fmt: skip
    site = attention_site(model, 1)
    targets = [site.projection_name.split(".", 1)[1]]  # the LoRA is on what ablation hooks
    config = peft.LoraConfig(target_modules=targets, init_lora_weights=False, task_type="SEQ_CLS")
    wrapped = peft.get_peft_model(model, config).eval()
    inputs = inputs_for(family, "right")
    expected = copy.deepcopy(wrapped)
    place = attention_site(expected, 1)
    assert hasattr(place.projection, "lora_A")
    forget_heads(place, [2])
    with torch.no_grad():
        low_rank = place.projection.lora_A["default"].weight  # (r, H * K)
        low_rank[:, 2 * place.head_width : 3 * place.head_width] = 0.0
    with ablate_heads(wrapped, {1: [2]}):
        got = logits(wrapped, inputs)
    assert torch.equal(got, logits(expected, inputs))
    assert (got - logits(wrapped, inputs)).abs().max() > 1e-4


def test_gradients_pass_by_the_ablated_head() -> None:
    model = tiny_model("bert").train()
    width = attention_site(model, 1).head_width
    with ablate_heads(model, {1: [1]}):
        model(**inputs_for("bert"))[0].square().mean().backward()
    gradient = model.encoder.layer[1].attention.self.value.weight.grad
    assert gradient[width : 2 * width].abs().max() == 0.0
    assert gradient[:width].abs().max() > 0.0
    assert gradient[2 * width :].abs().max() > 0.0


def test_an_infinite_head_can_be_ablated() -> None:
    model, inputs = tiny_model("bert"), inputs_for("bert")
    with ablate_heads(model, {1: [0]}):
        expected = logits(model, inputs)
    with torch.no_grad():
        model.encoder.layer[1].attention.self.value.bias[:4] = torch.inf
    assert not logits(model, inputs).isfinite().any()
    with ablate_heads(model, {1: [0]}):
        assert torch.equal(logits(model, inputs), expected)


# Means


def read_head_outputs(model: Any, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Each projection's input, by hooks of the test's own."""
    seen: dict[str, Tensor] = {}
    handles = [
        site.projection.register_forward_pre_hook(
            lambda module, args, name=site.name: seen.update({name: args[0]})
        )
        for site in attention_sites(model)
    ]
    logits(model, inputs)
    for handle in handles:
        handle.remove()
    return seen


@pytest.mark.parametrize("family", ["bert", "llama", "t5"])
def test_means_are_of_real_tokens(family: str) -> None:
    model = tiny_model(family, dtype=torch.float64)
    batches = [inputs_for(family, "right"), inputs_for(family, "none")]
    if family == "t5":
        batches[0]["decoder_attention_mask"] = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]])
    means = mean_head_outputs(model, batches)
    assert list(means) == [site.name for site in attention_sites(model)]
    seen = [read_head_outputs(model, batch) for batch in batches]
    for name, mean in means.items():
        key = "decoder_attention_mask" if "decoder" in name else "attention_mask"
        rows = [
            row
            for batch, outputs in zip(batches, seen, strict=True)
            for i, j in batch.get(key, torch.ones(outputs[name].shape[:2])).nonzero().tolist()
            for row in [outputs[name][i, j]]
        ]
        expected = torch.stack(rows).mean(0)
        assert mean.shape == (4, len(expected) // 4)
        assert (mean.flatten() - expected).abs().max() <= 1e-12, name


def test_a_mean_takes_a_heads_place() -> None:
    model, inputs = tiny_model("gpt2", dtype=torch.float64), inputs_for("gpt2")
    means = mean_head_outputs(model, [inputs])
    with ablate_heads(model, {0: [1]}, means=means):
        seen = read_head_outputs(model, inputs)
    plain = read_head_outputs(model, inputs)
    first = seen["h.0.attn"].unflatten(-1, (4, -1))  # (B, T, H, K)
    assert torch.equal(first[:, :, 1], means["h.0.attn"][1].expand(2, 9, -1))
    others = [0, 2, 3]
    before = plain["h.0.attn"].unflatten(-1, (4, -1))
    assert torch.equal(first[:, :, others], before[:, :, others])
    assert (seen["h.1.attn"] - plain["h.1.attn"]).abs().max() > 1e-4
    # The mean of one token is that token: nothing changes.
    one = {"input_ids": inputs["input_ids"][:1, :1]}
    own = mean_head_outputs(model, [one])
    expected = logits(model, one)
    with ablate_heads(model, {0: range(4), 1: range(4)}, means=own):
        assert torch.equal(logits(model, one), expected)


# Refusals


@pytest.mark.parametrize(("heads", "error", "message"), [
    ({0: [4]}, ConfigError, r"head 4 does not exist in h\.0\.attn; its heads are 0 to 3"),
    ({0: [-1]}, ConfigError, "head -1 does not exist"),
    ({2: [0]}, ModelError, r"2 names none of the attention layers.*choose one of: h\.0\.attn, h\.1"
     .replace("choose", "Choose")),
    ({"h.7": [0]}, ModelError, "'h.7' names none"),
    ({"h": [0]}, ModelError, "'h' names several"),
    ({0: [0], "h.0": [1]}, ConfigError, r"layer h\.0\.attn is given twice"),
])  # fmt: skip
def test_heads_that_are_not_there(heads: Any, error: type[Exception], message: str) -> None:
    model = tiny_model("gpt2")
    with pytest.raises(error, match=message), ablate_heads(model, heads):
        pass
    assert_no_hooks(model)


@pytest.mark.parametrize("family", ENCODER_DECODERS)
def test_a_number_does_not_say_which_of_several_stacks(family: str) -> None:
    model = tiny_model(family)
    rule = "0 names several .*several attentions in a layer or several stacks, which are named"
    with pytest.raises(ModelError, match=rule), ablate_heads(model, {0: [0]}):
        pass


def test_an_attention_without_a_projection_module() -> None:
    model = tiny_model("xlnet")
    with pytest.raises(ModelError, match=r"output projection of layer\.0\.rel_attn \(XLNetRela"):
        attention_sites(model)
    with pytest.raises(ModelError, match="Linear has no attention layers"):
        attention_sites(nn.Linear(2, 2))


def test_torchs_own_attention_never_calls_its_projection() -> None:
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2), 1)
    with pytest.raises(ModelError, match=r"projection of layers\.0\.self_attn .* not found"):
        attention_sites(encoder)


def test_a_layer_that_did_not_run_is_told() -> None:
    model = tiny_model("t5")
    inputs = inputs_for("t5")
    encoded = model.encoder(input_ids=inputs["input_ids"])
    late = {"encoder_outputs": encoded, "decoder_input_ids": inputs["decoder_input_ids"]}
    layer = "encoder.block.0.layer.0.SelfAttention"
    with pytest.raises(ModelError, match=rf"ran and never came to {layer}\.o"):  # noqa: SIM117
        with ablate_heads(model, {layer: [0]}):
            model(**late)
    assert_no_hooks(model)


def test_means_that_do_not_fit() -> None:
    model, inputs = tiny_model("bert"), inputs_for("bert")
    name = attention_site(model, 0).name
    with pytest.raises(ConfigError, match=f"no mean for {name}"):  # noqa: SIM117
        with ablate_heads(model, {0: [0]}, means={}):
            pass
    with pytest.raises(ShapeError, match=r"is \(4, 3\); it must be \(H, K\) = \(4, 4\)"):  # noqa: SIM117
        with ablate_heads(model, {0: [0]}, means={name: torch.zeros(4, 3)}):
            model(**inputs)
    assert_no_hooks(model)


def assert_no_hooks(model: nn.Module) -> None:
    for module in model.modules():
        assert not module._forward_pre_hooks
        assert not module._forward_hooks


def test_hooks_go_when_the_body_raises() -> None:
    model = tiny_model("bert")
    with pytest.raises(KeyError), ablate_heads(model, {0: [0]}):
        raise KeyError
    assert_no_hooks(model)


@pytest.mark.parametrize("layer", [0, "backbone.layers.1"])
def test_a_model_from_scratch(layer: int | str) -> None:
    from hfdl.models.llama import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, intermediate_size=24,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    ids = inputs_for("llama")["input_ids"]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4.0 if parameter.dim() > 1 else 1.0)
        expected = without(model, layer, [1])(ids)
        with ablate_heads(model, {layer: [1]}):
            got = model(ids)
        assert torch.equal(got, expected)
        assert (got - model(ids)).abs().max() > 1e-4
