"""Errors of the library's functions and classes, whose remedies are typed into the call."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import torch

from .paste import Attempt, Call, Case, case
from .place import Place


def call(
    at: str, path: str, *, ways: int = 1, fill: Any = None, then: Any = None, **keywords: Any
) -> Case:
    """A case of one function, ``module:name``, with keywords; ``_first`` is given by position."""

    def function(**given: Any) -> Any:
        module, _, name = path.partition(":")
        target: Any = import_module(f"hfdl.{module}")
        for part in name.split("."):
            target = getattr(target, part)
        first = given.pop("_first", ())
        result = target(*first, **given)
        return list(result) if name == "stream" else result

    def make(place: Place) -> Call:
        return Call(function, {k: v(place) if callable(v) else v for k, v in keywords.items()})

    return case(at, make, ways=ways, fill=fill, then=then)


def method(name: str, pattern: str) -> Callable[[Place, Attempt, str], Attempt]:
    """Calls what a remedy shows, such as ``.lower()``, on a keyword of the call."""

    def run(place: Place, attempt: Attempt, remedy: str) -> Attempt:
        del place
        assert isinstance(attempt, Call)
        found = re.search(pattern, remedy)
        assert found, remedy
        value = eval(f"{name}{found[0]}", {"np": np, **attempt.keywords})  # noqa: S307
        return Call(attempt.function, {**attempt.keywords, name: value})

    return run


def typed(pattern: str) -> Callable[[Place, Attempt, str], Attempt]:
    """Runs the part of a remedy that is Python, with the keywords of the call as its names."""

    def run(place: Place, attempt: Attempt, remedy: str) -> Attempt:
        del place
        assert isinstance(attempt, Call)
        found = re.search(pattern, remedy)
        assert found, remedy
        exec(found[0], {"torch": torch, "np": np}, attempt.keywords)
        return attempt

    return run


@cache
def _gpt2(folder: Any) -> Any:
    from transformers import GPT2LMHeadModel

    return GPT2LMHeadModel.from_pretrained(folder).eval()


def _model(place: Place) -> Any:
    from copy import deepcopy

    return deepcopy(_gpt2(place.decoder))


def _ruled(**rules: Any) -> Callable[[Place], Any]:
    def model(place: Place) -> Any:
        model = _model(place)
        for name, value in rules.items():
            setattr(model.generation_config, name, value)
        return model

    return model


def _bert(place: Place) -> Any:
    from transformers import AutoModel

    return AutoModel.from_pretrained(place.model).eval()


IDS = torch.tensor([[5, 6, 7]])
WRITE = {"input_ids": IDS, "max_new_tokens": 2}
SMALL = {"vocab_size": 9, "hidden_size": 8, "num_layers": 1}


def generate(at: str, *, ways: int = 1, name: str = "generate", **settings: Any) -> Case:
    return call(at, f"generation:{name}", ways=ways, **{"model": _model, **WRITE, **settings})


def _array(x: Any) -> None:
    from hfdl.foundations.gradcheck import central_differences

    central_differences(lambda y: float(y.sum()), x)


def _recurrent(**config: Any) -> Any:
    from hfdl.models.recurrent import RecurrentConfig, RecurrentForCausalLM

    return RecurrentForCausalLM(RecurrentConfig(vocab_size=9, hidden_size=8, **config))


def _fit(**keywords: Any) -> Any:
    from hfdl.foundations import SGD, Dense, Sequential, fit, mse

    rng = np.random.default_rng(0)
    data = rng.normal(size=(12, 4)), rng.normal(size=(12, 2))
    given = {name: data if value == "(X, target)" else value for name, value in keywords.items()}
    net = Sequential(Dense(4, 2, rng=0))
    return fit(
        net, mse, data, optimizer=SGD(net.parameters(), 9.0), epochs=600, batch_size=None, **given
    )


def _stops(**keywords: Any) -> Any:
    from hfdl.generation import generate

    return generate(**keywords)


CASES = (
    generate("generation/model_rules.py:model_rules", num_beamz=2),
    call("generation/model_rules.py:_settings", "generation:generate",
         model=_ruled(repetition_penalty=-1.0), **WRITE),
    case("generation/model_rules.py:_refuse", lambda p: Call(
        _stops, {"model": _ruled(guidance_scale=2.0)(p), **WRITE}),
        typing=typed(r"model\.generation_config\.\w+ = None")),
    case("generation/prepare.py:prepare", lambda p: Call(
        _stops, {"model": _ruled(stop_strings=["x"])(p), **WRITE}),
        typing=lambda *given: _stopping(*given)),
    generate("generation/prepare.py:check_room#2", max_new_tokens=100),
    generate("generation/settings.py:Settings._check_sampling#3", do_sample=True, top_p=2.0),
    generate("generation/settings.py:Settings._check_sampling#3", do_sample=True, min_p=2.0),
    generate("generation/settings.py:Settings._check_sampling#4", top_p=0.5, ways=2),
    generate("generation/settings.py:Settings._check_beams", num_beams=2, do_sample=True, ways=2),
    generate("generation/settings.py:Settings._check_beams#2 "
             "generation/settings.py:Settings._refuse_idle", length_penalty=2.0, ways=2),
    generate("generation/settings.py:Settings._refuse_idle", top_k=5, ways=2),
    generate("generation/settings.py:_whole "
             "generation/settings.py:Settings._check_sampling#2", do_sample=True, top_k=-1),
    generate("generation/settings.py:_positive", repetition_penalty=0.0),
    generate("generation/streaming.py:stream", name="stream", num_beams=2),
    call("nn/activations.py:activation", "nn.activations:activation", name="gelo"),
    call("nn/pooling.py:check_pooling", "nn.pooling:pooling", name="maxx", width=4),
    call("nn/recurrent.py:check_kind", "nn.recurrent:Recurrent", kind="lstn", input_size=4,
         hidden_size=4),
    call("models/bag_of_words.py:BagOfWordsConfig.__post_init__",
         "models.bag_of_words:BagOfWordsConfig", vocab_size=9, counts="summ"),
    call("models/sentence_head.py:SentenceHead.__init__", "models.sentence_head:SentenceHead",
         poolings=["meen"]),
    call("models/common.py:check_norm_order",
         "models.transformer:TransformerConfig", vocab_size=9, norm_order="pst"),
    call("models/position_choice.py:PositionConfig.__post_init__",
         "models.position_choice:PositionConfig", position_embedding_type="learnt"),
    case("models/recurrent.py:_check_causal", lambda p: Call(_recurrent, {"bidirectional": True})),
    case("models/recurrent.py:_check_causal#2", lambda p: Call(
        _recurrent, {"embedding_size": 4, "tie_word_embeddings": True})),
    call("tokenizers/pre_tokenizers.py:pre_tokenizer_of",
         "tokenizers.pre_tokenizers:pre_tokenizer_of",
         name="whitspace"),
    case("tokenizers/vocabulary.py:Vocabulary.id", lambda p: Call(_id, {"token": "filn"})),
    case("foundations/gradcheck.py:_require_float64", lambda p: Call(
        _array, {"x": np.ones(3, np.float32)}), typing=method("x", r"\.astype.*")),
    case("foundations/fit.py:_check", lambda p: Call(_fit, _stopping_early("validation_loss"))),
    case("foundations/fit.py:update", lambda p: Call(_fit, {})),
    call("foundations/initialization.py:_fans", "foundations.initialization:glorot_uniform",
         shape=(2, 3, 4), fill={"(inputs, outputs)": (2, 3)}),
    case("foundations/words/corpus.py:read_corpus", lambda p: Call(
        _corpus, {"sentence": "a good film"}),
        typing=method("sentence", r"\.lower\(\)\.split\(\)")),
    case("foundations/words/vectors.py:WordVectors._id", lambda p: Call(_vector, {"word": "Film"})),
    call("foundations/words/word2vec.py:train_word2vec",
         "foundations.words.word2vec:train_word2vec",
         sentences=[["a", "b"] * 9] * 9, model="skipgram_", min_count=1, epochs=1),
    call("metrics/named.py:named", "metrics:load", name="acuracy"),
    case("metrics/adapter.py:load.Adapter._compute", lambda p: Call(_metric, {"averag": "macro"})),
    case("metrics/classification.py:averaged_metrics", lambda p: Call(
        _metric, {"average": "makro"})),
    case("torch_layer.py:TorchLayer.__init__", lambda p: Call(
        _layer, {"module": torch.nn.Linear(2, 2).half()}),
        typing=method("module", r"\.float\(\)\.cpu\(\)")),
    call("interpret/activation_sites.py:named", "interpret.patch:record", model=_bert,
         places=["encoder.layer.0.attention.slf"], inputs={"input_ids": IDS}),
    call("interpret/sites.py:attention_site", "interpret.sites:attention_site", model=_bert,
         layer="encoder.layer.9.attention.self"),
    call("parity/verify.py:verify", "parity.verify:verify", _first=lambda p: (str(p.model),),
         dtypes=["float46"]),
    call("parity/verify.py:_Comparison.variants", "parity.verify:verify",
         _first=lambda p: (str(p.model),), variants=["padded_lft"]),
    call("hf_models/load.py:_check_attention", "hf_models.load:load_scratch",
         _first=lambda p: (str(p.decoder),), attn_implementation="sdpaa"),
    case("custom_attention/switch.py:use_attention", lambda p: Call(
        _switch, {"model": _bert(p), "name": "sdpaa"})),
)  # fmt: skip


def _stopping(place: Place, attempt: Attempt, remedy: str) -> Attempt:
    import hfdl.generation
    from hfdl.weights.saved_tokenizer import load_tokenizer

    assert isinstance(attempt, Call)
    found = re.search(r"stop_text=(.*)", remedy)
    assert found
    names = {"hfdl": hfdl, "tokenizer": load_tokenizer(place.decoder), **attempt.keywords}
    return Call(attempt.function, {**attempt.keywords, "stop_text": eval(found[1], names)})  # noqa: S307


def _id(token: str) -> int:
    from hfdl.tokenizers import Vocabulary

    return Vocabulary(["film", "book"]).id(token)


def _stopping_early(monitor: str) -> dict[str, Any]:
    from hfdl.foundations import EarlyStopping

    return {"early_stopping": EarlyStopping(monitor=monitor)}


def _corpus(sentence: Any) -> Any:
    from hfdl.foundations.words.corpus import read_corpus

    return read_corpus([sentence], min_count=1)


def _vector(word: str) -> Any:
    from hfdl.foundations.words.vectors import WordVectors

    return WordVectors(["film"], np.ones((1, 2)))[word]


def _metric(**options: Any) -> Any:
    from hfdl.metrics import load

    return load("f1").compute(predictions=[0, 1], references=[0, 1], **options)


def _layer(module: Any) -> Any:
    from hfdl.torch_layer import TorchLayer

    return TorchLayer(module)


def _switch(model: Any, name: str) -> Any:
    from hfdl.custom_attention.switch import use_attention

    return use_attention(model, name)
