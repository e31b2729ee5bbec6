"""Vectors of texts against a plain formula over transformers' states, and the library's own."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.sentence_models import (
    SWITCHES,
    TEXTS,
    dense,
    pooled,
    save_sentence_model,
    states_of,
    write_json,
)
from helpers.wording import assert_wording
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    T5Config,
    T5EncoderModel,
)

import hfdl
from hfdl.errors import ConfigError, DataError, ModelError
from hfdl.models.sentence_head import SENTENCE_POOLINGS

BOUND = 1e-6
GELU = "torch.nn.modules.activation.GELU"
PLAIN = "torch.nn.modules.linear.Identity"
NORMALIZE = ("Normalize", None, None)
LAYER_NORM = (
    "LayerNorm", {"dimension": 32},
    {"norm.weight": torch.linspace(0.5, 2, 32), "norm.bias": torch.linspace(-1, 1, 32)},
)  # fmt: skip
PROMPTS = {"query": "they say : ", "passage": "the book ", "empty": ""}

# name -> keywords of save_sentence_model
FOLDERS: dict[str, dict[str, Any]] = {
    **{mode: {"pooling": {switch: True}} for mode, switch in SWITCHES.items()},
    **{f"{mode}, new files": {"pooling": {"pooling_mode": mode}} for mode in SWITCHES},
    "all switched off": {"pooling": dict.fromkeys(SWITCHES.values(), False)},
    "several": {"pooling": {SWITCHES["mean"]: True, SWITCHES["cls"]: True, SWITCHES["max"]: True}},
    "several in another order": {"pooling": {"pooling_mode": ["max", "weightedmean", "cls"]}},
    "normalised": {"layers": [NORMALIZE]},
    "dense": {"layers": [dense(32, 8), NORMALIZE]},
    "dense of gelu, no bias": {"layers": [dense(32, 48, GELU, bias=False)]},
    "dense of two poolings": {
        "pooling": {SWITCHES["cls"]: True, SWITCHES["max"]: True}, "layers": [dense(64, 5, PLAIN)],
    },
    "two dense": {"layers": [dense(32, 16), dense(16, 7, "torch.nn.modules.activation.ReLU")]},
    "residual": {"layers": [dense(32, 32, use_residual=True), dense(32, 9, use_residual=True)]},
    "layer norm": {"layers": [LAYER_NORM, ("Dropout", {"dropout": 0.5}, None), NORMALIZE]},
    "short texts": {"reading": {"max_seq_length": 7, "do_lower_case": False}},
    "no limit said": {"reading": {"max_seq_length": None}},
    "default prompt": {"settings": {"prompts": PROMPTS, "default_prompt_name": "query"}},
    "numbers cut off": {"settings": {"truncate_dim": 5}, "layers": [NORMALIZE]},
    "newer types": {"types": "sentence_transformers.sentence_transformer.modules."},
}  # fmt: skip


@pytest.fixture(scope="module")
def wide_bert(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny BERT with weights four times as wide: its texts differ."""
    folder = tmp_path_factory.mktemp("wide") / "bert"
    model = AutoModel.from_pretrained(tiny_bert)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(8.0)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder_of(wide_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    made: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in made:
            place = tmp_path_factory.mktemp("model") / "m"
            made[name] = save_sentence_model(place, wide_bert, **FOLDERS[name])
        return made[name]

    return folder


def encoder(model: Any, **options: Any) -> Any:
    return hfdl.pipeline("sentence-similarity", model=model, **options)


def quiet(pipe: Any, texts: Any = tuple(TEXTS), **options: Any) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pipe.encode(texts, **options)


@pytest.mark.parametrize("mode", SWITCHES)
def test_each_pooling_is_its_formula(folder_of: Any, wide_bert: Path, mode: str) -> None:
    vectors = quiet(encoder(folder_of(mode)))
    expected = np.stack([pooled(states_of(wide_bert, text), mode) for text in TEXTS])
    assert vectors.shape == (len(TEXTS), 32)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected, atol=2e-5, rtol=2e-5)  # float32 against float64
    assert np.abs(expected - expected[:1]).max() > 0.1
    assert set(SWITCHES) == set(SENTENCE_POOLINGS)


