"""Muon on every architecture: each parameter once, and the same updates in hfdl's code as in
transformers'.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import small_architectures, tiny_models
from helpers.scratch_models import VARIANTS, heads_of, hf_model
from helpers.support import reviews
from safetensors.torch import load_file
from torch import Tensor

import hfdl
from hfdl.config.schema import ModelConfig, TrainConfig
from hfdl.data.train_tokenizer import learn_bpe
from hfdl.errors import ConfigError
from hfdl.hf_models.from_config import HEADS, architectures, build_new_model
from hfdl.hf_models.load import to_scratch_model
from hfdl.training.events import Event, Updated
from hfdl.training.muon import Layout, hidden_matrices
from hfdl.training.optim import build_optimizer
from hfdl.weights.names import SCHEME

pytestmark = pytest.mark.usefixtures("without_report")

MUON = TrainConfig(optimizer="muon", learning_rate=2e-3, weight_decay=0.1)

# ---- every parameter once ------------------------------------------------------------------------

NEW = [(head, name) for head in HEADS for name in architectures(head)]
NO_MATRICES = {"hfdl://text-cnn", "hfdl://bag-of-words"}
# Matrices in two layers; those of a recurrent model of one layer, or as small_architectures says.
COUNTS = {
    "lstm": 8, "gru": 2, "rnn": 2, "word-average": 2, "albert": 6, "gpt2": 12, "transformer": 32,
    "llama": 14, "mistral": 14, "qwen2": 14, "qwen3": 14, "modernbert": 14, "decoder": 12,
    "encoder": 12,
}  # fmt: skip


def of_muon(model: Any, layer_decay: float | None = None) -> set[str]:
    """The names of Muon's parameters, after a look at the groups of all."""
    optimizer = build_optimizer(model, MUON, layer_decay)
    names = {id(p): name for name, p in model.named_parameters() if p.requires_grad}
    grouped = [names[id(p)] for group in optimizer.param_groups for p in group["params"]]
    assert sorted(grouped) == sorted(names.values())
    chosen = [p for group in optimizer.param_groups if group["use_muon"] for p in group["params"]]
    assert all(p.dim() == 2 for p in chosen)
    return {names[id(p)] for p in chosen}


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return learn_bpe(["a man sleeps on the sofa"], 270)


@pytest.mark.parametrize(("head", "name"), NEW)
def test_every_new_model_has_each_parameter_in_one_group(
    head: Any, name: str, tokenizer: Any
) -> None:
    bare = name.removeprefix(SCHEME)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    if bare in small_architectures.SIZES:
        sizes = small_architectures.sizes(head, bare)
    elif bare == "transformer":
        sizes = {
            "hidden_size": 16,
            "encoder_layers": 2,
            "decoder_layers": 2,
            "num_attention_heads": 2,
        }
    built: Any = build_new_model(head, ModelConfig(name=name, config=sizes), tokenizer)[0]
    if name in NO_MATRICES:
        with pytest.raises(ConfigError, match="no matrix of a hidden layer is trained"):
            build_optimizer(built, MUON)
        return
    found = of_muon(built)
    assert found == of_muon(built, 0.8)
    expected = 4 if head == "causal_lm" and bare in ("lstm", "gru", "rnn") else COUNTS.get(bare, 12)
    code = type(built).__module__.partition(".")[0]
    joined = {"gpt2": 8, "modernbert": 8}.get(bare) if code == "transformers" else None
    assert len(found) == (joined or expected)
    words = built.get_input_embeddings()
    assert not {n for n, p in built.named_parameters() if p is words.weight} & found
    assert not {n for n in found if "head" in n or "classifier" in n or "score" in n}


@pytest.mark.parametrize("family", tiny_models.FAMILIES)
def test_other_models_of_transformers_too(family: str) -> None:
    model = tiny_models.tiny_model(family)
    tables = {
        id(p) for m in model.modules() if isinstance(m, torch.nn.Embedding) for p in m.parameters()
    }
    own = dict(model.named_parameters())
    if family == "xlnet":  # its projections are of three dimensions: heads stand apart
        assert {name.rpartition(".ff.")[2] for name in of_muon(model)} == {
            "layer_1.weight", "layer_2.weight",
        }  # fmt: skip
        return
    found = of_muon(model)
    assert len(found) >= 6
    assert not {name for name in found if id(own[name]) in tables}
    missed = {
        name for name, p in own.items()
        if p.dim() == 2 and name not in found and id(p) not in tables and "pooler" not in name
    }  # fmt: skip
    assert {name.rpartition(".")[2] for name in missed} <= {"gate_up_proj_bias", "down_proj_bias",
                                                           "weight"}  # fmt: skip
    assert all("embed" in name for name in missed if name.endswith("weight"))


