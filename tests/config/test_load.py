"""Loading, dumping, and every kind of error with its words and values."""

from pathlib import Path
from typing import Any

import pytest
from helpers.wording import assert_wording
from hypothesis import given, settings
from hypothesis import strategies as st

from hfdl.config.keys import recipe_keys
from hfdl.config.load import (
    load_recipe,
    recipe_header,
    recipe_names,
    recipe_text,
)
from hfdl.config.overrides import parse_overrides
from hfdl.config.schema import LoraConfig, Recipe
from hfdl.config.yaml import dump_recipe
from hfdl.errors import ConfigError

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "recipes").rglob("*.yaml"))


def message(recipe: Any, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_recipe(recipe, parse_overrides(overrides))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def file_with(folder: Path, text: str) -> Path:
    file = folder / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_every_yaml_file_is_a_recipe() -> None:
    names = [str(file.relative_to(ROOT / "recipes").with_suffix("")) for file in SHIPPED]
    assert recipe_names() == sorted(names)
    assert len(names) >= 1
    assert "sentiment" in names


@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipe(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe == load_recipe(ROOT / "recipes" / f"{name}.yaml")
    assert recipe_text(name).startswith(f"# hfdl train {name}")
    assert recipe_header(name)[0].startswith(f"hfdl train {name}")


def test_scratch_is_an_alias_of_the_implementation_hfdl(tmp_path: Path) -> None:
    text = "task: sentiment\nmodel: {name: m, implementation: scratch}\n"
    recipe = load_recipe(file_with(tmp_path, text))
    assert recipe == load_recipe(recipe, {"model.implementation": "scratch"})
    assert recipe.model.implementation == "hfdl"
    assert "implementation: hfdl\n" in dump_recipe(recipe)
    assert "auto, hf or hfdl" in message("sentiment", "model.implementation=scratchy")


def test_sentiment() -> None:
    recipe = load_recipe("sentiment")
    assert recipe.task == "text_classification"
    assert recipe.model.name == "sentence-transformers/all-MiniLM-L6-v2"
    assert recipe.data.train == "hfdl://sentiment"
    assert recipe.train.learning_rate == 1e-4


def test_where_a_recipe_may_be(tmp_path, monkeypatch) -> None:
    recipe = load_recipe("sentiment", {"train.epochs": 1})
    run = tmp_path / "run"
    run.mkdir()
    (run / "recipe.yaml").write_text(dump_recipe(recipe), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    places = ["run", run, run / "recipe.yaml", "run/recipe.yaml", "./run", recipe]
    assert [load_recipe(place) for place in places] == [recipe] * len(places)
    assert load_recipe(recipe, {"train.epochs": 2}).train.epochs == 2


def test_dump_is_replayable_and_readable() -> None:
    recipe = load_recipe("sentiment", {"data.labels": ["no", "1e3", "null", "2020-01-01", "~"]})
    text = dump_recipe(recipe)
    lines = text.splitlines()
    assert lines[0] == "# hfdl train FILE"
    assert lines[1:4] == [
        "task: text_classification",
        "model:",
        "  name: sentence-transformers/all-MiniLM-L6-v2",
    ]
    assert "  labels: ['no', '1e3', 'null', '2020-01-01', '~']" in lines
    assert "  adam_betas: [0.9, 0.999]" in lines
    assert "  learning_rate: 0.0001" in lines


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    labels=st.lists(TEXTS, max_size=4) | st.dictionaries(TEXTS, TEXTS, max_size=3) | st.none(),
    text=TEXTS,
    config=st.dictionaries(TEXTS, VALUES, max_size=3) | st.none(),
    rate=st.floats(min_value=0, exclude_min=True, allow_infinity=False),
)
def test_dump_loads_back(tmp_path_factory, labels, text, config, rate) -> None:
    recipe = Recipe.model_validate(
        {
            "task": text,
            "model": {"name": text, "config": config},
            "data": {"labels": labels, "text": text, "label_separator": text},
            "train": {"learning_rate": rate},
        }
    )
    file = tmp_path_factory.getbasetemp() / "recipe.yaml"
    file.write_text(dump_recipe(recipe), encoding="utf-8", newline="")
    assert load_recipe(file) == recipe


UNKNOWN = "unknown key {key!r}. Did you mean {near!r}?"


@pytest.mark.parametrize(
    ("override", "rest"),
    [
        ("epochs=1", UNKNOWN.format(key="epochs", near="train.epochs")),
        ("train.epoch=1", UNKNOWN.format(key="train.epoch", near="train.epochs")),
        ("trian.epochs=1", UNKNOWN.format(key="trian.epochs", near="train.epochs")),
        ("learning-rate=1", UNKNOWN.format(key="learning-rate", near="train.learning_rate")),
        ("data.tran=x", UNKNOWN.format(key="data.tran", near="data.train")),
        ("task.x=1", UNKNOWN.format(key="task.x", near="task")),
        ("train.epochs.x=1", UNKNOWN.format(key="train.epochs.x", near="train.epochs")),
        ("lr=1", "unknown key 'lr'. Here it is 'train.learning_rate'"),
        ("zzz=1", "unknown key 'zzz'. See all keys with: hfdl recipes keys"),
        ("train.zzz=null", "unknown key 'train.zzz'. See all keys with: hfdl recipes keys"),
        ("train.epochs=abc", "train.epochs cannot be abc; it must be a number above 0"),
        ("train.epochs=0", "train.epochs cannot be 0; it must be a number above 0"),
        ("train.steps=1.5", "train.steps cannot be 1.5; it must be a whole number above 0 or null"),
        ("train.batch_size=true", "train.batch_size cannot be true; it must be a whole number "
                                  "above 0"),
        ("train.seed=-1", "train.seed cannot be -1; it must be a whole number of at least 0 and "
                          "below 4294967296"),
        ("data.validation_share=1", "data.validation_share cannot be 1; it must be a number above "
                                    "0.0 and below 1.0"),
        ("train.precision=bf-16", "train.precision cannot be bf-16; it must be auto, float32, bf16 "
                                  "or fp16. Did you mean 'bf16'?"),
        ("train.precision=int8", "train.precision cannot be int8; it must be auto, float32, bf16 "
                                 "or fp16"),
        ("model.revision=0", "model.revision cannot be 0; it must be a text or null. Quote it to "
                             "make it a text: 'model.revision=\"0\"'"),
        ('data.labels=["a", 1.5]', "data.labels[1] cannot be 1.5; it must be a list of texts or a "
                                   "map from texts to texts or null. "
                                   'Quote it to make it a text: "1.5"'),
        ('tune.class_weights={"a": -1}', "tune.class_weights[a] cannot be -1; it must be balanced "
                                         "or a map from texts to numbers of at least 0 or null"),
        ("tune.class_weights=ballanced", "tune.class_weights cannot be ballanced; it must be "
                                         "balanced or a map from texts to numbers of at least 0 or "
                                         "null. Did you mean 'balanced'?"),
        ("train.adam_betas=[1]", "train.adam_betas cannot be [1]; it must be a list of 2 numbers"),
        ("train.compile=maybe", "train.compile cannot be maybe; it must be true or false"),
        ("train=5", "train cannot be 5; it is a section, written as 'train: {epochs: ...}'"),
        ("model=bert", "model cannot be bert; it is a section, written as 'model: {name: ...}'"),
        ("task=null", "task is missing; every recipe must have it. Give it, for example: "
                      "task=text_classification"),
        ("model=null", "model.name is missing; every recipe must have it. Give it, for example: "
                       "model.name=NAME"),
        ("data.stride=200", "data.stride (200) must be smaller than data.max_length (128)"),
    ],
)  # fmt: skip
def test_wrong_override(override: str, rest: str) -> None:
    assert message("sentiment", override) == f"override {override}: {rest}"


def test_wrong_nested_override() -> None:
    with pytest.raises(ConfigError) as caught:
        load_recipe("sentiment", {"train": {"epochs": "many", "steps": 3}})
    assert_wording(caught.value)


MODEL = "task: t\nmodel: {name: m}\n"


@pytest.mark.parametrize(
    ("text", "place", "rest"),
    [
        (MODEL + "train:\n  epochs: abc\n", ", line 4",
         "train.epochs cannot be abc; it must be a number above 0"),
        (MODEL + "epochs: 3\n", ", line 3", "unknown key 'epochs'. Did you mean 'train.epochs'?"),
        (MODEL + "data:\n  labels:\n    - a\n    - 2.5\n", ", line 6",
         "data.labels[1] cannot be 2.5; it must be a list of texts or a map from texts to texts or "
         'null. Quote it to make it a text: "2.5"'),
        (MODEL + "data: {max_length: 3,\n  stride: 3}\n", ", line 3",
         "data.stride (3) must be smaller than data.max_length (3)"),
        ("task: t\nmodel: {implementation: hf}\n", ", line 2",
         "model.name is missing; every recipe must have it. Give it, for example: model.name=NAME"),
        ("train: {epochs: 1}\n", "",
         "task is missing; every recipe must have it. Give it, for example: "
         "task=text_classification"),
    ],
)  # fmt: skip
def test_wrong_file(tmp_path, text: str, place: str, rest: str) -> None:
    file = file_with(tmp_path, text)
    assert message(file) == f"{file}{place}: {rest}"


def test_an_override_is_blamed_before_the_file(tmp_path) -> None:
    file = file_with(tmp_path, MODEL + "train: {epochs: 1}\n")
    assert message(file, "train.epochs=-1").startswith("override train.epochs=-1: ")


def test_unknown_recipe(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    see_all = "ee all with: hfdl recipes list"
    rule = "a recipe is a shipped name, a .yaml file or a run's folder"
    assert message("sentimnt") == (
        f"no recipe 'sentimnt'; {rule}. Did you mean 'sentiment'? Or s{see_all}"
    )
    assert message("zzz") == f"no recipe 'zzz'; {rule}. S{see_all}"
    assert message("sentiment.yaml") == "sentiment.yaml: no such file. Did you mean 'sentiment'?"
    assert message("x/y.yaml") == (
        "x/y.yaml: no such file. See the shipped ones with: hfdl recipes list"
    )
    assert message(str(tmp_path)) == (
        f"{tmp_path}: the folder holds no recipe.yaml; the folder of a run holds the recipe it was "
        "trained with. Name the recipe's file instead"
    )
    with pytest.raises(ConfigError, match="no shipped recipe 'sentimental'"):
        recipe_text("sentimental")


def test_null_goes_back_to_the_schema_not_to_the_recipe(tmp_path) -> None:
    file = file_with(tmp_path, MODEL + "train: {epochs: 9, clip_norm: 2}\n")
    assert load_recipe(file, {"train.epochs": None}).train.epochs == 3
    assert load_recipe(file, {"train.clip_norm": None}).train.clip_norm is None
    assert load_recipe(file, {"train": None}).train.clip_norm == 1.0


def test_every_key_is_described_and_reachable() -> None:
    keys = recipe_keys()
    assert len(keys) == len({key.name for key in keys}) > 40
    assert all(key.description and key.type for key in keys)
    assert [key.name for key in keys if key.required] == ["task", "model.name"]
    defaults = {key.name: key.default for key in keys if not key.required}
    for name, default in defaults.items():
        given = list(default) if isinstance(default, tuple) else default
        load_recipe("sentiment", {name: given})


# ---- a section that may be absent ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], None),
        (["tune.lora={}"], {}),
        (["tune.lora={r: 16}"], {"r": 16}),
        (["tune.lora.r=16"], {"r": 16}),
        (["tune.lora.r=16", "tune.lora.targets=[query, value]"],
         {"r": 16, "targets": ["query", "value"]}),
        (["tune.lora.r=16", "tune.lora={}"], {"r": 16}),
        (["tune.lora.r=16", "tune.lora=null"], None),
        (["tune.lora=null", "tune.lora.r=16"], {"r": 16}),
        (["tune.lora={}", "tune=null"], None),
        (["tune={lora: {}}"], {}),
    ],
)  # fmt: skip
def test_lora_is_absent_until_it_is_asked_for(overrides: list[str], expected: Any) -> None:
    asked = {"model.name": "m", **parse_overrides(overrides)}
    found = load_recipe("sentiment", asked).tune.lora
    assert found == (None if expected is None else LoraConfig(**expected))


def test_lora_in_a_file_is_kept_changed_or_taken_out(tmp_path) -> None:
    file = file_with(tmp_path, MODEL + "tune:\n  lora: {r: 16, dropout: 0.1}\n")
    assert load_recipe(file).tune.lora == LoraConfig(r=16, dropout=0.1)
    assert load_recipe(file, {"tune.lora": {}}).tune.lora == LoraConfig(r=16, dropout=0.1)
    assert load_recipe(file, {"tune.lora.r": 4}).tune.lora == LoraConfig(r=4, dropout=0.1)
    assert load_recipe(file, {"tune.lora.r": None}).tune.lora == LoraConfig(dropout=0.1)
    assert load_recipe(file, {"tune.lora": None}).tune.lora is None
    recipe = load_recipe(file)
    assert load_recipe(recipe) == recipe
    dumped = file_with(tmp_path, dump_recipe(recipe))
    assert load_recipe(dumped) == recipe
    assert "\n  lora: {r: 16, alpha: null, dropout: 0.1, targets: null}\n" in dump_recipe(recipe)
    empty = file_with(tmp_path, MODEL + "tune: {lora: {}}\n")
    assert load_recipe(empty).tune.lora == LoraConfig()


def test_the_keys_of_lora_are_listed() -> None:
    keys = {key.name: key for key in recipe_keys()}
    assert [name for name in keys if name.startswith("tune.lora")] == [
        "tune.lora", "tune.lora.r", "tune.lora.alpha", "tune.lora.dropout", "tune.lora.targets",
    ]  # fmt: skip
    assert keys["tune.lora"].type == "a map of r, alpha, dropout, targets or null"
    assert keys["tune.lora"].default is None
    assert keys["tune.lora"].description.endswith("Needs the package peft.")
    assert keys["tune.lora.r"].default == 8


@pytest.mark.parametrize(
    ("override", "rest"),
    [
        ("tune.lora=8",
         "tune.lora cannot be 8; it is a section, written as 'lora: {r: ...}' or null"),
        ("tune.lora.r=0", "tune.lora.r cannot be 0; it must be a whole number above 0"),
        ("tune.lora.r=true", "tune.lora.r cannot be true; it must be a whole number above 0"),
        ("tune.lora.rank=8", "unknown key 'tune.lora.rank'. Here it is 'tune.lora.r'"),
        ("tune.lora.dropuot=0.1",
         "unknown key 'tune.lora.dropuot'. Did you mean 'tune.lora.dropout'?"),
        ("tune.lora.target_modules=q",
         "unknown key 'tune.lora.target_modules'. Here it is 'tune.lora.targets'"),
        ("tune.layer_decay=1.5",
         "tune.layer_decay cannot be 1.5; it must be a number above 0 and at most 1 or null"),
        ("tune.label_smoothing=1", "tune.label_smoothing cannot be 1; it must be a number of at "
         "least 0.0 and below 1.0"),
        ("tune.loss=focall",
         "tune.loss cannot be focall; it must be cross_entropy or focal. Did you mean 'focal'?"),
    ],
)  # fmt: skip
def test_wrong_tuning(override: str, rest: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_recipe("sentiment", {"model.name": "m", **parse_overrides([override])})
    assert_wording(caught.value)


def test_a_saved_model_takes_the_place_of_a_new_one_with_all_its_parts():
    recipe = load_recipe("clm", {"model.name": "gpt2"})
    assert (recipe.model.tokenizer, recipe.model.config, recipe.model.vectors) == (None,) * 3
    sized = load_recipe("clm", {"model": {"name": "gpt2", "config": {"n_layer": 2}}})
    assert sized.model.config == {"n_layer": 2}
    other = load_recipe("clm", {"model.name": "hfdl://llama"})
    assert other.model.tokenizer == "bpe"


def test_another_new_model_has_no_sizes_of_the_recipes_own():
    """What GPT-2 calls n_layer no other architecture knows; the vocabulary is the data's."""
    asked = {"model.name": "hfdl://decoder", "model.config.hidden_size": 8}
    other = load_recipe("clm", asked)
    assert other.model.config == {"vocab_size": 1000, "hidden_size": 8}
    assert load_recipe("clm", {"model.name": "hfdl://lstm"}).model.config == {"vocab_size": 1000}
    same = load_recipe("clm", {"model.name": "hfdl://gpt2", "model.config.n_head": 2})
    assert same.model.config == {**(load_recipe("clm").model.config or {}), "n_head": 2}
    for name in ("lstm", "gru", "rnn"):  # whose sizes have the same names
        kin = load_recipe("eras/lstm", {"model.name": f"hfdl://{name}"})
        assert kin.model.config == load_recipe("eras/lstm").model.config
    encoder = load_recipe("eras/lstm", {"model.name": "hfdl://encoder"})
    assert encoder.model.config == {"vocab_size": 20000}