def test_dense_layers_are_their_formula(folder_of: Any, wide_bert: Path) -> None:
    (_, _, first), (_, _, second) = FOLDERS["residual"]["layers"]
    vectors = quiet(encoder(folder_of("residual")), TEXTS[:3])
    for text, vector in zip(TEXTS[:3], vectors, strict=True):
        x = torch.from_numpy(pooled(states_of(wide_bert, text), "mean")).float()
        x = x + torch.tanh(first["linear.weight"] @ x + first["linear.bias"])
        x = second["residual.weight"] @ x + torch.tanh(
            second["linear.weight"] @ x + second["linear.bias"]
        )
        np.testing.assert_allclose(vector, x.numpy(), atol=2e-5)


@pytest.mark.parametrize("name", FOLDERS)
def test_vectors_are_those_of_sentence_transformers(folder_of: Any, name: str) -> None:
    library = pytest.importorskip("sentence_transformers")
    theirs = library.SentenceTransformer(str(folder_of(name)), device="cpu")
    ours = encoder(folder_of(name))
    expected = theirs.encode(TEXTS)
    np.testing.assert_allclose(quiet(ours), expected, atol=BOUND * np.abs(expected).max())
    assert ours.dimension == expected.shape[1]
    expected = theirs.encode_query(TEXTS[:3])
    np.testing.assert_allclose(
        ours.encode_query(TEXTS[:3]), expected, atol=BOUND * np.abs(expected).max()
    )
    assert len(FOLDERS) == 27


PROMPTS_OF_ROLES = [
    ({"query": "q ", "passage": "p "}, "q ", "p "),
    ({"corpus": "c ", "passage": "p ", "other": "o "}, "", "p "),
    ({"query": "q ", "document": "d ", "passage": "p "}, "q ", "d "),
    ({"query": "", "document": "", "corpus": "c "}, "", "c "),
    ({"other": "o "}, "", ""),
]


@pytest.mark.parametrize(("prompts", "query", "document"), PROMPTS_OF_ROLES)
def test_queries_and_documents_get_their_prompts(
    wide_bert: Path, tmp_path: Path, prompts: dict[str, str], query: str, document: str
) -> None:
    settings = {"prompts": prompts, "default_prompt_name": next(iter(prompts))}
    pipe = encoder(save_sentence_model(tmp_path / "m", wide_bert, settings=settings))
    expected = pipe.encode([query + "film", document + "film", "x film"], prompt="")
    np.testing.assert_allclose(pipe.encode_query("film"), expected[0], atol=1e-5)
    np.testing.assert_allclose(pipe.encode_document("film"), expected[1], atol=1e-5)
    np.testing.assert_allclose(pipe.encode_query("film", prompt="x "), expected[2], atol=1e-5)
    for name, text in prompts.items():
        by_hand = pipe.encode(f"{text}film", prompt="")
        np.testing.assert_allclose(pipe.encode_query("film", prompt_name=name), by_hand, atol=1e-5)


@pytest.mark.parametrize("mode", SWITCHES)
def test_a_prompt_may_be_left_out_of_the_pooling(
    wide_bert: Path, tmp_path: Path, mode: str
) -> None:
    pooling = {SWITCHES[mode]: True, "include_prompt": False}
    folder = save_sentence_model(
        tmp_path / "m", wide_bert, pooling=pooling, settings={"prompts": PROMPTS}
    )
    pipe = encoder(folder)
    assert pipe.prompts == PROMPTS
    vectors = quiet(pipe, TEXTS[:4], prompt_name="query")
    # [CLS] they say : is four tokens.
    expected = [pooled(states_of(wide_bert, PROMPTS["query"] + t), mode, 4) for t in TEXTS[:4]]
    np.testing.assert_allclose(vectors, np.stack(expected), atol=2e-5, rtol=2e-5)
    library = pytest.importorskip("sentence_transformers")
    theirs = library.SentenceTransformer(str(folder), device="cpu")
    for options in ({"prompt_name": "passage"}, {"prompt": "a b : "}, {"prompt_name": "empty"}, {}):
        other = theirs.encode(TEXTS, **options)
        np.testing.assert_allclose(
            quiet(pipe, TEXTS, **options), other, atol=BOUND * np.abs(other).max()
        )


