"""hfdl's PreTrainedModel classes answer as transformers' do, and transformers' tools take them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from helpers.scratch_models import (
    CASES,
    DECODERS,
    LABELS,
    LAYERS,
    LENGTH,
    LENGTHS,
    VOCABULARY,
    batch,
    farthest,
    hf_config,
    hf_model,
    model_type,
)  # fmt: skip
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

from hfdl import hf_models
from hfdl.errors import ModelError
from hfdl.hf_models import CONFIGS, HF_MODELS
from hfdl.hf_models.load import to_scratch_model
from hfdl.nn.attention import MultiHeadAttention


def pair(variant: str, head: str, **changes: Any) -> tuple[Any, Any]:
    theirs = hf_model(variant, head, **changes)
    return theirs, to_scratch_model(theirs)


def labels_for(head: str) -> torch.Tensor:
    inputs = batch()
    if head == "sequence":
        return torch.tensor([0, 2, 1, 1])
    labels = inputs.ids % (LABELS if head == "token" else VOCABULARY)
    return labels.masked_fill((inputs.mask == 0) | (inputs.ids % 3 == 0), -100)


# ---- what they answer ----------------------------------------------------------------------------


@pytest.mark.parametrize(("variant", "head"), CASES)
def test_outputs_have_the_names_and_lengths_of_transformers(variant: str, head: str) -> None:
    theirs, ours = pair(variant, head)
    inputs = batch()
    asked: dict[str, Any] = {"output_hidden_states": True, "output_attentions": True}
    if head != "base":
        asked["labels"] = labels_for(head)
    with torch.no_grad():
        expected, found = theirs(**inputs.inputs, **asked), ours(**inputs.inputs, **asked)
        as_tuple = ours(**inputs.inputs, **asked, return_dict=False)
    # An empty tuple in transformers: these models have no cross-attention.
    assert set(found) == set(expected) - {"cross_attentions"}
    assert not expected.get("cross_attentions")
    assert len(as_tuple) == len(found) >= 3
    assert len(found.hidden_states) == len(expected.hidden_states) == LAYERS + 1
    assert len(found.attentions) == len(expected.attentions) == LAYERS
    real = inputs.mask.bool()
    for a, b in zip(expected.hidden_states, found.hidden_states, strict=True):
        assert farthest(inputs.valid(a), inputs.valid(b)) < 2e-5
    for a, b in zip(expected.attentions, found.attentions, strict=True):
        # Rows of real queries; (B, H, T, S) -> (B, T, H, S) -> (N, H, S).
        assert farthest(a.transpose(1, 2)[real], b.transpose(1, 2)[real]) < 1e-5
    if head != "base":
        assert abs(float(expected.loss - found.loss)) < 1e-5


def test_hidden_states_and_attentions_by_config() -> None:
    _, ours = pair("bert", "base")
    assert "attentions" not in ours(**batch().inputs)
    ours.config.output_hidden_states = True
    assert len(ours(**batch().inputs).hidden_states) == LAYERS + 1


PROBLEMS = {
    "regression": (1, torch.tensor([0.5, -1.0, 2.0, 0.0])),
    "several numbers": (LABELS, torch.randn(4, LABELS, generator=torch.Generator().manual_seed(1))),
    "one of several": (LABELS, torch.tensor([2, 0, 1, 1])),
    "any of several": (LABELS, (torch.arange(12).view(4, LABELS) % 2).float()),
}


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("variant", ["distilbert", "gpt2", "qwen3"])
def test_loss_of_texts_by_problem_type(variant: str, problem: str) -> None:
    classes, labels = PROBLEMS[problem]
    theirs, ours = pair(variant, "sequence", num_labels=classes)
    if problem == "several numbers":
        theirs.config.problem_type = ours.config.problem_type = "regression"
    with torch.no_grad():
        expected = theirs(**batch().inputs, labels=labels).loss
        found = ours(**batch().inputs, labels=labels).loss
    assert ours.config.problem_type == theirs.config.problem_type is not None
    assert abs(float(expected - found)) < 1e-5
    assert float(found) > 0.01


@pytest.mark.parametrize("head", ["words", "sequence", "token"])
@pytest.mark.parametrize("variant", ["roberta", "gpt2", "llama"])
def test_loss_does_not_depend_on_how_a_batch_is_cut(variant: str, head: str) -> None:
    if head == "words":
        head = "masked_lm" if variant == "roberta" else "causal_lm"
    _, ours = pair(variant, head)
    inputs, labels = batch(), labels_for(head)
    counting = labels[:, 1:] if head == "causal_lm" else labels
    items = (counting != -100).sum()
    with torch.no_grad():
        whole = ours(**inputs.inputs, labels=labels).loss
        parts = [
            ours(inputs.ids[i : i + 1], inputs.mask[i : i + 1], labels=labels[i : i + 1],
                 num_items_in_batch=items).loss
            for i in range(len(LENGTHS))
        ]  # fmt: skip
    assert abs(float(sum(parts) - whole)) < 1e-5
    assert float(whole) > 0.1


def test_logits_of_the_last_positions_alone() -> None:
    _, ours = pair("gpt2", "causal_lm")
    inputs = batch("left")
    whole = ours(**inputs.inputs).logits
    assert whole.shape == (len(LENGTHS), LENGTH, VOCABULARY)
    assert torch.equal(ours(**inputs.inputs, logits_to_keep=2).logits, whole[:, -2:])
    chosen = torch.tensor([1, 5])
    assert farthest(ours(**inputs.inputs, logits_to_keep=chosen).logits, whole[:, chosen]) < 1e-6


def test_embeddings_instead_of_ids() -> None:
    for variant in ("roberta", "llama"):
        theirs, ours = pair(variant, "base")
        embeds = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(2))
        with torch.no_grad():
            expected = theirs(inputs_embeds=embeds).last_hidden_state
            found = ours(inputs_embeds=embeds).last_hidden_state
        assert farthest(expected, found) < 1e-5


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "nothing": ("bert", {}, "neither input_ids nor inputs_embeds, or both of them; a model is "
                "given exactly one of the two"),
    "both": ("gpt2", {"input_ids": torch.ones(1, 2).long(), "inputs_embeds": torch.ones(1, 2, 16)},
             "neither input_ids nor inputs_embeds, or both of them; a model is given exactly one "
             "of the two"),
    "a mask of scores": (
        "bert", {"input_ids": torch.ones(1, 2).long(), "attention_mask": torch.ones(1, 1, 2, 2)},
        "an attention_mask of shape (1, 1, 2, 2); hfdl's models take (batch, length), 1 at real "
        "tokens, and make the rest of it",
    ),
    "an encoder's output": (
        "gpt2",
        {"input_ids": torch.ones(1, 2).long(), "encoder_hidden_states": torch.ones(1, 2, 16)},
        "encoder_hidden_states is given; hfdl's model has no cross-attention",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_inputs_that_are_refused(what: str) -> None:
    variant, inputs, message = REFUSED[what]
    _, ours = pair(variant, "base")
    with pytest.raises(ModelError) as caught:
        ours(**inputs)
    assert str(caught.value) == message


def test_several_texts_without_a_padding_id_are_refused() -> None:
    _, ours = pair("gpt2", "sequence", pad_token_id=None)
    assert ours(batch().ids[:1]).logits.shape == (1, LABELS)
    with pytest.raises(ModelError, match="4 texts, and the config has no pad_token_id"):
        ours(batch().ids)


# ---- attention by name ---------------------------------------------------------------------------


def test_attention_is_switched_at_run_time() -> None:
    _, ours = pair("bert", "base")
    _, other = pair("bert", "base")
    assert ours.config._attn_implementation == "sdpa"
    ours.set_attn_implementation("eager")
    assert ours.config._attn_implementation == "eager"
    assert other.config._attn_implementation == "sdpa"
    with pytest.raises(ValueError, match="not supported"):
        ours.set_attn_implementation("no_such_attention")
    ours.config._attn_implementation = "flash_attention_2"
    with pytest.raises(ModelError, match=r"hfdl's models cannot run attn_impl.*flash_attention_2"):
        ours(**batch().inputs)


class Registered:
    """An attention function of transformers' interface that notes how it was called."""

    def __init__(self) -> None:
        self.layers: list[int] = []
        self.masks: list[Any] = []
        self.keywords: dict[str, Any] = {}

    def __call__(
        self, module: Any, q: Any, k: Any, v: Any, mask: Any, scaling: float, **keywords: Any
    ) -> Any:
        self.layers.append(module.layer_idx)
        self.masks.append(mask)
        self.keywords = keywords
        groups = q.shape[1] // k.shape[1]
        k, v = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
        scores = q @ k.transpose(2, 3) * scaling
        weights = (scores if mask is None else scores + mask).softmax(-1)
        return (weights @ v).transpose(1, 2).contiguous(), weights


