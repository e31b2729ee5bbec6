"""Captured attention against what Hugging Face's own explicit attention answers with."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from hfdl.errors import ConfigError, ModelError
from hfdl.interpret.capture import AttentionMaps, capture_attention
from hfdl.interpret.views.panel import head_divergences, jensen_shannon

IDS = {"vocab_size": 40, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
BERT = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 32}  # fmt: skip
BART = {"d_model": 16, "encoder_layers": 2, "decoder_layers": 3, "encoder_attention_heads": 4,
        "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32,
        "decoder_start_token_id": 2}  # fmt: skip
# family -> sizes; the second tuple cannot switch their attention and always compute it openly.
SIZES: dict[str, dict[str, Any]] = {
    "Albert": {**BERT, "embedding_size": 8},
    "Bert": BERT,
    "DistilBert": {"dim": 16, "n_layers": 2, "n_heads": 4, "hidden_dim": 32},
    "GPT2": {"n_embd": 16, "n_layer": 2, "n_head": 4},
    "Llama": {**BERT, "num_key_value_heads": 2},
    "ModernBert": {**BERT, "local_attention": 4, "cls_token_id": 1, "sep_token_id": 2},
    "T5": {"d_model": 16, "d_kv": 4, "d_ff": 32, "num_layers": 2, "num_decoder_layers": 3,
           "num_heads": 4, "decoder_start_token_id": 0},
    "Bart": BART,
    "Marian": BART,
    "DebertaV2": BERT,
    "MPNet": BERT,
    "Bloom": {"hidden_size": 16, "n_layer": 2, "n_head": 4},
}  # fmt: skip
UNPORTED = ("DebertaV2", "MPNet", "Bloom")
KINDS = {"Albert": {"encoder"}, "Bert": {"encoder"}, "DistilBert": {"encoder"},
         "ModernBert": {"encoder"}, "DebertaV2": {"encoder"}, "MPNet": {"encoder"},
         "GPT2": {"decoder"}, "Llama": {"decoder"}, "Bloom": {"decoder"}}  # fmt: skip
FAMILIES = sorted(SIZES)
PORTED = [name for name in FAMILIES if name not in UNPORTED]
RIGHT = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0]])


def build(family: str, seed: int = 0, **options: Any) -> Any:
    torch.manual_seed(seed)
    config = getattr(transformers, f"{family}Config")(**IDS, **SIZES[family])
    config.initializer_range = 0.8  # fresh weights attend to all alike, and hide mistakes
    return getattr(transformers, f"{family}Model")._from_config(config, **options).eval()


def batch(family: str, mask: torch.Tensor = RIGHT) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    ids = torch.randint(3, 40, mask.shape) * mask
    inputs = {"input_ids": ids, "attention_mask": mask}
    if SIZES[family].get("decoder_start_token_id") is not None:
        target_mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]])
        inputs["decoder_input_ids"] = torch.randint(3, 40, target_mask.shape) * target_mask
        inputs["decoder_attention_mask"] = target_mask
    return inputs


def explicit(model: Any, inputs: dict[str, torch.Tensor]) -> dict[str, Any]:
    """The maps of Hugging Face's eager attention, from a model of its own."""
    config = copy.deepcopy(model.config)
    other = type(model)._from_config(config, attn_implementation="eager").eval()
    other.load_state_dict(model.state_dict())
    with torch.no_grad():
        output = other(**inputs, output_attentions=True)
    names = {"decoder": "decoder_attentions", "encoder": "encoder_attentions"}
    if "encoder_attentions" in output:
        return {**{k: output[n] for k, n in names.items()}, "cross": output.cross_attentions}
    return {"only": output.attentions}


@pytest.mark.parametrize("family", FAMILIES)
def test_maps_are_those_of_explicit_attention(family: str) -> None:
    model, inputs = build(family), batch(family)
    before = model.config._attn_implementation
    assert before == ("eager" if family in UNPORTED else "sdpa")
    texts = capture_attention(model, inputs)
    wanted = explicit(model, inputs)
    assert len(texts) == 3
    compared = 0
    for row, maps in enumerate(texts):
        assert set(maps) == KINDS.get(family, {"encoder", "decoder", "cross"})
        for kind, found in maps.items():
            layers = wanted.get(kind) or wanted["only"]
            assert len(found.layers) == len(layers) >= 2
            for ours, theirs in zip(found.layers, layers, strict=True):
                t, s = len(found.tokens), len(found.sources)
                np.testing.assert_array_equal(ours, theirs[row, :, :t, :s].numpy())
                np.testing.assert_allclose(ours.sum(-1), 1, atol=1e-6)
                compared += 1
    assert compared == 3 * sum(len(layers) for layers in wanted.values())
    assert model.config._attn_implementation == before


