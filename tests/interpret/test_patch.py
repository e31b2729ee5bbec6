"""Recording and replacing activations, against models changed by hand."""

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
from hfdl.interpret.activation_sites import (
    Place,
    attention_output,
    head_output,
    key_head,
    mlp_output,
    residual,
    value_head,
)
from hfdl.interpret.patch import patch, record
from hfdl.interpret.sites import attention_sites

FAMILIES = [*ENCODERS, *DECODERS, *ENCODER_DECODERS]
GROUPED = ["llama", "mistral", "phi3", "qwen2", "qwen3"]


def two_texts(family: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Inputs that differ in one token, at position 3 of both rows."""
    clean = inputs_for(family)
    other = {name: value.clone() for name, value in clean.items()}
    key = "decoder_input_ids" if family in ENCODER_DECODERS else "input_ids"
    other[key][:, 3] = (other[key][:, 3] + 7) % 50
    return clean, other


def run(model: Any, inputs: dict[str, Tensor]) -> Tensor:
    with torch.no_grad():
        return model(**inputs)[0]


def places(model: Any, layer: int | str) -> list[Place]:
    return [
        residual(model, layer), attention_output(model, layer), mlp_output(model, layer),
        head_output(model, layer, 1), key_head(model, layer, 1), value_head(model, layer, 1),
    ]  # fmt: skip


def last_layer(model: Any) -> str:
    """The last self-attention: of the decoder, where there are two stacks."""
    return [s.name for s in attention_sites(model) if "EncDec" not in s.name
            and "encoder_attn" not in s.name][-1]  # fmt: skip


def test_fifteen_architectures_are_covered() -> None:
    assert len(FAMILIES) == len(set(FAMILIES)) == 15


@pytest.mark.parametrize("family", [f for f in FAMILIES if f != "albert"])
def test_every_place_of_every_architecture(family: str) -> None:
    model = tiny_model(family)
    clean, other = two_texts(family)
    layer = last_layer(model)
    expected_clean, expected_other = run(model, clean), run(model, other)
    assert (expected_clean - expected_other).abs().max() > 1e-3
    for place in places(model, layer):
        if family == "opt" and place == mlp_output(model, layer):
            with pytest.raises(ShapeError, match=r"fc2 is \(18, 16\); it must be \(B, T, columns"):
                record(model, [place], clean)
            continue
        activations = record(model, [place], clean)
        with patch(model, activations):  # its own activations change nothing
            assert torch.equal(run(model, clean), expected_clean), place
            got = run(model, other)
        if place == residual(model, layer):  # nothing comes after it but the last norm
            assert torch.equal(got, expected_clean)
        else:
            assert (got - expected_other).abs().max() > 1e-5, place
            assert (got - expected_clean).abs().max() > 1e-5, place
    assert torch.equal(run(model, other), expected_other)


def test_layers_that_share_weights_run_more_than_once() -> None:
    model = tiny_model("albert")
    with pytest.raises(ModelError, match=r"albert_layers\.0\.attention\.dense runs more than once"):
        record(model, [attention_output(model, 0)], inputs_for("albert"))
    with patch(model, {attention_output(model, 0): torch.zeros(16)}):
        got = run(model, inputs_for("albert"))
    with torch.no_grad():
        dense = attention_sites(model)[0].projection
        assert isinstance(dense, nn.Linear)
        dense.weight.zero_()
        dense.bias.zero_()
    assert torch.equal(got, run(model, inputs_for("albert")))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("make", [key_head, value_head])
def test_a_zeroed_key_value_head_equals_zeroed_weights(family: str, make: Any) -> None:
    model, inputs = tiny_model(family), inputs_for(family)
    layer = last_layer(model)
    head = 1 if family in GROUPED else 3
    place = make(model, layer, head)
    width = attention_sites(model)[0].head_width
    with patch(model, {place: torch.zeros(width)}):
        got = run(model, inputs)
    assert (got - run(model, inputs)).abs().max() > 1e-4
    changed = copy.deepcopy(model)
    projection = changed.get_submodule(place.module)
    columns = slice(place.start, place.stop)
    with torch.no_grad():
        if type(projection).__name__ == "Conv1D":
            projection.weight[:, columns] = 0.0
        else:
            projection.weight[columns] = 0.0
        if projection.bias is not None:
            projection.bias[columns] = 0.0
    assert torch.equal(got, run(changed, inputs))


@pytest.mark.parametrize("family", ["gpt2", "modernbert", "phi3"])
def test_fused_projections_hold_what_the_name_says(family: str) -> None:
    """Values of head 1 zeroed: its output is zero. Keys: it attends evenly to what it may."""
    model, inputs = tiny_model(family, dtype=torch.float64), inputs_for(family)
    width = attention_sites(model)[0].head_width
    groups = 2 if family in GROUPED else 1
    kv_head = 1
    query_head = kv_head * groups
    output = head_output(model, 1, query_head)
    with patch(model, {value_head(model, 1, kv_head): torch.zeros(width)}):
        assert record(model, [output], inputs)[output].abs().max() == 0.0
    values = record(model, [value_head(model, 1, kv_head)], inputs)
    with patch(model, {key_head(model, 1, kv_head): torch.zeros(width)}):
        got = record(model, [output], inputs)[output]
    (value,) = values.values()
    if family == "modernbert":
        expected = value.mean(1, keepdim=True).expand_as(got)
    else:
        expected = value.cumsum(1) / torch.arange(1, 10).view(1, -1, 1)
    assert (got - expected).abs().max() <= 1e-6


@pytest.mark.parametrize("family", GROUPED)
def test_grouped_heads_share_what_is_patched(family: str) -> None:
    """Four query heads over two key-value heads: 0 and 1 see the first, 2 and 3 the second."""
    model, (clean, other) = tiny_model(family), two_texts(family)
    heads = [head_output(model, 1, h) for h in range(4)]
    before = record(model, heads, clean)
    for make in (key_head, value_head):
        with patch(model, record(model, [make(model, 1, 1)], other)):
            after = record(model, heads, clean)
        changed = [not torch.equal(before[h], after[h]) for h in heads]
        assert changed == [False, False, True, True]
        with pytest.raises(ConfigError, match=r"key-value head 2 does not exist .* are 0 to 1"):
            make(model, 1, 2)


@pytest.mark.parametrize("family", ["gpt2", "llama", "bert"])
def test_positions(family: str) -> None:
    model, (clean, other) = tiny_model(family), two_texts(family)
    place = residual(model, 0)
    a, b = (record(model, [place], inputs)[place] for inputs in (clean, other))
    with patch(model, {place: a}, positions=[3, 5]):
        got = run(model, other)
        mixed = record(model, [residual(model, 1)], other)
    by_hand = b.clone()
    by_hand[:, [3, 5]] = a[:, [3, 5]]
    with patch(model, {place: by_hand}):
        assert torch.equal(run(model, other), got)
        assert torch.equal(*(x[residual(model, 1)] for x in (
            mixed, record(model, [residual(model, 1)], other))))  # fmt: skip
    if family != "bert":  # what comes before a patch cannot know of it
        with patch(model, {place: torch.randn(16)}, positions=[5]):
            late = run(model, other)
        plain = run(model, other)
        assert torch.equal(late[:, :5], plain[:, :5])
        assert ((late - plain)[:, 5:].abs().amax(-1) > 1e-4).all()


def test_functions_and_one_row_for_a_batch() -> None:
    model, (clean, _) = tiny_model("gpt2"), two_texts("gpt2")
    place = mlp_output(model, 0)
    seen: list[torch.Size] = []

    def twice(x: Tensor) -> Tensor:
        seen.append(x.shape)
        return 2.0 * x

    with patch(model, {place: twice}, positions=[0, 8]):
        got = run(model, clean)
    assert seen == [(2, 2, 16)]
    own = record(model, [place], clean)[place]
    own[:, [0, 8]] *= 2.0
    with patch(model, {place: own}):
        assert torch.equal(run(model, clean), got)
    with patch(model, {place: own[:1]}):
        first = run(model, clean)
    with patch(model, {place: own[:1].repeat(2, 1, 1)}):
        assert torch.equal(run(model, clean), first)


def test_several_places_at_once() -> None:
    model, (clean, other) = tiny_model("llama"), two_texts("llama")
    every_head = [head_output(model, 1, h) for h in range(4)]
    with patch(model, record(model, every_head, clean)):
        got = run(model, other)
    whole = Place(attention_sites(model)[1].projection_name, "input")
    with patch(model, record(model, [whole], clean)):
        assert torch.equal(run(model, other), got)
    with patch(model, record(model, [attention_output(model, 1)], clean)):
        assert torch.equal(run(model, other), got)


# generate()


def generate(model: Any, prompt: dict[str, Tensor], *, cached: bool) -> tuple[Tensor, Tensor]:
    out = model.generate(
        **prompt, max_new_tokens=5, min_new_tokens=5, do_sample=False, use_cache=cached,
        pad_token_id=0, output_logits=True, return_dict_in_generate=True,
    )  # fmt: skip
    return out.sequences, torch.stack(out.logits)


@pytest.mark.parametrize("positions", [None, [3], [8, 9, 11]])
@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_generate_with_a_cache_and_without_agree(family: str, positions: Any) -> None:
    """The cache hides which positions a call is about; without it they are plain to see."""
    model = tiny_model(family, auto=lm_class(family))
    inputs = inputs_for(family, "left")
    prompt = {key: inputs[key] for key in ("input_ids", "attention_mask")}
    place = residual(model, 0)
    _, other = two_texts(family)
    if positions == [8, 9, 11]:  # the last of the prompt, and two that are generated
        value = torch.linspace(-3.0, 3.0, 16)
    else:
        value = record(model, [place], other)[place]
    with patch(model, {place: value}, positions=positions):
        cached = generate(model, prompt, cached=True)
        uncached = generate(model, prompt, cached=False)
    assert torch.equal(cached[0], uncached[0])
    assert (cached[1] - uncached[1]).abs().max() <= 2e-5
    plain = generate(model, prompt, cached=True)
    assert (plain[1][0] - cached[1][0]).abs().max() > 1e-3
    if positions == [8, 9, 11]:
        with patch(model, {place: value}, positions=[8, 9]):
            fewer = generate(model, prompt, cached=True)
        # Position 11 is first read by the step that gives the token after it.
        assert torch.equal(fewer[1][:3], cached[1][:3])
        assert (fewer[1][3] - cached[1][3]).abs().max() > 1e-3


@pytest.mark.parametrize("family", ["t5", "bart"])
def test_generate_in_an_encoder_decoder(family: str) -> None:
    model = tiny_model(family, auto=lm_class(family))
    inputs = inputs_for(family)
    prompt = {key: inputs[key] for key in ("input_ids", "attention_mask")}
    names = [site.name for site in attention_sites(model)]
    encoder = next(n for n in names if "encoder." in n)
    decoder = next(n for n in names if "decoder." in n and "EncDec" not in n)
    vector = torch.linspace(-3.0, 3.0, 16)
    for place, position in [(residual(model, encoder), 8), (residual(model, decoder), 2)]:
        plain = generate(model, prompt, cached=True)[1]
        with patch(model, {place: vector}, positions=[position]):
            cached = generate(model, prompt, cached=True)
            again = generate(model, prompt, cached=True)
            uncached = generate(model, prompt, cached=False)
        assert torch.equal(cached[0], again[0])
        assert torch.equal(cached[0], uncached[0])
        assert (cached[1] - uncached[1]).abs().max() <= 5e-5
        assert (cached[1] - plain).abs().max() > 1e-3
        if place == residual(model, decoder):
            assert torch.equal(cached[1][:2], plain[:2])


def test_a_classifier_under_peft() -> None:
    peft = pytest.importorskip("peft")
    model = tiny_model("bert", auto="AutoModelForSequenceClassification", num_labels=3)
    clean, other = two_texts("bert")
    expected = run(model, clean)
    place = residual(model, 1)
    wrapped = peft.get_peft_model(model, peft.LoraConfig(target_modules=["query", "dense"],
                                                         task_type="SEQ_CLS")).eval()  # fmt: skip
    assert residual(wrapped, 1) == place
    for given in (place, "bert.encoder.layer.1"):
        with patch(wrapped, record(wrapped, [given], clean)):
            assert (run(wrapped, other) - expected).abs().max() <= 1e-6
    assert (run(wrapped, other) - expected).abs().max() > 1e-3


# Refusals


def test_what_is_not_there() -> None:
    model = tiny_model("gpt2")
    with pytest.raises(ModelError, match=r"no module 'h\.0\.mpl'.*Did you mean 'h\.0\.mlp'\?"):
        record(model, ["h.0.mpl"], inputs_for("gpt2"))
    with pytest.raises(ConfigError, match=r"query head 4 does not exist in h\.1\.attn"):
        head_output(model, 1, 4)
    with pytest.raises(ModelError, match=r"projection to keys of h\.0\.self_attention is not"):
        key_head(tiny_model("bloom"), 0, 0)
    with pytest.raises(ModelError, match=r"0 feed-forward projections are found in layers\.1"):
        mlp_output(tiny_model("gpt_oss"), 1)
    with pytest.raises(ModelError, match="gives a BaseModelOutput"):
        record(tiny_model("bert"), ["encoder"], inputs_for("bert"))


@pytest.mark.parametrize(("value", "positions", "error", "message"), [
    (torch.zeros(2, 9, 16), [-1], ConfigError, "position -1 is negative"),
    (torch.zeros(2, 9, 16), [9], ConfigError, "position 9 is not in the tensor.* positions 0 to 8"),
    (torch.zeros(2, 12, 16), None, ShapeError, "text has 9 positions and the tensor .* 12"),
    (torch.zeros(2, 9, 15), None, ShapeError, r"is \(2, 9, 15\); it must be \(2, 9, 16\) or \(1,"),
    (torch.zeros(3, 9, 16), [1], ShapeError, r"is \(3, 1, 16\); it must be \(2, 1, 16\)"),
    (torch.zeros(15), None, ShapeError, r"is \(15,\).* or \(16,\)"),
    (lambda x: x[:, :1], None, ShapeError, r"is \(2, 1, 16\); it must be \(2, 9, 16\)$"),
    (torch.zeros(16), [9], ModelError, "ran and never came to output of h.0"),
])  # fmt: skip
def test_what_does_not_fit(
    value: Any, positions: Any, error: type[Exception], message: str
) -> None:
    model = tiny_model("gpt2")
    with pytest.raises(error, match=message):  # noqa: SIM117
        with patch(model, {"h.0": value}, positions=positions):
            run(model, inputs_for("gpt2"))
    for module in model.modules():
        assert not module._forward_pre_hooks
        assert not module._forward_hooks


def test_a_model_from_scratch() -> None:
    from hfdl.models.llama import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, intermediate_size=24,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    clean, other = two_texts("llama")
    with torch.no_grad():
        expected, before = model(**clean), model(**other)
    assert len(places(model, 0)) == 6
    for place in places(model, 1):
        with patch(model, record(model, [place], clean)), torch.no_grad():
            assert torch.equal(model(**clean), expected), place
            assert not torch.equal(model(**other), before), place