@pytest.mark.parametrize("padding", ["none", "right", "left"])
@pytest.mark.parametrize("variant", ["bert", "gpt2, scaled by layer, untied", "mistral", "qwen2"])
def test_a_registered_attention_runs_in_every_layer(variant: str, padding: str) -> None:
    function, name = Registered(), "hfdl_test_hf_models"
    AttentionInterface.register(name, function)
    AttentionMaskInterface.register(name, eager_mask)
    theirs, ours = pair(variant, "base")
    inputs = batch(padding)
    ours.set_attn_implementation(name)
    with torch.no_grad():
        found = ours(**inputs.inputs, output_attentions=True, head_scale=2.0)
        expected = theirs(**inputs.inputs).last_hidden_state
    assert function.layers == list(range(LAYERS))
    assert function.keywords["head_scale"] == 2.0
    assert all(m is None or m.shape == (4, 1, LENGTH, LENGTH) for m in function.masks)
    assert len(found.attentions) == LAYERS
    assert farthest(inputs.valid(expected), inputs.valid(found.last_hidden_state)) < 1e-5


# ---- transformers' tools -------------------------------------------------------------------------


@pytest.mark.parametrize("variant", DECODERS)
def test_generate_equals_transformers(variant: str) -> None:
    theirs, ours = pair(variant, "causal_lm", eos_token_id=None)
    inputs = batch("left")
    ways: list[dict[str, Any]] = [
        {}, {"cache_implementation": "static"}, {"use_cache": False}, {"num_beams": 3},
        {"num_beams": 2, "cache_implementation": "static"},
    ]  # fmt: skip
    written = set()
    for way in ways:
        settings = {"max_new_tokens": 12, "do_sample": False, "pad_token_id": 1, **way}
        expected = theirs.generate(**inputs.inputs, **settings)
        assert torch.equal(ours.generate(**inputs.inputs, **settings), expected), way
        written |= set(expected[:, LENGTH:].flatten().tolist())
    assert len(written) > 3


