"""hfdl's own architectures: what there is to see, to leave out and to replace in each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_architectures import sizes
from typer.testing import CliRunner

from hfdl.cli.app import app
from hfdl.config.schema import ModelConfig
from hfdl.data.train_tokenizer import learn_bpe, learn_tokenizer
from hfdl.errors import ModelError
from hfdl.hf_models.own_architectures import OWN
from hfdl.hf_models.saved import open_model
from hfdl.interpret.ablate import ablate_heads
from hfdl.interpret.activation_sites import attention_output, mlp_output, residual
from hfdl.interpret.attention_view import attention_view
from hfdl.interpret.inputs import open_with_tokenizer
from hfdl.interpret.patch import patch, record
from hfdl.interpret.sites import attention_sites
from hfdl.tasks.new_model import NewModel

TEXTS = ["a man sleeps on the sofa", "two", "a dog and a cat run"]
LAYERS = {"encoder": 2, "decoder": 3, "cross": 3}
TRANSFORMER = {
    "hidden_size": 16, "encoder_layers": 2, "decoder_layers": 3, "num_attention_heads": 2,
    "intermediate_size": 32, "tie_word_embeddings": False,
}  # fmt: skip
STACKS = ("encoder", "decoder")
STACK = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
    "position_embedding_type": "alibi",
}  # fmt: skip
EVERY = [
    (name, head)
    for name, architecture in OWN.items()
    for head in architecture.heads
    if head != "base"
]


def saved(name: str, head: Any, folder: Path) -> Path:
    torch.manual_seed(0)
    is_transformer = head == "seq2seq"
    task = "causal_lm" if head == "causal_lm" else "other"
    config = TRANSFORMER if is_transformer else STACK if name in STACKS else sizes(task, name)
    new = NewModel(head, ModelConfig(name=f"hfdl://{name}", config=config))
    new.tokenizer = (
        learn_bpe(TEXTS, 290) if is_transformer else learn_tokenizer("words", TEXTS, 50, masks=True)
    )
    model: Any = new.build()[0]
    model.save_pretrained(folder)
    new.tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved("transformer", "seq2seq", tmp_path_factory.mktemp("translator"))


def command(folder: Path, output: Path, *options: str) -> Any:
    return CliRunner().invoke(
        app, ["attention", str(folder), TEXTS[0], "--output", str(output), *options]
    )


@pytest.mark.parametrize(("name", "head"), EVERY)
def test_attention_is_shown_or_said_not_to_be_there(name: str, head: str, tmp_path: Path) -> None:
    folder = saved(name, head, tmp_path)
    assert type(open_model(folder)) is OWN[name].heads[head]  # type: ignore[index]
    result = command(folder, tmp_path / "a.html")
    if head == "seq2seq" or name in STACKS:
        assert result.exit_code == 0, result.output
        assert (tmp_path / "a.html").is_file()
        return
    assert isinstance(result.exception, ModelError) or result.exit_code == 2
    with pytest.raises(ModelError, match="has no attention to show; recurrent and convolutional"):
        attention_view(folder, TEXTS[0])
    assert not (tmp_path / "a.html").exists()


@pytest.mark.parametrize(("name", "head"), EVERY)
def test_there_is_nothing_to_verify_them_by(name: str, head: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["verify", str(saved(name, head, tmp_path))])
    assert isinstance(result.exception, ModelError)
    expected = f"transformers has no counterpart of {OWN[name].heads[head].__name__}"  # type: ignore[index]
    assert expected in str(result.exception)


def test_there_are_as_many_as_there_are() -> None:
    assert len(EVERY) == 19


@pytest.mark.parametrize("target", [None, "two dogs run"])
def test_all_three_kinds_of_a_translators_attention(translator: Path, target: str | None) -> None:
    view = attention_view(translator, TEXTS[0], target=target)
    assert list(view.panels) == ["cross", "encoder", "decoder"]
    opened = open_with_tokenizer(translator)
    ids = opened.tokenizer(TEXTS[0], return_tensors="pt")
    inputs = {name: ids[name] for name in ("input_ids", "attention_mask")}
    if target is None:
        read = opened.model.generate(**inputs, do_sample=False, max_new_tokens=64)[:, :-1]
    else:
        read = torch.tensor([[1, *opened.tokenizer(target)["input_ids"][:-1]]])
    out = opened.model(**inputs, decoder_input_ids=read, output_attentions=True)
    expected = {
        "encoder": out.encoder_attentions, "decoder": out.decoder_attentions,
        "cross": out.cross_attentions,
    }  # fmt: skip
    for kind, panel in view.panels.items():
        assert len(panel.layers) == LAYERS[kind]
        for mine, theirs in zip(panel.layers, expected[kind], strict=True):
            np.testing.assert_allclose(mine, theirs[0].detach().numpy(), atol=1e-6)
            np.testing.assert_allclose(mine.sum(-1), 1.0, atol=1e-5)
    assert view.panels["cross"].layers[0].shape[1:] == (read.shape[1], ids["input_ids"].shape[1])


def batch(folder: Path) -> tuple[Any, dict[str, torch.Tensor]]:
    opened = open_with_tokenizer(folder)
    found = opened.tokenizer(TEXTS, return_tensors="pt", padding=True)
    inputs = {name: found[name] for name in ("input_ids", "attention_mask")}
    return opened.model, {**inputs, "decoder_input_ids": torch.tensor([[1, 5, 6]] * 3)}


def test_a_head_left_out_is_its_columns_of_the_projection_at_zero(translator: Path) -> None:
    model, inputs = batch(translator)
    whole = model(**inputs).logits
    sites = attention_sites(model)
    for site in sites:
        weight: Any = site.projection.weight
        with ablate_heads(model, {site.name: [1]}):
            found = model(**inputs).logits
        weights = weight.detach().clone()
        with torch.no_grad():
            weight[:, site.head_width :] = 0
            expected = model(**inputs).logits
            weight.copy_(weights)
        assert torch.equal(found, expected)
        assert (found - whole).abs().max() > 1e-3
    assert len(sites) == 2 + 2 * 3


def test_patching_all_of_a_layer_gives_the_other_texts_answer(translator: Path) -> None:
    model, inputs = batch(translator)
    other = {**inputs, "input_ids": inputs["input_ids"].flip(0)}
    other["attention_mask"] = inputs["attention_mask"].flip(0)
    changed = 0
    for place in (residual, attention_output, mlp_output):
        for layer in ("core.encoder.layers.1", "core.decoder.layers.2.cross_attention"):
            key = place(model, layer)
            clean = record(model, [key], inputs)
            before = model(**other).logits
            with patch(model, clean):
                found = model(**other).logits
            changed += not torch.equal(found, before)
            if place is residual and "decoder" in layer:
                torch.testing.assert_close(found, model(**inputs).logits)
    assert changed == 6


def test_a_patch_counts_an_encoders_positions_anew_in_each_generation(translator: Path) -> None:
    model, inputs = batch(translator)
    sources = {name: inputs[name] for name in ("input_ids", "attention_mask")}
    key = residual(model, "core.encoder.layers.1")
    clean = record(model, [key], inputs)
    same = {name: value.flip(0) for name, value in sources.items()}
    with patch(model, clean):
        first, second = (model.generate(**same, max_new_tokens=8, do_sample=False) for _ in "ab")
    assert torch.equal(first, second)