def test_a_fused_model_answers_with_nothing_unless_it_is_switched() -> None:
    """The guard of the test above: without the switch there would be no maps to compare."""
    for family in PORTED:
        with torch.no_grad():
            output = build(family)(**batch(family), output_attentions=True)
        names = [name for name in output if name.endswith("attentions")]
        assert names
        assert all(len(output[name]) == 0 for name in names)
    assert len(PORTED) == 9


def test_padding_is_taken_out_of_both_axes() -> None:
    model, inputs = build("T5"), batch("T5")
    second = capture_attention(model, inputs)[1]
    assert second["encoder"].tokens == tuple(inputs["input_ids"][1, :3].tolist())
    assert second["cross"].tokens == tuple(inputs["decoder_input_ids"][1, :2].tolist())
    assert second["cross"].sources == second["encoder"].tokens
    shapes = {kind: {layer.shape for layer in maps.layers} for kind, maps in second.items()}
    assert shapes == {"encoder": {(4, 3, 3)}, "decoder": {(4, 2, 2)}, "cross": {(4, 2, 3)}}


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("family", ["GPT2", "Llama"])
def test_a_padded_text_has_the_maps_of_the_text_alone(family: str, side: str) -> None:
    model = build(family)
    ids = torch.tensor([[5, 6, 7]])
    alone = capture_attention(model, {"input_ids": ids})[0]["decoder"]
    pads = torch.zeros(1, 2, dtype=torch.long)
    ones = torch.ones_like(ids)
    parts = [(pads, pads), (ids, ones)] if side == "left" else [(ids, ones), (pads, pads)]
    padded, mask = (torch.cat(column, dim=1) for column in zip(*parts, strict=True))
    inputs = {"input_ids": padded, "attention_mask": mask}
    inputs["position_ids"] = (mask.cumsum(1) - 1).clamp(min=0)
    found = capture_attention(model, inputs)[0]["decoder"]
    assert found.tokens == alone.tokens == (5, 6, 7)
    for ours, theirs in zip(found.layers, alone.layers, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_everything_is_afterwards_as_it_was() -> None:
    model = build("T5")
    model.train()
    model.encoder.eval()
    model.decoder.config._attn_implementation_internal = "eager"
    capture_attention(model, batch("T5"))
    found = [part.config._attn_implementation for part in (model, model.encoder, model.decoder)]
    assert found == ["sdpa", "sdpa", "eager"]
    assert (model.training, model.encoder.training, model.decoder.training) == (True, False, True)


def test_everything_is_put_back_after_an_error() -> None:
    model = build("Bert").train()
    with pytest.raises(IndexError):
        capture_attention(model, {"input_ids": torch.tensor([[99]])})
    assert model.training
    assert model.config._attn_implementation == "sdpa"
    broken = transformers.BigBirdModel(transformers.BigBirdConfig(**IDS, **BERT))
    with pytest.raises(ModelError, match=r"^BigBirdModel: .* 0 encoder maps for 2 layers; "):
        capture_attention(broken, {"input_ids": torch.tensor([[5, 6]])})


def test_models_that_share_a_config_keep_theirs() -> None:
    config = build("Bert").config
    one, other = (transformers.BertModel(config).eval() for _ in range(2))
    assert one.config is other.config
    capture_attention(one, batch("Bert"))
    with torch.no_grad():
        assert other(**batch("Bert"), output_attentions=True).attentions == ()


def test_dropout_is_off_and_no_graph_is_kept() -> None:
    model, inputs = build("GPT2").train(), batch("GPT2")
    assert model.config.attn_pdrop > 0
    first, second = (capture_attention(model, inputs)[0]["decoder"] for _ in range(2))
    for a, b in zip(first.layers, second.layers, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("dtype", "kept"), [("float64", "float64"), ("bfloat16", "float32")])
def test_the_type_of_the_arrays(dtype: str, kept: str) -> None:
    model = build("Bert").to(getattr(torch, dtype))
    layers = capture_attention(model, batch("Bert"))[0]["encoder"].layers
    assert {str(layer.dtype) for layer in layers} == {kept}


def test_a_single_token() -> None:
    maps = capture_attention(build("Bert"), {"input_ids": torch.tensor([[5]])})[0]
    (only,) = maps.values()
    assert [layer.shape for layer in only.layers] == [(4, 1, 1)] * 2


def test_a_boolean_mask_of_who_attends_to_whom_keeps_its_meaning() -> None:
    square = torch.tril(torch.ones(3, 3))[None, None].bool()
    inputs = {"input_ids": torch.tensor([[5, 6, 7]]), "attention_mask": square}
    (causal,) = capture_attention(build("Bert"), inputs)
    assert causal["decoder"].tokens == (5, 6, 7)
    additive = (~square).float() * torch.finfo(torch.float32).min
    wanted = explicit(build("Bert"), {**inputs, "attention_mask": additive})["only"]
    for ours, theirs in zip(causal["decoder"].layers, wanted, strict=True):
        np.testing.assert_array_equal(ours, theirs[0].numpy())


@pytest.mark.parametrize("implementation", ["sdpa", "eager", "hfdl"])
@pytest.mark.parametrize("family", ["Albert", "Bert", "DistilBert", "GPT2", "Llama", "ModernBert"])
def test_a_model_from_scratch_has_the_same_maps(
    family: str, implementation: str, tmp_path: Path
) -> None:
    import hfdl.custom_attention.register  # noqa: F401  # makes the name "hfdl" known
    from hfdl.hf_models.load import load_scratch

    model, inputs = build(family), batch(family)
    model.save_pretrained(tmp_path)
    scratch = load_scratch(str(tmp_path), attn_implementation=implementation)
    assert type(scratch) is not type(model)
    compared = 0
    for ours, theirs in zip(
        capture_attention(scratch, inputs), capture_attention(model, inputs), strict=True
    ):
        assert ours.keys() == theirs.keys()
        for kind in ours:
            for a, b in zip(ours[kind].layers, theirs[kind].layers, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
                compared += 1
    assert compared == 6
    assert scratch.config._attn_implementation == implementation


def test_an_encoder_decoder_from_scratch() -> None:
    from hfdl.hf_models import encoder_decoder as transformer

    torch.manual_seed(0)
    model = transformer.ScratchTransformerForConditionalGeneration(
        transformer.ScratchTransformerConfig(
            vocab_size=40,
            hidden_size=16,
            encoder_layers=2,
            decoder_layers=3,
            num_attention_heads=4,
            intermediate_size=32,
        )
    ).eval()
    inputs = batch("T5")
    first, second, _ = capture_attention(model, inputs)
    with torch.no_grad():
        output = model(**inputs, output_attentions=True)
    assert {kind: len(maps.layers) for kind, maps in first.items()} == {
        "encoder": 2, "decoder": 3, "cross": 3,
    }  # fmt: skip
    for ours, theirs in zip(second["cross"].layers, output.cross_attentions, strict=True):
        np.testing.assert_array_equal(ours, theirs[1, :, :2, :3].numpy())
        np.testing.assert_allclose(ours.sum(-1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("family", "inputs", "message"),
    [
        ("Bert", {}, "BertModel: no input_ids among no inputs at all; a map needs the tokens"),
        ("T5", {"input_ids": RIGHT}, "T5Model: no decoder_input_ids among input_ids; a map needs"),
    ],
)
def test_missing_inputs_are_named(family: str, inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        capture_attention(build(family), inputs)


@pytest.mark.parametrize(
    ("family", "sizes", "message"),
    [
        ("Longformer", {**BERT, "attention_window": 4}, r"\(1, 4, 3, 5\) for 3 x 3 tokens"),
        ("Funnel", {"d_model": 16, "block_sizes": [1, 1], "n_head": 4, "d_head": 4,
                    "d_inner": 32}, "4 encoder maps for 2 layers"),
    ],
)  # fmt: skip
def test_attention_of_another_shape_is_refused(family: str, sizes: Any, message: str) -> None:
    config = getattr(transformers, f"{family}Config")(**IDS, **sizes)
    model = getattr(transformers, f"{family}Model")(config).eval()
    with pytest.raises(ModelError, match=message):
        capture_attention(model, {"input_ids": torch.tensor([[5, 6, 7]])})


# ---- divergence --------------------------------------------------------------------------------


def test_divergence_equals_scipy() -> None:
    from scipy.spatial.distance import jensenshannon

    generator = np.random.default_rng(0)
    p, q = generator.dirichlet(np.full(7, 0.3), (2, 3, 5))
    p[0, 0], q[0, 0] = np.eye(7)[1], np.eye(7)[2]  # zeros, and nothing in common
    expected = jensenshannon(p, q, base=2, axis=-1) ** 2
    found = jensen_shannon(p, q)
    np.testing.assert_allclose(found, expected, atol=1e-14)
    assert found[0, 0] == 1
    assert (jensen_shannon(p, p) == 0).all()
    heads = head_divergences([p[:2], p[1:]], [q[:2], q[1:]])
    np.testing.assert_allclose(heads, [expected[:2].mean(1), expected[1:].mean(1)], atol=1e-14)


def test_divergence_of_unlike_models_is_refused() -> None:
    one, other = np.ones((2, 3, 3)), np.ones((4, 3, 3))
    message = "1 layers of 2 heads over 3 x 3 tokens and 2 layers of 4 heads over 3 x 3 tokens"
    with pytest.raises(ModelError, match=message):
        head_divergences([one], [other, other])


def test_maps_cannot_be_changed() -> None:
    maps = AttentionMaps("encoder", (1,), (1,), (np.ones((1, 1, 1)),))
    with pytest.raises(AttributeError):
        maps.kind = "cross"  # type: ignore[misc]