def test_texts_are_put_into_lower_case(wide_bert: Path, tmp_path: Path) -> None:
    folder = save_sentence_model(
        tmp_path / "m", wide_bert, reading={"max_seq_length": 64, "do_lower_case": True}
    )
    file = folder / "tokenizer.json"
    tokenizer = json.loads(file.read_text())
    tokenizer["normalizer"]["lowercase"] = False
    file.write_text(json.dumps(tokenizer))
    pipe = encoder(folder)
    upper, lower = pipe.encode(["A Good FILM", "a good film"])
    np.testing.assert_array_equal(upper, lower)
    cased = hfdl.pipeline("feature-extraction", model=folder)  # transformers' reads as it stands
    assert cased("FILM") != cased("film")
    library = pytest.importorskip("sentence_transformers")
    theirs = library.SentenceTransformer(str(folder), device="cpu").encode(TEXTS)
    np.testing.assert_allclose(quiet(pipe), theirs, atol=BOUND * np.abs(theirs).max())


@pytest.mark.parametrize("name", ["mean", "several", "weightedmean", "lasttoken"])
@pytest.mark.parametrize("implementation", ["hf", "hfdl"])
def test_a_vector_does_not_depend_on_its_batch(
    folder_of: Any, name: str, implementation: str
) -> None:
    pipe = encoder(folder_of(name), implementation=implementation)
    together = quiet(pipe)
    alone = np.stack([quiet(pipe, text) for text in TEXTS])
    assert np.abs(together - alone).max() < BOUND * np.abs(alone).max()
    for size in (1, 2, 100):
        assert np.abs(quiet(pipe, batch_size=size) - together).max() < BOUND * np.abs(alone).max()
    backwards = quiet(pipe, TEXTS[::-1])[::-1]
    assert np.abs(backwards - together).max() < BOUND * np.abs(alone).max()
    is_own = type(pipe.model).__module__.startswith("hfdl")
    assert is_own == (implementation == "hfdl")


def test_own_code_gives_the_same_vectors(folder_of: Any) -> None:
    expected = quiet(encoder(folder_of("several"), implementation="hf"))
    ours = quiet(encoder(folder_of("several"), implementation="hfdl"))
    assert np.abs(ours - expected).max() < 1e-5 * np.abs(expected).max()


def test_forms_of_inputs_and_answers(folder_of: Any) -> None:
    pipe = encoder(folder_of("dense"))
    expected = quiet(pipe, TEXTS[:3])
    for texts in (tuple(TEXTS[:3]), iter(TEXTS[:3]), np.array(TEXTS[:3]), (t for t in TEXTS[:3])):
        np.testing.assert_array_equal(pipe.encode(texts), expected)
    one = pipe.encode(TEXTS[0])
    assert one.shape == (8,)
    np.testing.assert_allclose(one, expected[0], atol=BOUND)
    assert pipe.encode([]).shape == (0, 8)
    assert pipe.encode(iter([])).dtype == np.float32
    tensor = pipe.encode(TEXTS[:3], convert_to_tensor=True)
    assert isinstance(tensor, torch.Tensor)
    np.testing.assert_array_equal(tensor.numpy(), expected)
    np.testing.assert_allclose(np.linalg.norm(expected, axis=1), 1, atol=BOUND)
    short = pipe.encode(TEXTS[:3], truncate_dim=3, normalize_embeddings=True)
    by_hand = expected[:, :3] / np.linalg.norm(expected[:, :3], axis=1, keepdims=True)
    np.testing.assert_allclose(short, by_hand, atol=BOUND)
    assert len(repr(pipe)) < 200
    assert "8 numbers, mean -> SentenceDense -> UnitLength, at most 64 tokens" in repr(pipe)


def test_a_model_without_modules_json_says_how_its_vectors_are_made(wide_bert: Path) -> None:
    pipe = encoder(wide_bert)
    with pytest.warns(UserWarning, match=r"modules.json is not there; .* the mean of its tokens"):
        vectors = pipe.encode(TEXTS[:3])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pipe.encode(TEXTS[:3])  # once
        encoder(wide_bert, pooling="cls").encode(TEXTS[:3])  # chosen, so there is nothing to say
    expected = [pooled(states_of(wide_bert, text), "mean") for text in TEXTS[:3]]
    np.testing.assert_allclose(vectors, np.stack(expected), atol=2e-5, rtol=2e-5)
    assert len(pipe.notes) == 1