# ---- transformers' code and hfdl's ---------------------------------------------------------------

CASES = [(variant, head) for variant in VARIANTS for head in heads_of(variant)[1:3]]


@pytest.mark.parametrize(("variant", "head"), CASES)
def test_both_codes_make_the_same_updates_bit_for_bit(variant: str, head: str) -> None:
    """Whatever transformers has joined or transposed; given the same gradients."""
    theirs = hf_model(variant, head)
    ours: Any = to_scratch_model(hf_model(variant, head))
    table = ours.table
    named = dict(theirs.named_parameters(remove_duplicate=False))  # tied ones by either name
    start = {name: p.detach().clone() for name, p in named.items()}
    pairs = [(model, build_optimizer(model, MUON, 0.7)) for model in (theirs, ours)]
    for step in range(3):
        generator = torch.Generator().manual_seed(step)
        drawn: dict[str, Tensor] = {
            name: torch.randn(p.shape, generator=generator) for name, p in theirs.named_parameters()
        }
        for name, parameter in theirs.named_parameters():
            parameter.grad = drawn[name].clone()
        gradients = table.read(drawn)
        for name, parameter in ours.core.named_parameters():
            parameter.grad = gradients[name].clone()
        for _, optimizer in pairs:
            optimizer.step()
    found = table.to_hf(dict(ours.core.named_parameters()))
    layouts, checked = hidden_matrices(theirs), 0
    for row in table.rows:  # without the second name of a bias that transformers has twice
        weight = named[row.theirs]
        assert torch.equal(weight, found[row.theirs]), row
        assert not torch.equal(weight, start[row.theirs]), row
        if id(weight) in layouts:
            assert layouts[id(weight)] == Layout(row.transposed, len(row.ours))
            checked += 1
    assert checked == len(layouts) > 5


def run(folder: Path, **more: Any) -> tuple[list[float], dict[str, Tensor]]:
    """A small language model trained with it: losses, and the optimizer's state."""
    text = folder / "train.txt"
    text.write_text("\n".join(row["text"] for row in reviews(200)), encoding="utf-8")
    losses: list[float] = []

    def listen(event: Event) -> None:
        if isinstance(event, Updated):
            losses.append(event.loss)

    settings = {
        "data.train": str(text), "data.validation": str(text), "data.separator": "\n",
        "data.max_length": 32, "train.steps": 30, "train.batch_size": 8, "train.samples": [],
        "train.learning_rate": 1e-2, "train.precision": "float32", "train.optimizer": "muon",
        "model.config": {
            "vocab_size": 300, "n_layer": 2, "n_head": 2, "n_embd": 32, "n_positions": 32,
            "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0,
        },
    }  # fmt: skip
    hfdl.train("clm", {**settings, **more}, output=folder / "run", listener=listen)
    return losses, load_file(folder / "run/checkpoints/step-000030/optimizer.safetensors")


def test_a_recipe_learns_alike_in_both_codes_and_however_batches_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stepped: list[int] = []
    step = torch.optim.Muon.step

    def counted(self: Any, closure: Any = None) -> Any:
        stepped.append(sum(len(group["params"]) for group in self.param_groups))
        return step(self, closure)

    monkeypatch.setattr(torch.optim.Muon, "step", counted)
    kinds: dict[str, dict[str, Any]] = {
        "hf": {"model.implementation": "hf"},
        "hfdl": {"model.implementation": "hfdl"},
        "cut": {"model.implementation": "hfdl", "train.micro_batch_size": 3},
    }
    losses: dict[str, list[float]] = {}
    for name, more in kinds.items():
        (tmp_path / name).mkdir()
        stepped.clear()
        losses[name], state = run(tmp_path / name, **more)
        # The trial of the options, and two layers of six matrices an update.
        assert sum(stepped) == 1 + 30 * 12
        held = [key for key in state if key.endswith("|momentum_buffer")]
        assert len(held) == (8 if name == "hf" else 12)
        assert sum(key.endswith("|exp_avg") for key in state) > 10
    assert losses["hfdl"][0] > 5.0
    assert losses["hfdl"][-1] < 3.0
    # Newton-Schulz runs in bfloat16: what is rounded otherwise there
    # shows: 8e-4 was found.
    assert losses["hf"] == pytest.approx(losses["hfdl"], abs=0.005)
    assert losses["cut"] == pytest.approx(losses["hfdl"], abs=0.005)