def test_auto_classes_know_the_classes() -> None:
    autos = {
        "base": transformers.AutoModel, "masked_lm": transformers.AutoModelForMaskedLM,
        "causal_lm": transformers.AutoModelForCausalLM,
        "sequence": transformers.AutoModelForSequenceClassification,
        "token": transformers.AutoModelForTokenClassification,
    }  # fmt: skip
    assert len(CONFIGS) == 12
    made = 0
    for variant, head in CASES:
        kind = model_type(variant)
        own = HF_MODELS[type(hf_model(kind, head)).__name__] if kind == variant else None
        if own is None:
            continue
        keys = {k: v for k, v in hf_config(kind).to_dict().items() if k != "model_type"}
        config = transformers.AutoConfig.for_model(f"hfdl-{kind}", **keys)
        assert type(autos[head].from_config(config)) is own
        assert getattr(hf_models, f"Scratch{own.hf_name()}") is own
        made += 1
    assert made == len(HF_MODELS) == 48
    with pytest.raises(AttributeError, match="ScratchNothing"):
        _ = hf_models.ScratchNothing


def test_from_pretrained_by_class_and_by_config(tmp_path: Path) -> None:
    theirs, ours = pair("roberta", "token")
    theirs.config.id2label = {0: "O", 1: "PER", 2: "LOC"}
    theirs.save_pretrained(tmp_path)
    by_class = hf_models.ScratchRobertaForTokenClassification.from_pretrained(
        tmp_path, attn_implementation="eager"
    )
    assert by_class.config.id2label[2] == "LOC"
    assert by_class.config._attn_implementation == "eager"
    by_config, info = transformers.AutoModelForTokenClassification.from_pretrained(
        tmp_path, config=copy.deepcopy(by_class.config), output_loading_info=True
    )
    assert type(by_config) is type(by_class)
    assert not info["missing_keys"]
    assert not by_config.training
    with torch.no_grad():
        expected = ours(**batch().inputs).logits
        explicit = by_class(**batch().inputs).logits
        assert farthest(batch().valid(explicit), batch().valid(expected)) < 1e-5
        assert torch.equal(by_config(**batch().inputs).logits, expected)