@pytest.fixture
def tiny_llama(tiny_gpt2: Path, tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=320, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=64,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(tmp_path / "llama")
    AutoTokenizer.from_pretrained(tiny_gpt2).save_pretrained(tmp_path / "llama")
    return tmp_path / "llama"


@pytest.mark.parametrize(("name", "mode"), [("tiny_gpt2", "mean"), ("tiny_llama", "lasttoken")])
def test_language_models(request: pytest.FixtureRequest, name: str, mode: str) -> None:
    folder = request.getfixturevalue(name)
    texts = ["what a good film", "bad", "the book was long"]
    pipe = encoder(folder)
    expected = np.stack([pooled(states_of(folder, text), mode) for text in texts])
    np.testing.assert_allclose(quiet(pipe, texts), expected, atol=1e-5)
    assert ("last token" in pipe.notes[0]) == (mode == "lasttoken")
    other = quiet(encoder(folder, pooling="weightedmean"), texts[0])
    expected = pooled(states_of(folder, texts[0]), "weightedmean")
    np.testing.assert_allclose(other, expected, atol=1e-5)
    assert np.isfinite(quiet(pipe, "")).all()
    library = pytest.importorskip("sentence_transformers")
    theirs = library.SentenceTransformer(str(folder), device="cpu")
    theirs.tokenizer.pad_token = theirs.tokenizer.eos_token
    np.testing.assert_allclose(quiet(pipe, texts), theirs.encode(texts), atol=1e-6)


def test_of_an_encoder_decoder_the_encoder_is_read(tiny_bert: Path, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=len(tokenizer), d_model=16, d_kv=4, d_ff=24, num_layers=2, num_heads=4,
        pad_token_id=0, decoder_start_token_id=0,
    )  # fmt: skip
    model = T5EncoderModel(config).eval()
    model.save_pretrained(tmp_path / "t5")
    tokenizer.save_pretrained(tmp_path / "t5")
    folder = save_sentence_model(tmp_path / "m", tmp_path / "t5", layers=[dense(16, 4)])
    vectors = quiet(encoder(folder), TEXTS[:4])
    assert vectors.shape == (4, 4)
    with torch.no_grad():
        inputs = tokenizer(TEXTS[0], return_tensors="pt")
        states = model(inputs["input_ids"], inputs["attention_mask"])[0][0]
        weights = dense(16, 4)[2]
        expected = torch.tanh(weights["linear.weight"] @ states.mean(0) + weights["linear.bias"])
    np.testing.assert_allclose(vectors[0], expected.numpy(), atol=1e-5)


def test_a_fine_tuned_run_gives_the_vectors_of_its_body(trained: Path) -> None:
    pipe = encoder(str(trained))
    with pytest.warns(UserWarning, match="1 of 2 texts are longer than 32 tokens"):
        vectors = pipe.encode(["what a good film", "film " * 60])
    expected = pooled(states_of(trained, "what a good film"), "mean")
    np.testing.assert_allclose(vectors[0], expected, atol=1e-5)
    whole = quiet(encoder(str(trained), max_length=64), "film " * 60)
    np.testing.assert_allclose(
        whole, pooled(states_of(trained, "film " * 60, 64), "mean"), atol=1e-5
    )


def test_open_models(wide_bert: Path, make_classifier: Any, folder_of: Any) -> None:
    tokenizer = AutoTokenizer.from_pretrained(wide_bert)
    model = AutoModel.from_pretrained(wide_bert).train()
    expected = quiet(encoder(wide_bert))
    np.testing.assert_array_equal(quiet(encoder(model, tokenizer=tokenizer)), expected)
    from transformers import AutoModelForSequenceClassification

    folder = make_classifier(wide_bert, num_labels=3)
    classifier = AutoModelForSequenceClassification.from_pretrained(folder)
    ours = quiet(encoder(classifier, tokenizer=tokenizer, implementation="hfdl"))
    theirs = quiet(encoder(folder))
    assert np.abs(ours - theirs).max() < 1e-5 * np.abs(theirs).max()


def test_cut_texts_are_counted(folder_of: Any) -> None:
    pipe = encoder(folder_of("short texts"))
    texts = ["film", "film " * 10, "what a good book and film"]
    with pytest.warns(UserWarning, match="texts are longer") as caught:
        pipe.encode(texts)
    assert [str(warning.message) for warning in caught] == [
        "2 of 3 texts are longer than 7 tokens (max_seq_length of the model) and were cut: "
        "6 of 17 tokens lost"
    ]
    assert caught[0].filename == __file__
    assert pipe.cut_line() == str(caught[0].message)


def test_an_old_folder_keeps_its_transformer_in_a_folder_of_its_own(
    wide_bert: Path, tmp_path: Path
) -> None:
    plain = save_sentence_model(tmp_path / "new", wide_bert, reading={"max_seq_length": 9})
    root = tmp_path / "old"
    root.mkdir()
    plain.rename(root / "0_Transformer")
    (root / "0_Transformer" / "1_Pooling").rename(root / "1_Pooling")
    modules = json.loads((root / "0_Transformer" / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    write_json(root / "modules.json", modules)
    vectors = quiet(encoder(root), TEXTS[:4])
    expected = [pooled(states_of(wide_bert, text, 9), "mean") for text in TEXTS[:4]]
    np.testing.assert_allclose(vectors, np.stack(expected), atol=2e-5, rtol=2e-5)
    np.testing.assert_array_equal(quiet(hfdl.pipeline(model=root), TEXTS[:4]), vectors)


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [None, 3.5, b"a", {"text": "a"}, ["a", None], [["a"]], 7])
def test_what_is_no_text_is_refused(folder_of: Any, wrong: Any) -> None:
    with pytest.raises(DataError) as caught:
        encoder(folder_of("mean")).encode(wrong)
    assert_wording(caught.value)


WRONG_CALLS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "unknown pooling": ({"pooling": "maen"}, {}),
    "unknown implementation": ({"implementation": "torch"}, {}),
    "max_length above the model's": ({"max_length": 65}, {}),
    "max_length of the special tokens": ({"max_length": 2}, {}),
    "unknown prompt": ({}, {"prompt_name": "querry"}),
    "too many numbers": ({}, {"truncate_dim": 33}),
    "no numbers": ({}, {"truncate_dim": 0}),
    "batch_size": ({}, {"batch_size": 0}),
}


@pytest.mark.parametrize("case", WRONG_CALLS)
def test_wrong_options_are_refused(folder_of: Any, case: str) -> None:
    made, called = WRONG_CALLS[case]
    with pytest.raises(ConfigError) as caught:
        encoder(folder_of("default prompt"), **made).encode(["a"], **called)
    assert_wording(caught.value)


def test_a_body_with_holes_is_refused(wide_bert: Path, tmp_path: Path) -> None:
    config = AutoConfig.from_pretrained(wide_bert, num_hidden_layers=3)
    folder = save_sentence_model(tmp_path / "m", wide_bert)
    config.save_pretrained(folder)
    with pytest.raises(ModelError, match="16 tensors of the model's body are not in its weights"):
        encoder(folder)


def test_vectors_that_are_no_numbers_are_refused(wide_bert: Path) -> None:
    model = AutoModel.from_pretrained(wide_bert)
    tokenizer = AutoTokenizer.from_pretrained(wide_bert)
    with torch.no_grad():
        model.embeddings.word_embeddings.weight[tokenizer.convert_tokens_to_ids("book")] = torch.nan
    for name in ("sentence-similarity", "feature-extraction"):
        pipe = hfdl.pipeline(name, model=model, tokenizer=tokenizer, pooling="mean")
        ask = pipe.encode if name == "sentence-similarity" else pipe
        assert len(ask(["film", "a film"])) == 2
        with pytest.raises(ModelError, match=r"text 2 \('the book'\): the model's answer is not"):
            ask(["film", "the book"])


def test_an_open_model_without_tokenizer_is_refused(wide_bert: Path) -> None:
    with pytest.raises(ConfigError, match="without its tokenizer"):
        encoder(AutoModel.from_pretrained(wide_bert))
