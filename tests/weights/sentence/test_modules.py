"""What hfdl reads of sentence-transformers' files, and what it refuses in them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from helpers.sentence_models import dense, save_sentence_model, write_json
from helpers.wording import assert_wording
from safetensors.torch import save_file

from hfdl.errors import ModelError
from hfdl.weights.sentence.modules import read_sentence_modules

SETTINGS = {"prompts": {"query": "q: ", "none": None}, "default_prompt_name": "query"}


@pytest.fixture
def model(tiny_bert: Path, tmp_path: Path) -> Path:
    return save_sentence_model(
        tmp_path / "m", tiny_bert, layers=[dense(32, 8), ("Normalize", None, None)],
        reading={"max_seq_length": 9, "do_lower_case": True}, settings=SETTINGS,
    )  # fmt: skip


def change(folder: Path, name: str, **fields: object) -> None:
    """Set keys of a JSON file; None leaves a key out."""
    file = folder / name
    value = json.loads(file.read_text()) if file.is_file() else {}
    write_json(file, {k: v for k, v in {**value, **fields}.items() if v is not ...})


def test_what_the_files_say(model: Path) -> None:
    found = read_sentence_modules(model)
    assert found is not None
    assert (found.max_seq_length, found.do_lower_case) == (9, True)
    assert found.prompts == {"query": "q: ", "none": ""}
    assert found.default_prompt_name == "query"
    assert (found.similarity, found.truncate_dim, found.transformer) == ("cosine", None, "")
    names = [type(layer).__name__ for layer in found.head.layers]
    assert names == ["SentenceDense", "UnitLength"]
    weight = dense(32, 8)[2]["linear.weight"]
    assert torch.equal(found.head.state_dict()["layers.0.linear.weight"], weight)


def test_a_folder_without_modules_json_says_nothing(tiny_bert: Path) -> None:
    assert read_sentence_modules(tiny_bert) is None


def edit_modules(folder: Path, number: int, **fields: str) -> None:
    modules = json.loads((folder / "modules.json").read_text())
    modules[number].update(fields)
    write_json(folder / "modules.json", modules)


POOLING, DENSE = "1_Pooling/config.json", "2_Dense/config.json"
MODEL = "config_sentence_transformers.json"
BREAK: dict[str, Callable[[Path], object]] = {
    "modules.json is no JSON": lambda f: (f / "modules.json").write_text("[{"),
    "modules.json is an object": lambda f: write_json(f / "modules.json", {}),
    "modules.json is empty": lambda f: write_json(f / "modules.json", []),
    "a step without a type": lambda f: write_json(f / "modules.json", [{"path": ""}]),
    "code of its own": lambda f: edit_modules(f, 0, type="my_code.Transformer"),
    "a path out of the folder": lambda f: edit_modules(f, 2, path="../2_Dense"),
    "an absolute path": lambda f: edit_modules(f, 1, path="/etc"),
    "another first step": lambda f: edit_modules(f, 0, type="sentence_transformers.models.BoW"),
    "another layer": lambda f: edit_modules(f, 2, type="sentence_transformers.models.CNN"),
    "no config of the pooling": lambda f: (f / POOLING).unlink(),
    "an unknown switch": lambda f: change(f, POOLING, pooling_mode_median_tokens=True),
    "an unknown pooling": lambda f: change(f, POOLING, pooling_mode="median"),
    "one unknown of several": lambda f: change(f, POOLING, pooling_mode=["cls", "median"]),
    "an unknown activation": lambda f: change(f, DENSE, activation_function="my_code.Swish"),
    "a function of torch": lambda f: change(f, DENSE, activation_function="torch.save"),
    "an activation of two inputs": lambda f: change(
        f, DENSE, activation_function="torch.nn.modules.activation.MultiheadAttention"
    ),
    "a layer of tokens": lambda f: change(f, DENSE, module_input_name="token_embeddings"),
    "a dense layer without sizes": lambda f: change(f, DENSE, in_features=...),
    "other sizes than the weights": lambda f: change(f, DENSE, out_features=9),
    "a residual without weights": lambda f: change(f, DENSE, use_residual=True),
    "no weights": lambda f: (f / "2_Dense" / "model.safetensors").unlink(),
    "a pickle": lambda f: (f / "2_Dense" / "model.safetensors").rename(
        f / "2_Dense" / "pytorch_model.bin"
    ),
    "weights that are none": lambda f: (f / "2_Dense" / "model.safetensors").write_text("no"),
    "a length of 0": lambda f: change(f, "sentence_bert_config.json", max_seq_length=0),
    "a length in words": lambda f: change(f, "sentence_bert_config.json", max_seq_length="all"),
    "another task": lambda f: change(f, "sentence_bert_config.json", transformer_task="fill-mask"),
    "a cross-encoder": lambda f: change(f, MODEL, model_type="CrossEncoder"),
    "another similarity": lambda f: change(f, MODEL, similarity_fn_name="maxsim"),
    "a default prompt that is none": lambda f: change(f, MODEL, default_prompt_name="passage"),
}


@pytest.mark.parametrize("case", BREAK)
def test_what_cannot_be_read_is_refused(model: Path, case: str) -> None:
    BREAK[case](model)
    with pytest.raises(ModelError) as caught:
        read_sentence_modules(model)
    assert_wording(caught.value)
    assert len(BREAK) == 29


@pytest.mark.parametrize("kind", ["roberta", "xlm-roberta"])
def test_older_names_of_the_file_of_the_transformer(model: Path, kind: str) -> None:
    shutil.move(model / "sentence_bert_config.json", model / f"sentence_{kind}_config.json")
    found = read_sentence_modules(model)
    assert found is not None
    assert found.max_seq_length == 9


def test_unused_weights_are_refused(model: Path) -> None:
    weights = {**dense(32, 8)[2], "extra": torch.zeros(1)}
    save_file(weights, model / "2_Dense" / "model.safetensors")
    with pytest.raises(ModelError, match="the weights do not fit"):
        read_sentence_modules(model)
