"""Opening a model folder: configs, tokenizers, weights, and what is refused."""

import builtins
import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from helpers.wording import assert_wording
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForSequenceClassification
from transformers.utils import logging

from hfdl.config.schema import ModelConfig
from hfdl.errors import ConfigError, ModelError
from hfdl.weights.model_config import load_config
from hfdl.weights.pretrained import build_pretrained, quiet_transformers
from hfdl.weights.saved_config import saved_class_name
from hfdl.weights.saved_tokenizer import load_tokenizer

HEAD = "AutoModelForSequenceClassification"


@pytest.fixture
def copy(tiny_bert, tmp_path):
    """A copy of the tiny model that a test may spoil."""
    return Path(shutil.copytree(tiny_bert, tmp_path / "model"))


def change_config(folder: Path, **values) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def change_weights(folder: Path, change) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, {"format": "pt"})


def build(folder: Path, sizes=None, **settings):
    return build_pretrained(HEAD, folder, ModelConfig(name=str(folder), config=sizes), **settings)


# ---- config ------------------------------------------------------------------------------------


def test_sizes_replace_those_of_the_config(tiny_bert, tiny_gpt2):
    config = load_config(tiny_bert, {"num_hidden_layers": 5, "hidden_dropout_prob": 0.0})
    assert (config.num_hidden_layers, config.hidden_dropout_prob) == (5, 0.0)
    assert load_config(tiny_bert).num_hidden_layers == 2
    # Under the common name as under GPT-2's own.
    assert load_config(tiny_gpt2, {"num_hidden_layers": 3}).n_layer == 3
    assert load_config(tiny_gpt2, {"n_layer": 3}).num_hidden_layers == 3


@pytest.mark.parametrize(
    ("name", "near"), [("num_hiden_layers", "num_hidden_layers"), ("hidden", "hidden_act")]
)
def test_an_unknown_size_names_the_nearest(tiny_bert, name, near):
    with pytest.raises(ConfigError) as caught:
        load_config(tiny_bert, {name: 3})
    assert_wording(caught.value)


def test_a_method_of_the_config_is_no_size(tiny_bert):
    with pytest.raises(ConfigError, match="bert has no size 'to_dict'"):
        load_config(tiny_bert, {"to_dict": 3})


def test_a_size_of_the_wrong_type_is_refused(tiny_bert):
    with pytest.raises(ConfigError) as caught:
        load_config(tiny_bert, {"hidden_size": "wide"})
    assert_wording(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"model_type": "bert", "id2label": ["a", "b"]}', "object has no attribute 'items'"),
        ('{"model_type": "bert", "quantization_config": [1]}', "object has no attribute"),
        ('{"model_type": "bort"}', "has model type `bort` but Transformers does not recognize"),
        ("{}", "Should have a `model_type` key"),
        ("{", "is not a valid JSON file"),
        ("null", "NoneType"),
    ],
)
def test_a_config_that_transformers_cannot_read(copy, content, said):
    path = copy / "config.json"
    path.write_text(content)
    with pytest.raises(ModelError) as caught:
        load_config(copy)
    text = str(caught.value)
    assert text.startswith(f"{path}: transformers cannot read its config: ")
    assert said in text
    assert text.endswith(
        "; model_type must be one that the installed transformers knows; code in a model folder "
        "is never run. Choose another model"
    )


def test_a_setting_of_the_wrong_type_is_named_with_what_was_expected(copy):
    (copy / "config.json").write_text('{"model_type": "bert", "hidden_size": "wide"}')
    with pytest.raises(ModelError, match="'hidden_size' expected int, got str") as caught:
        load_config(copy)
    assert "each setting is of the type" in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"problem_type": "junk"}, "problem_type cannot be 'junk'"),
        ({"id2label": {"0": {"a": 1}, "1": "b"}}, "{'a': 1} in id2label is no name of a label"),
    ],
)
def test_how_scores_are_to_be_read_is_looked_at(copy, settings, said):
    path = copy / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))
    with pytest.raises(ModelError, match=re.escape(said)):
        load_config(copy)


