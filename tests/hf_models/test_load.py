"""``load_scratch``: the class by its architecture, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from helpers.scratch_models import CASES, batch, farthest, hf_model
from helpers.wording import assert_wording
from safetensors.torch import load_file, save_file

from hfdl.errors import ConfigError, ModelError
from hfdl.hf_models import HF_MODELS
from hfdl.hf_models.load import load_scratch, to_scratch_model
from hfdl.weights.pretrained import quiet_transformers


def saved(variant: str, head: str, folder: Path) -> Any:
    model = hf_model(variant, head)
    with quiet_transformers():
        model.save_pretrained(folder)
    return model


def edit_config(folder: Path, **changes: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def test_each_architecture_opens_as_its_class_and_saves_as_itself(tmp_path: Path) -> None:
    opened = set()
    for variant, head in CASES:
        folder = tmp_path / f"{variant}-{head}"
        theirs = saved(variant, head, folder)
        ours = load_scratch(str(folder))
        assert type(ours).__name__ == f"Scratch{type(theirs).__name__}"
        assert not ours.training
        with quiet_transformers():
            ours.save_pretrained(folder / "again")
            again = type(theirs).from_pretrained(folder / "again").eval()
        before, after = load_file(folder / "model.safetensors"), again.state_dict()
        # The second bias of an untied head for words is not read, and is saved like the first.
        unread = ("cls.predictions.bias", "predictions.bias") if "untied" in variant else ()
        same = [k for k in before if k not in unread]
        assert all(torch.equal(before[name], after[name]) for name in same)
        config = json.loads((folder / "again" / "config.json").read_text())
        own = json.loads((folder / "config.json").read_text())
        assert config == own
        opened.add(type(theirs).__name__)
    assert opened == set(HF_MODELS)


def test_type_and_attention(tmp_path: Path) -> None:
    theirs = saved("bert", "sequence", tmp_path)
    ours = load_scratch(str(tmp_path), dtype=torch.float64, attn_implementation="eager")
    assert ours.dtype == torch.float64
    with torch.no_grad():
        expected = theirs.double()(**batch().inputs).logits
        assert farthest(ours(**batch().inputs).logits, expected) < 1e-12
    assert load_scratch(str(tmp_path), dtype="bfloat16").dtype == torch.bfloat16
    assert load_scratch(str(tmp_path)).dtype == torch.float32
    for wrong in ("int8", "float31", torch.long):
        with pytest.raises(ConfigError, match="weights are float32, float64, bfloat16 or float16"):
            load_scratch(str(tmp_path), dtype=wrong)


def test_to_scratch_model_copies_weights_and_keeps_the_mode() -> None:
    theirs = hf_model("gpt2", "causal_lm").train()
    ours = to_scratch_model(theirs)
    assert ours.training
    assert ours.get_output_embeddings().weight is ours.get_input_embeddings().weight
    before = {name: tensor.clone() for name, tensor in theirs.state_dict().items()}
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.add_(1.0)
    assert all(torch.equal(before[name], tensor) for name, tensor in theirs.state_dict().items())
    assert ours.generation_config is not theirs.generation_config


def test_a_class_that_hfdl_has_not_is_refused(tmp_path: Path) -> None:
    config = transformers.BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8,
    )  # fmt: skip
    with quiet_transformers():
        transformers.BertForNextSentencePrediction(config).save_pretrained(tmp_path)
    with pytest.raises(ModelError) as caught:
        load_scratch(str(tmp_path))
    assert_wording(caught.value)
    with pytest.raises(ModelError, match="no code of its own for T5Model"):
        to_scratch_model(transformers.T5Model(transformers.T5Config(
            vocab_size=20, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2,
        )))  # fmt: skip


def test_a_config_without_a_class_is_refused(tmp_path: Path) -> None:
    saved("electra", "base", tmp_path)
    edit_config(tmp_path, architectures=None)
    with pytest.raises(ModelError) as caught:
        load_scratch(str(tmp_path))
    assert_wording(caught.value)


def test_weights_with_holes_are_refused(tmp_path: Path) -> None:
    saved("roberta", "token", tmp_path)
    file = tmp_path / "model.safetensors"
    tensors = load_file(file)
    head = {k: v for k, v in tensors.items() if k != "classifier.weight"}
    save_file(head, file, {"format": "pt"})
    with pytest.raises(ModelError) as caught:
        load_scratch(str(tmp_path))
    assert_wording(caught.value)
    body = {k: v for k, v in tensors.items() if "layer.1.attention.self.query" not in k}
    save_file(body, file, {"format": "pt"})
    with pytest.raises(ModelError, match=r"2 of the \d+ tensors of the model's body are not in"):
        load_scratch(str(tmp_path))


def test_a_setting_that_hfdl_has_not_is_refused(tmp_path: Path) -> None:
    saved("llama", "causal_lm", tmp_path)
    edit_config(tmp_path, rope_parameters={
        "rope_type": "yarn", "rope_theta": 500.0, "factor": 2.0,
        "original_max_position_embeddings": 16,
    })  # fmt: skip
    with pytest.raises(ModelError, match=r"cannot do rope_parameters = .*model.implementation=hf$"):
        load_scratch(str(tmp_path))


def test_no_such_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no folder"):
        load_scratch(str(tmp_path / "absent"))


def test_an_attention_that_nobody_registered_is_refused_before_anything_is_read() -> None:
    with pytest.raises(ConfigError) as caught:
        load_scratch("absent/folder", attn_implementation="eagre")
    assert_wording(caught.value)
