"""Every parameter of many architectures has its place: embeddings, a layer, or above."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from helpers.scratch_models import CASES, hf_model
from helpers.tiny_models import FAMILIES, lm_class, tiny_model
from torch import nn

from hfdl.hf_models.encoder_decoder import (
    ScratchTransformerConfig,
    ScratchTransformerForConditionalGeneration,
)
from hfdl.hf_models.load import hf_class_of
from hfdl.tuning.layers import body_names, layer_count, own_names, positions

# Parameters by depth, and how many of them are the body's, counted by hand from their names.
COUNTS: dict[str, tuple[dict[int, int], int]] = {
    "albert": ({0: 7, 1: 16, 2: 5}, 23),  # one layer, run twice
    "bart": ({0: 7, 1: 42, 2: 42}, 91),  # its head is its embedding
    "bert": ({0: 5, 1: 16, 2: 16, 3: 5}, 37),
    "bloom": ({0: 3, 1: 12, 2: 12, 3: 2}, 29),
    "deberta-v2": ({0: 4, 1: 16, 2: 16}, 36),
    "distilbert": ({0: 4, 1: 16, 2: 16, 3: 5}, 36),
    "electra": ({0: 7, 1: 16, 2: 16, 3: 5}, 39),
    "falcon": ({0: 1, 1: 6, 2: 6, 3: 2}, 15),
    "gemma2": ({0: 1, 1: 11, 2: 11, 3: 1}, 24),
    "gpt2": ({0: 2, 1: 12, 2: 12, 3: 2}, 28),
    "gpt_neo": ({0: 2, 1: 13, 2: 13, 3: 2}, 30),
    "gpt_oss": ({0: 1, 1: 17, 2: 17, 3: 2}, 36),  # experts are part of their layer
    "gptj": ({0: 1, 1: 10, 2: 10, 3: 4}, 23),
    "llama": ({0: 1, 1: 9, 2: 9, 3: 2}, 20),
    "mistral": ({0: 1, 1: 9, 2: 9, 3: 2}, 20),
    "modernbert": ({0: 2, 1: 5, 2: 6, 3: 4}, 14),
    "mpt": ({0: 1, 1: 6, 2: 6, 3: 1}, 14),
    "opt": ({0: 2, 1: 16, 2: 16, 3: 2}, 36),  # its final norm is registered before its layers
    "phi3": ({0: 1, 1: 6, 2: 6, 3: 2}, 14),
    "qwen2": ({0: 1, 1: 12, 2: 12, 3: 2}, 26),
    "qwen3": ({0: 1, 1: 11, 2: 11, 3: 2}, 24),
    "roberta": ({0: 5, 1: 16, 2: 16, 3: 5}, 37),
    "t5": ({0: 1, 1: 23, 2: 21, 3: 2}, 47),
    "xlnet": ({0: 2, 1: 17, 2: 17, 3: 1}, 36),
}


def test_the_table_covers_every_family() -> None:
    assert sorted(COUNTS) == sorted(FAMILIES)
    assert len(COUNTS) == 24


@pytest.mark.parametrize("family", sorted(COUNTS))
def test_every_parameter_of_transformers_families_has_its_depth(family: str) -> None:
    model = tiny_model(family, auto="AutoModel" if family == "deberta-v2" else lm_class(family))
    found = depths(model)
    assert list(found) == [name for name, _ in model.named_parameters()]
    counts, body = COUNTS[family]
    assert dict(sorted(Counter(found.values()).items())) == counts
    assert len(body_names(model)) == body
    assert layer_count(model) == (1 if family == "albert" else 2)


def depths(model: nn.Module) -> dict[str, int]:
    return {name: at.depth for name, at in positions(model).items()}


def by_depth(model: nn.Module, names: list[str]) -> list[int]:
    found = depths(model)
    return [found[name] for name in names]


def test_what_stands_where_in_bert() -> None:
    model = tiny_model("bert", auto="AutoModelForSequenceClassification", num_hidden_layers=6)
    names = [
        "bert.embeddings.word_embeddings.weight", "bert.embeddings.LayerNorm.bias",
        "bert.encoder.layer.0.attention.self.query.weight",
        "bert.encoder.layer.5.output.dense.bias",
        "bert.pooler.dense.weight", "classifier.bias",
    ]  # fmt: skip
    assert by_depth(model, names) == [0, 0, 1, 6, 7, 7]


def test_encoder_and_decoder_are_counted_each_from_its_own_input() -> None:
    model = tiny_model("bart", auto="AutoModelForSeq2SeqLM", encoder_layers=4, decoder_layers=2)
    tops = {name: (at.depth, at.top) for name, at in positions(model).items()}
    assert tops["model.encoder.layers.3.fc1.weight"] == (4, 5)
    assert tops["model.decoder.layers.1.fc1.weight"] == (2, 3)
    assert tops["model.decoder.embed_positions.weight"] == (0, 3)
    assert tops["model.shared.weight"] == (0, 5)


def test_a_head_that_is_an_embedding_or_a_list_is_still_the_head() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.base_model = nn.ModuleDict({
                "embed": nn.Embedding(3, 2), "layers": nn.ModuleList([nn.Linear(2, 2)]),
            })  # fmt: skip
            self.embed_out = nn.Linear(2, 3)
            self.score = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))

    found = depths(Model())
    assert found["base_model.embed.weight"] == 0
    assert found["base_model.layers.0.bias"] == 1
    assert {found[name] for name in found if not name.startswith("base_model")} == {2}


def test_what_leads_from_the_embeddings_to_the_first_layer_is_at_the_input() -> None:
    opt = depths(tiny_model("opt", auto="AutoModelForCausalLM", word_embed_proj_dim=8))
    assert opt["model.decoder.project_in.weight"] == 0
    assert opt["model.decoder.project_out.weight"] == 3
    deberta = depths(tiny_model("deberta-v2", relative_attention=True, norm_rel_ebd="layer_norm"))
    assert {deberta[f"encoder.{end}"] for end in ("LayerNorm.bias", "rel_embeddings.weight")} == {0}


def test_a_model_without_layers_is_all_head() -> None:
    assert set(depths(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))).values()) == {1}


# ---- hfdl's own models ---------------------------------------------------------------------------


@pytest.mark.parametrize(("variant", "head"), CASES)
def test_wrapped_models_agree_with_the_models_they_stand_for(variant: str, head: str) -> None:
    """Each tensor of ours has the depth of that of theirs which holds it."""
    hf = hf_model(variant, head)
    theirs = depths(hf)
    wrapped = hf_class_of(hf).from_hf(hf_model(variant, head))
    ours = depths(wrapped)
    compared = 0
    for row in wrapped.table.rows:
        if row.theirs not in theirs:  # the second name of a tied tensor
            continue
        for name in row.ours:
            if f"core.{name}" in ours:
                assert ours[f"core.{name}"] == theirs[row.theirs], name
                compared += 1
    assert compared >= len(ours) - 2  # decoders that transformers names twice
    assert set(ours.values()) >= {0, 1, 2}


def test_the_wrapped_models_are_many() -> None:
    assert len(CASES) >= 40


def test_new_weights_are_named_as_the_wrapped_model_names_them() -> None:
    model = hf_model("bert", "sequence")
    wrapped = hf_class_of(model).from_hf(model)
    fresh = ["classifier.weight", "classifier.bias"]
    assert own_names(wrapped, fresh) == {"core.head.out.weight", "core.head.out.bias"}
    own = [name for name, _ in wrapped.named_parameters()]
    assert body_names(wrapped, fresh) == [
        name for name in own if not name.startswith("core.head.out")
    ]
    # The pooler is pretrained: a part of the body, though it stands in our head.
    assert "core.head.dense.weight" in body_names(wrapped, fresh)
    assert not [name for name in body_names(wrapped) if name.startswith("core.head")]


def test_the_encoder_decoder_of_our_own() -> None:
    torch.manual_seed(0)
    model = ScratchTransformerForConditionalGeneration(ScratchTransformerConfig(
        vocab_size=30, hidden_size=8, encoder_layers=3, decoder_layers=2, num_attention_heads=2,
        intermediate_size=8, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        decoder_start_token_id=1, tie_word_embeddings=False,
    ))  # fmt: skip
    found = positions(model)
    assert found["core.encoder.layers.2.attention.q_proj.weight"].depth == 3
    assert found["core.encoder.layers.2.attention.q_proj.weight"].top == 4
    assert found["core.decoder.layers.1.attention.q_proj.weight"].top == 3
    assert found["core.decoder.embeddings.tokens.weight"].depth == 0
    assert found["core.head.decoder.weight"].depth == found["core.head.decoder.weight"].top == 4
    assert "core.head.decoder.weight" not in body_names(model)
    assert len(body_names(model)) == len(found) - 1