def test_a_model_of_transformers_own_config_starts_with_random_weights() -> None:
    config = hf_config("bert")
    made = hf_models.ScratchBertForMaskedLM(config)
    assert made.config.model_type == "hfdl-bert"
    assert made.config is not config
    tokens = made.get_input_embeddings().weight
    assert 0.2 < float(tokens.detach().std()) < 0.4
    assert made.get_output_embeddings().weight is tokens


@pytest.mark.parametrize("variant", ["bert", "electra", "albert", "modernbert", "gpt2", "llama"])
def test_resizing_the_vocabulary(variant: str, tmp_path: Path) -> None:
    head = "causal_lm" if variant in DECODERS else "masked_lm"
    _, ours = pair(variant, head)
    before = ours(**batch().inputs).logits
    ours.resize_token_embeddings(VOCABULARY + 5)
    after = ours(**batch().inputs).logits
    assert after.shape[-1] == VOCABULARY + 5
    assert farthest(after[..., :VOCABULARY], before) < 1e-6
    tied = ours.get_output_embeddings().weight is ours.get_input_embeddings().weight
    assert tied == ours.config.tie_word_embeddings
    ours.save_pretrained(tmp_path)
    name = type(ours).hf_name()
    theirs = getattr(transformers, name).from_pretrained(tmp_path)
    assert theirs.config.vocab_size == VOCABULARY + 5
    found = theirs(**batch().inputs).logits
    assert farthest(batch().valid(found), batch().valid(after)) < 1e-5


@pytest.mark.parametrize("variant", ["distilbert", "gpt2", "mistral"])
def test_gradient_checkpointing_recomputes_and_changes_nothing(variant: str) -> None:
    _, ours = pair(variant, "token")
    runs = {}
    for checkpointing in (False, True):
        ours.zero_grad()
        if checkpointing:
            ours.activation_checkpointing_enable()
            assert ours.is_activation_checkpointing
        ours.train()
        for module in ours.modules():
            if isinstance(getattr(module, "p", None), float):
                module.p = 0.0
            if isinstance(module, MultiHeadAttention):
                module.dropout = 0.0
        calls = []
        handle = ours.backbone.layers[1].attention.register_forward_hook(
            lambda *args, calls=calls: calls.append(1)
        )
        out = ours(**batch().inputs, labels=labels_for("token"), use_cache=checkpointing)
        out.loss.backward()
        handle.remove()
        runs[checkpointing] = (
            len(calls),
            [p.grad.clone() for p in ours.parameters() if p.grad is not None],
        )
    assert (runs[False][0], runs[True][0]) == (1, 2)
    assert len(runs[True][1]) == len(runs[False][1]) > 20
    assert all(farthest(a, b) < 1e-6 for a, b in zip(runs[False][1], runs[True][1], strict=True))