def test_brackets_without_end(copy):
    (copy / "config.json").write_text('{"a":' * 100_000)
    with pytest.raises(ModelError, match="not the config of a model"):
        saved_class_name(copy)


@pytest.mark.parametrize("limit", [-3, 0])
def test_a_limit_that_no_text_fits(copy, limit):
    path = copy / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_max_length": limit}))
    with pytest.raises(ModelError, match=f"model_max_length is {limit}"):
        load_tokenizer(copy)


# ---- tokenizer ---------------------------------------------------------------------------------


def test_a_tokenizer_without_a_padding_token_pads_with_its_end_token(tiny_gpt2, tiny_bert):
    tokenizer = load_tokenizer(tiny_gpt2)
    assert (tokenizer.pad_token, tokenizer.pad_token_id) == ("<|endoftext|>", 0)
    assert load_tokenizer(tiny_bert).pad_token == "[PAD]"


def test_gpt2_is_told_its_padding_token(tiny_gpt2):
    torch.manual_seed(0)
    model, fresh = build(
        tiny_gpt2, num_labels=3, pad_token_id=load_tokenizer(tiny_gpt2).pad_token_id
    )
    assert fresh == ["score.weight"]
    # Without the id transformers refuses a batch; with it padding must not change an answer.
    short, long = torch.tensor([[5, 6, 7]]), torch.tensor([[5, 6, 7, 0, 0], [8, 9, 5, 6, 7]])
    mask = (long != 0).long()
    with torch.no_grad():
        together = model.eval()(input_ids=long, attention_mask=mask).logits
        alone = model(input_ids=short).logits
    torch.testing.assert_close(together[:1], alone, atol=1e-6, rtol=1e-5)


def test_a_tokenizer_without_any_token_to_pad_with(copy):
    path = copy / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    dropped = {key for key in settings if key in ("pad_token", "unk_token", "eos_token")}
    path.write_text(json.dumps({k: v for k, v in settings.items() if k not in dropped}))
    with pytest.raises(ModelError) as caught:
        load_tokenizer(copy)
    assert_wording(caught.value)


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"added_tokens": [], "model": {"type": "Nothing"}}']
)
def test_a_damaged_tokenizer(copy, content):
    (copy / "tokenizer.json").write_text(content)
    with pytest.raises(ModelError) as caught:
        load_tokenizer(copy)
    text = str(caught.value)
    assert text.startswith(f"{copy}: transformers cannot open the tokenizer: ")
    assert text.endswith(
        "; a model folder holds tokenizer.json. Save the tokenizer into the folder"
    )


# ---- weights -----------------------------------------------------------------------------------


def test_the_body_is_loaded_and_the_head_is_fresh(tiny_bert):
    model, fresh = build(tiny_bert, num_labels=3)
    assert fresh == ["classifier.bias", "classifier.weight"]
    saved = load_file(tiny_bert / "model.safetensors")
    loaded = {k.removeprefix("bert."): v for k, v in model.named_parameters() if k not in fresh}
    assert set(loaded) == {name for name in saved if "position_ids" not in name}
    assert len(loaded) == 39
    assert all(torch.equal(tensor, saved[name]) for name, tensor in loaded.items())


def test_a_head_for_other_labels_is_replaced(tiny_bert, tmp_path):
    with_head = AutoModelForSequenceClassification.from_pretrained(tiny_bert, num_labels=2)
    with_head.save_pretrained(tmp_path)
    model, fresh = build(tmp_path, num_labels=2)
    assert fresh == []
    assert torch.equal(model.classifier.weight, with_head.classifier.weight)
    model, fresh = build(tmp_path, num_labels=5)
    assert fresh == ["classifier.bias", "classifier.weight"]
    assert model.classifier.weight.shape == (5, 32)


