"""The commands that an error prints for folders without safetensors, or with adapters alone."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification

import hfdl
from hfdl.errors import ModelError
from hfdl.weights.resolve import find_model


def run_remedy(error: ModelError, behind: str) -> None:
    program, flag, code = shlex.split(str(error).partition(behind)[2])
    assert (program, flag) == ("python", "-c")
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["plain", "it's $here"])
@pytest.mark.parametrize("shards", [1, 2])
def test_pickled_weights_are_converted_by_what_is_printed(
    name: str, shards: int, tiny_bert: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_bert, tmp_path / name))
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    keys = sorted(weights)
    for i in range(shards):
        file = f"pytorch_model-{i}.bin" if shards > 1 else "pytorch_model.bin"
        torch.save({key: weights[key] for key in keys[i::shards]}, folder / file)
    if shards > 1:
        (folder / "pytorch_model.bin.index.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match="a pickle can run code") as caught:
        find_model(str(folder))
    run_remedy(caught.value, "once: ")
    again = load_file(folder / "model.safetensors")
    assert again.keys() == weights.keys()
    assert all(torch.equal(again[key], weights[key]) for key in keys)
    assert find_model(str(folder)) == folder


def test_adapters_alone_are_merged_by_what_is_printed(
    tiny_bert: Path, make_classifier: Callable[..., Path], tmp_path: Path
) -> None:
    peft = pytest.importorskip("peft")
    base = make_classifier(tiny_bert, num_labels=3)
    model = AutoModelForSequenceClassification.from_pretrained(base)
    settings = peft.LoraConfig(task_type="SEQ_CLS", r=2, target_modules=["query"])
    adapted = peft.get_peft_model(model, settings)
    for name, parameter in adapted.named_parameters():
        if ".lora_" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    adapted.save_pretrained(tmp_path / "adapters")
    with pytest.raises(ModelError, match="adapters alone") as caught:
        hfdl.pipeline("sentiment", model=tmp_path / "adapters")
    run_remedy(caught.value, "-merged: ")
    ours = hfdl.pipeline("sentiment", model=tmp_path / "adapters-merged")
    tokenizer = ours.tokenizer
    inputs = tokenizer("what a good film", return_tensors="pt")
    with torch.no_grad():
        expected = adapted.eval()(**inputs).logits.softmax(-1)[0]
    scores = {answer["label"]: answer["score"] for answer in ours("what a good film", top_k=None)}
    for i in range(3):
        assert scores[f"LABEL_{i}"] == pytest.approx(float(expected[i]), abs=1e-5)


DAMAGED = {
    "an empty file": ("adapter_model.safetensors", b"", "header too small"),
    "a cut file": ("adapter_model.safetensors", b"\x80\x00\x00\x00\x00\x00\x00\x00{", "header"),
    "no JSON": ("adapter_config.json", b"{", "Expecting property name"),
    "no object": ("adapter_config.json", b"[]", "'list' object"),
    "no UTF-8": ("adapter_config.json", b"\xff", "decode"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_adapters_are_a_fault_of_the_folder(damage: str, tmp_path: Path) -> None:
    name, content, reason = DAMAGED[damage]
    settings = '{"task_type": "SEQ_CLS", "base_model_name_or_path": "base"}'
    (tmp_path / "adapter_config.json").write_text(settings, encoding="utf-8")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match="adapters that cannot be read") as caught:
        find_model(str(tmp_path))
    assert reason in str(caught.value)
    assert str(caught.value.remedy) == "save them again, or download them again"