@pytest.mark.parametrize("task", ["text-classification", "ner", "fill-mask", "text-generation"])
def test_pipeline(task: str, tiny_bert: Path, tiny_gpt2: Path) -> None:
    auto, folder = {
        "text-classification": ("AutoModelForSequenceClassification", tiny_bert),
        "ner": ("AutoModelForTokenClassification", tiny_bert),
        "fill-mask": ("AutoModelForMaskedLM", tiny_bert),
        "text-generation": ("AutoModelForCausalLM", tiny_gpt2),
    }[task]
    torch.manual_seed(0)
    theirs = getattr(transformers, auto).from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    text = f"a good film {tokenizer.mask_token}" if task == "fill-mask" else "a good film"
    options = {"max_new_tokens": 5, "do_sample": False} if task == "text-generation" else {}
    found, expected = (
        transformers.pipeline(task, model=model, tokenizer=tokenizer)(text, **options)
        for model in (to_scratch_model(theirs), theirs)
    )
    assert len(found) == len(expected) > 0
    for a, b in zip(found, expected, strict=True):
        assert a.keys() == b.keys()
        for key in a:
            assert a[key] == (pytest.approx(b[key], abs=1e-5) if key == "score" else b[key])


def test_state_dict_takes_both_names() -> None:
    theirs, ours = pair("gpt2", "causal_lm")
    fresh = type(ours)(ours.config)
    assert not torch.equal(fresh.core.head.decoder.weight, ours.core.head.decoder.weight)
    names = dict(theirs.state_dict())
    del names["lm_head.weight"]  # a saved file holds tied tensors once
    result = fresh.load_state_dict(names, strict=False)
    assert (result.missing_keys, result.unexpected_keys) == ([], [])
    inputs = batch().inputs
    assert torch.equal(fresh.eval()(**inputs).logits, ours(**inputs).logits)
    again = type(ours)(ours.config)
    again.load_state_dict(ours.state_dict())
    assert torch.equal(again.eval()(**inputs).logits, ours(**inputs).logits)
    with pytest.raises(ModelError, match="nonsense"):
        fresh.load_state_dict({"nonsense": torch.zeros(1)}, strict=False)
    with pytest.raises(ModelError, match="not in these weights"):
        fresh.load_state_dict({"transformer.wte.weight": names["transformer.wte.weight"]})


@pytest.mark.parametrize("variant", ["bert", "llama"])
def test_padding_is_computed_only_where_the_answer_shows_it(variant: str) -> None:
    _, ours = pair(variant, "base")
    shapes: list[tuple[int, ...]] = []
    projection = ours.backbone.layers[0].attention.q_proj
    projection.register_forward_hook(lambda m, a, out: shapes.append(tuple(out.shape[:-1])))
    right, left = batch("right"), batch("left")
    positions = torch.arange(LENGTH).expand_as(right.ids)
    packed, padded = (sum(LENGTHS),), (len(LENGTHS), LENGTH)
    ours(**right.inputs)
    ours(**left.inputs)
    ours(**batch("none").inputs)
    ours(**right.inputs, output_attentions=True)
    ours(**right.inputs, output_hidden_states=True)
    ours(**right.inputs, position_ids=positions)
    ours.set_attn_implementation("eager")
    ours(**right.inputs)
    first = packed if variant == "bert" else padded
    assert shapes == [first, *[padded] * 6]


def test_a_hole_in_the_mask_is_no_token() -> None:
    for kind in ("bert", "roberta"):
        theirs, ours = pair(kind, "base")
        inputs = batch("right")
        inputs.mask[0, 3:5] = 0
        with torch.no_grad():
            expected = theirs(**inputs.inputs).last_hidden_state
            found = ours(**inputs.inputs).last_hidden_state
        assert farthest(inputs.valid(expected), inputs.valid(found)) < 1e-5