def test_settings_reach_the_config(tiny_bert):
    settings = {"num_labels": 2, "id2label": {0: "no", 1: "yes"}, "label2id": {"no": 0, "yes": 1}}
    model, _ = build(tiny_bert, **settings, problem_type="single_label_classification")
    assert {key: getattr(model.config, key) for key in settings} == settings
    assert model.config.problem_type == "single_label_classification"


def test_dtype_is_that_of_the_stored_weights(tiny_bert):
    for sizes in (None, {"num_hidden_layers": 1}):
        section = ModelConfig(name="x", dtype="float64", config=sizes)
        model, _ = build_pretrained(HEAD, tiny_bert, section)
        assert {p.dtype for p in model.parameters()} == {torch.float64}


def test_from_scratch_every_parameter_is_fresh(tiny_bert):
    torch.manual_seed(0)
    model, fresh = build(tiny_bert, {"num_hidden_layers": 1})
    assert fresh == [name for name, _ in model.named_parameters()]
    assert len(model.bert.encoder.layer) == 1
    saved = load_file(tiny_bert / "model.safetensors")
    words = model.bert.embeddings.word_embeddings.weight
    assert not torch.equal(words, saved["embeddings.word_embeddings.weight"])


def test_sizes_that_do_not_fit_each_other_are_refused(tiny_bert):
    with pytest.raises(ConfigError) as caught:
        build(tiny_bert, {"num_attention_heads": 5})
    assert_wording(caught.value)


def test_a_padding_id_outside_the_vocabulary_is_refused(tiny_bert):
    with pytest.raises(ConfigError, match=r"^model.config: .* Padding_idx must be within num_emb"):
        build(tiny_bert, {"vocab_size": 11}, pad_token_id=11)


def test_a_pooler_may_be_fresh(copy):
    def drop(tensors):
        for name in [name for name in tensors if "pooler" in name]:
            del tensors[name]

    change_weights(copy, drop)
    _, fresh = build(copy)
    assert fresh == [
        "bert.pooler.dense.bias", "bert.pooler.dense.weight", "classifier.bias",
        "classifier.weight",
    ]  # fmt: skip


REFUSED = (
    "{folder}: {n} of the {m} tensors of the model's body are not in its weights, or not in this "
    "shape, for instance '{example}'; weights and config must belong together. Check the folder; "
    "to train from scratch, give model.config={{}}"
)
LAYER = "bert.encoder.layer"


@pytest.mark.parametrize(
    ("changes", "n", "m", "example"),
    [
        ({"num_hidden_layers": 3}, 16, 55, f"{LAYER}.2.attention.output.LayerNorm.bias"),
        ({"vocab_size": 11}, 1, 39, "bert.embeddings.word_embeddings.weight"),
        ({"max_position_embeddings": 32}, 1, 39, "bert.embeddings.position_embeddings.weight"),
        ({"intermediate_size": 32}, 6, 39, f"{LAYER}.0.intermediate.dense.bias"),
        ({"hidden_size": 16}, 35, 39, "bert.embeddings.LayerNorm.bias"),
    ],
)
def test_weights_that_do_not_fit_the_config_are_refused(copy, changes, n, m, example):
    change_config(copy, **changes)
    with pytest.raises(ModelError) as caught:
        build(copy)
    assert str(caught.value) == REFUSED.format(folder=copy, n=n, m=m, example=example)


def test_weights_of_another_model_are_refused(copy):
    def rename(tensors):
        for name in list(tensors):
            tensors[f"other.{name}"] = tensors.pop(name)

    change_weights(copy, rename)
    with pytest.raises(ModelError) as caught:
        build(copy)
    example = "bert.embeddings.LayerNorm.bias"
    assert str(caught.value) == REFUSED.format(folder=copy, n=37, m=39, example=example)


@pytest.mark.parametrize("size", [0, 20, -100])
def test_a_cut_off_weights_file_is_refused(copy, size):
    path = copy / "model.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ModelError) as caught:
        build(copy)
    text = str(caught.value)
    assert text.startswith(f"{copy}: transformers cannot load the weights: ")
    assert "header" in text
    assert text.endswith(
        f"; {HEAD} must know the model's type and its weights must fit. Check the folder, or "
        "choose another model"
    )


def test_a_pickle_is_never_opened(copy, monkeypatch):
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("a pickle was opened"))
    with pytest.raises(ModelError, match="transformers cannot load the weights"):
        build(copy)


def test_a_type_without_this_head_is_refused(tiny_bert, tmp_path):
    AutoConfig.for_model("vit", num_hidden_layers=1).save_pretrained(tmp_path)
    shutil.copy(tiny_bert / "model.safetensors", tmp_path)
    with pytest.raises(ModelError, match=f"Unrecognized configuration class .*; {HEAD} must know"):
        build(tmp_path)


# ---- code in a folder --------------------------------------------------------------------------

AUTO_MAP = {
    "AutoConfig": "evil.EvilConfig",
    "AutoModelForSequenceClassification": "evil.EvilModel",
    "AutoTokenizer": ["evil.EvilTokenizer", "evil.EvilTokenizer"],
}


@pytest.fixture
def marker(copy, tmp_path, monkeypatch):
    """A folder full of code that makes this file when it runs, and a person who says yes."""
    marker = tmp_path / "code-was-run"
    code = f"open({str(marker)!r}, 'w').close()\nclass EvilConfig: pass\n"
    for name in ("evil.py", "modeling_bert.py", "configuration_bert.py", "tokenization_bert.py"):
        (copy / name).write_text(code)
    monkeypatch.setattr(builtins, "input", lambda *_: "y")
    return marker


def test_code_beside_a_known_model_is_not_run(copy, marker):
    change_config(copy, auto_map=AUTO_MAP)
    change_tokenizer(copy, auto_map={"AutoTokenizer": AUTO_MAP["AutoTokenizer"]})
    assert type(load_config(copy)).__name__ == "BertConfig"
    assert load_tokenizer(copy).tokenize("Film") == ["film"]
    for sizes in (None, {"num_hidden_layers": 1}):
        model, _ = build(copy, sizes)
        assert type(model).__name__ == "BertForSequenceClassification"
    assert not marker.exists()


def test_a_model_that_is_its_own_code_is_refused(copy, marker):
    change_config(copy, model_type="evil", auto_map=AUTO_MAP)
    with pytest.raises(ModelError, match=r"custom code .*; code in a model folder is never run"):
        load_config(copy)
    assert not marker.exists()


def test_a_tokenizer_that_is_its_own_code_is_refused(copy, marker):
    change_config(copy, model_type="evil", auto_map=AUTO_MAP)
    change_tokenizer(
        copy, tokenizer_class="EvilTokenizer",
        auto_map={"AutoTokenizer": AUTO_MAP["AutoTokenizer"]},
    )  # fmt: skip
    with pytest.raises(ModelError, match=f"^{re.escape(str(copy))}: transformers cannot open the"):
        load_tokenizer(copy)
    assert not marker.exists()


def change_tokenizer(folder: Path, **values) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


# ---- quiet -------------------------------------------------------------------------------------


def test_transformers_is_quiet_for_a_while_only():
    before = (logging.get_verbosity(), logging.is_progress_bar_enabled())
    try:
        for bars in (True, False):
            (logging.enable_progress_bar if bars else logging.disable_progress_bar)()
            logging.set_verbosity_info()
            with quiet_transformers():
                assert logging.get_verbosity() == logging.ERROR
                assert not logging.is_progress_bar_enabled()
            assert logging.get_verbosity() == logging.INFO
            assert logging.is_progress_bar_enabled() == bars
    finally:
        logging.set_verbosity(before[0])
        (logging.enable_progress_bar if before[1] else logging.disable_progress_bar)()
