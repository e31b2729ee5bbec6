"""The pipeline against transformers' own, call by call; and where it differs on purpose."""

from __future__ import annotations

import itertools
import json
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer

import hfdl
from hfdl.errors import ConfigError, DataError
from hfdl.pipelines.token_classification.aggregation import STRATEGIES, Piece, TagReader, aggregate
from hfdl.pipelines.token_classification.pipeline import TokenClassificationPipeline
from hfdl.pipelines.token_classification.rows import owned_rows

BIO = ["O", "B-PER", "I-PER", "B-creative-work", "I-creative-work"]
PLAIN = ["NOUN", "VERB", "O"]
GOOD, BAD = "what a good film", "bad book and long, they say !"
WORDS = ["goods", "filming", ",", "zzyx", "", "what", "a long-ish", "!"]

# name -> inputs (made anew for each call), keywords of the call.
CALLS: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "text": (lambda: GOOD, {}),
    "list": (lambda: [GOOD, BAD, "a"], {}),
    "list of one": (lambda: [GOOD], {}),
    "punctuation alone": (lambda: ["!", "...", ", ,"], {}),
    "list of unequal lengths": (lambda: ["film goods " * 5, "a", BAD, "bx", GOOD], {}),
    "generator": (lambda: (text for text in [GOOD, BAD, "a"]), {}),
    "one word": (lambda: "film", {}),
    "words of several tokens": (lambda: "goods, unforgettable trains: xbxb films!", {}),
    "blanks at both ends": (lambda: "   what  a   film  ", {}),
    "emoji": (lambda: "a film 🎬 👩\u200d👩\u200d👧 good", {}),
    "combining marks": (lambda: ["caf\u00e9 film", "cafe\u0301 film", "n\u0303\u0323 a"], {}),
    "CRLF": (lambda: ["what a\r\ngood film\r\n", "bad\n\nbook"], {}),
    "no-break space": (lambda: "what\u00a0a\u3000film", {}),
    "other scripts": (lambda: "映画は good هذا film", {}),
    "special tokens as text": (lambda: "[CLS] a film [SEP] [PAD] <|endoftext|> good", {}),
    "zero width": (lambda: "fi\u200blm \ufeffgood", {}),
    "batch_size 1": (lambda: [GOOD, BAD, "a"], {"batch_size": 1}),
    "batch_size 2": (lambda: [GOOD, BAD, "film goods " * 6], {"batch_size": 2}),
    "batch_size 100": (lambda: [GOOD, BAD, "film goods " * 6], {"batch_size": 100}),
    "generator with batch_size": (lambda: (t for t in [GOOD, BAD, "a"]), {"batch_size": 2}),
    "nothing ignored": (lambda: [GOOD, BAD], {"ignore_labels": []}),
    "a tag ignored": (lambda: [GOOD, BAD], {"ignore_labels": ["B-PER", "O"]}),
    "a type ignored": (lambda: [GOOD, BAD], {"ignore_labels": ["PER", "NOUN"]}),
    "strategy in capitals": (lambda: BAD, {"aggregation_strategy": "SIMPLE"}),
    "words": (lambda: list(WORDS), {"is_split_into_words": True}),
    "words of two texts": (lambda: [WORDS, ["film"]], {"is_split_into_words": True}),
    "words, other delimiter": (
        lambda: [WORDS, ["a", "good"]], {"is_split_into_words": True, "delimiter": "__"},
    ),
    "words, no delimiter": (
        lambda: [["goods", "film"]], {"is_split_into_words": True, "delimiter": ""},
    ),
}  # fmt: skip


def make(body: Path, names: list[str], folder: Path) -> Path:
    """A folder of a random tagger whose tags vary from token to token."""
    config = AutoConfig.from_pretrained(
        body, num_labels=len(names), id2label=dict(enumerate(names)),
        label2id={name: i for i, name in enumerate(names)},
    )  # fmt: skip
    tokenizer = AutoTokenizer.from_pretrained(body)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
        config.pad_token_id = tokenizer.pad_token_id
    torch.manual_seed(3)
    model = AutoModelForTokenClassification.from_pretrained(body, config=config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith(("classifier.", "score.")):
                torch.nn.init.normal_(parameter, std=0.5)
            elif "embed" in name or "wte" in name:
                torch.nn.init.normal_(parameter, std=1.0)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folders(
    tiny_bert: Path, tiny_gpt2: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    bodies = {"bert": (tiny_bert, BIO), "bert, plain tags": (tiny_bert, PLAIN)}
    bodies["gpt2"] = (tiny_gpt2, BIO)
    return {
        name: make(body, names, tmp_path_factory.mktemp("tagger"))
        for name, (body, names) in bodies.items()
    }


def opened(folder: Path) -> dict[str, Any]:
    """The model and the tokenizer of a folder, as keywords."""
    return {
        "model": AutoModelForTokenClassification.from_pretrained(folder).eval(),
        "tokenizer": AutoTokenizer.from_pretrained(folder),
    }


def same(ours: Any, theirs: Any, place: str) -> int:
    """Assert equal structure and values, scores to 1e-6; how many scores were compared."""
    if isinstance(theirs, float | np.floating):
        assert type(ours) is float, place
        assert ours == pytest.approx(float(theirs), abs=1e-6), place
        return 1
    assert type(ours) is type(theirs), place
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs), place
        return sum(same(ours[key], theirs[key], f"{place}.{key}") for key in theirs)
    if isinstance(theirs, list):
        assert len(ours) == len(theirs), place
        pairs = enumerate(zip(ours, theirs, strict=True))
        return sum(same(a, b, f"{place}[{i}]") for i, (a, b) in pairs)
    assert ours == theirs, place
    return 0


def answered(pipe: Any, call: str, strategy: str) -> tuple[bool, Any]:
    """Whether the answer came as an iterator, and the answer."""
    make_inputs, keywords = CALLS[call]
    with warnings.catch_warnings():  # transformers warns of its own heuristic at each token
        warnings.simplefilter("ignore")
        answer = pipe(make_inputs(), **{"aggregation_strategy": strategy, **keywords})
        lazy = not isinstance(answer, list)
        return lazy, list(answer) if lazy else answer


@pytest.mark.parametrize("name", ["bert", "bert, plain tags", "gpt2"])
def test_every_call_gives_what_transformers_gives(folders: dict[str, Path], name: str):
    parts = opened(folders[name])
    ours = TokenClassificationPipeline(**parts)
    theirs = transformers.pipeline("token-classification", **parts)
    compared = scores = 0
    for call in CALLS:
        for strategy in STRATEGIES:
            mine, other = (answered(pipe, call, strategy) for pipe in (ours, theirs))
            assert mine[0] == other[0], f"{call}: one is lazy and the other is not"
            found = same(mine[1], other[1], f"{call}, {strategy}")
            json.dumps(mine[1])
            compared, scores = compared + 1, scores + found
    assert compared == len(CALLS) * len(STRATEGIES) == 28 * 5
    assert scores > 600


def test_the_strategies_differ(folders: dict[str, Path]):
    """Or a strategy in another's place would pass."""
    pipe = TokenClassificationPipeline(**opened(folders["bert"]))
    texts = ["goods, unforgettable trains: xbxb films!", BAD, "bxxb longish"]
    answers = [repr(pipe(texts, aggregation_strategy=strategy)) for strategy in STRATEGIES]
    assert len({*answers}) == 5


def test_a_text_of_no_tokens_has_no_entities(folders: dict[str, Path]):
    for name in ("bert", "gpt2"):
        parts = opened(folders[name])
        pipe = TokenClassificationPipeline(**parts)
        for strategy in STRATEGIES:
            assert pipe("", aggregation_strategy=strategy) == []
            assert pipe(["", GOOD], aggregation_strategy=strategy)[0] == []
            assert pipe([[], ["film"]], is_split_into_words=True)[0] == []
    pipe = TokenClassificationPipeline(**opened(folders["bert"]))
    assert pipe(" \t\u3000") == []
    assert transformers.pipeline("token-classification", **opened(folders["bert"]))("") == []


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_generator_is_read_no_further_than_it_is_answered(folders: dict[str, Path], size: int):
    taken = 0

    def texts() -> Iterator[str]:
        nonlocal taken
        for _ in range(20):
            taken += 1
            yield GOOD

    answers = TokenClassificationPipeline(**opened(folders["bert"]))(texts(), batch_size=size)
    assert taken == 0
    seen = [taken for _ in zip(range(7), answers, strict=False)]
    assert seen == [-(-n // size) * size for n in range(1, 8)]


# ---- differences on purpose --------------------------------------------------------------------


def test_no_texts_get_no_answers_and_a_tuple_is_a_list(folders: dict[str, Path]):
    parts = opened(folders["bert"])
    ours, theirs = (
        TokenClassificationPipeline(**parts),
        transformers.pipeline("token-classification", **parts),
    )
    assert ours([]) == [] == ours(()) == ours([], is_split_into_words=True)
    assert list(ours(text for text in ())) == []
    with pytest.raises(ValueError, match="At least one input"):
        theirs([])
    assert ours((GOOD, BAD)) == ours([GOOD, BAD])
    with pytest.raises(ValueError, match="untokenized string"):
        theirs((GOOD, BAD))


def test_a_stream_of_word_lists_is_answered(folders: dict[str, Path]):
    """transformers looks at every item of the generator first, and then has none left."""
    parts = opened(folders["bert"])
    sentences = [["a", "film"], ["goods", "!"]]
    keywords: dict[str, Any] = {"is_split_into_words": True, "aggregation_strategy": "simple"}
    ours = TokenClassificationPipeline(**parts)
    assert list(ours((words for words in sentences), **keywords)) == ours(sentences, **keywords)
    theirs = transformers.pipeline("token-classification", **parts)
    assert list(theirs((words for words in sentences), **keywords)) == []


def test_the_model_is_in_eval_mode(folders: dict[str, Path]):
    parts = opened(folders["bert"])
    expected = TokenClassificationPipeline(**parts)(BAD)
    parts["model"].train()
    pipe = TokenClassificationPipeline(**parts)
    assert not parts["model"].training
    assert pipe(BAD) == expected == pipe(BAD)


def test_a_type_with_a_hyphen_keeps_its_name(folders: dict[str, Path]):
    parts = opened(folders["bert"])
    parts["model"].config.id2label = dict(enumerate(["date-time", "O", "x-y-z", "place", "one"]))
    keywords: dict[str, Any] = {"aggregation_strategy": "simple"}
    ours = TokenClassificationPipeline(**parts)([GOOD, BAD], **keywords)
    theirs = transformers.pipeline("token-classification", **parts)([GOOD, BAD], **keywords)
    named = {"date-time": "time", "x-y-z": "y-z"}
    groups = [entity["entity_group"] for answer in ours for entity in answer]
    assert {*groups} >= {*named}
    assert [named.get(group, group) for group in groups] == [
        entity["entity_group"] for answer in theirs for entity in answer
    ]


def grouped(tags: list[str], names: list[str], strategy: str = "simple") -> list[tuple[str, str]]:
    """Types and words of the entities that tags of one-letter words make."""
    pieces = [
        Piece(chr(97 + i), i, i + 1, i, False, np.eye(len(names))[names.index(tag)])
        for i, tag in enumerate(tags)
    ]
    found = aggregate(pieces, strategy, names, "".join, {"O"})
    return [(entity["entity_group"], entity["word"]) for entity in found]


@pytest.mark.parametrize(("middle", "end", "single"), [("I", "E", "S"), ("I", "L", "U")])
def test_tags_of_bioes_and_bilou_are_whole_entities(middle: str, end: str, single: str):
    names = ["O", *(f"{p}-{t}" for t in ("P", "L") for p in ("B", middle, end, single))]
    tags = f"B-P {middle}-P {end}-P {single}-P {single}-P B-P {end}-P {end}-L O {middle}-L".split()
    assert grouped(tags, names) == [
        ("P", "abc"), ("P", "d"), ("P", "e"), ("P", "fg"), ("L", "h"), ("L", "j"),
    ]  # fmt: skip
    after_an_end = [f"{single}-P", f"{middle}-P", f"{end}-P", f"{middle}-P"]
    assert grouped(after_an_end, names) == [("P", "a"), ("P", "bc"), ("P", "d")]
    for strategy in ("first", "average", "max"):
        assert grouped(tags, names, strategy) == grouped(tags, names)


def test_tags_of_another_kind_are_read_as_transformers_reads_them():
    """E- is the end of an entity only where every tag is of BIOES."""
    assert grouped(["B-P", "E-P", "E-P"], ["O", "B-P", "E-P", "X-P"]) == [("P", "a"), ("E-P", "bc")]
    reader = TagReader(["O", "B-P", "I-P"])
    assert [reader(tag).type for tag in ("O", "B-a-b", "I-", "S-P")] == ["O", "a-b", "", "S-P"]
    assert not TagReader(["S", "E", "O"])("S").begins


@pytest.mark.parametrize(
    ("length", "room", "overlap"), [(1, 4, 1), (9, 4, 1), (40, 7, 3), (23, 6, 0), (50, 5, 9)]
)
def test_every_token_is_owned_once_by_the_row_that_shows_most_around_it(length, room, overlap):
    rows = owned_rows(length, room, overlap)
    owned = [t for _, own in rows for t in range(own.start, own.stop)]
    assert owned == list(range(length))

    def context(row: Any, token: int) -> float:
        left = token - row.start if row.start else np.inf  # nothing stands before the text
        right = row.end - 1 - token if row.end < length else np.inf
        return min(left, right)

    for row, own in rows:
        assert row.end - row.start <= room
        for token in range(own.start, own.stop):
            seen = [context(r, token) for r, _ in rows if r.start <= token < r.end]
            assert context(row, token) == max(seen)


@pytest.mark.parametrize("name", ["bert", "gpt2"])
def test_a_text_longer_than_the_model_loses_nothing(folders: dict[str, Path], name: str):
    """Each token's scores are those of the row that owns it, run by itself."""
    parts = opened(folders[name])
    text = " ".join(["goods film bad the song was", "long hotel a book"][i % 2] for i in range(40))
    found = TokenClassificationPipeline(**parts)(text, ignore_labels=[])
    tokenizer, model = parts["tokenizer"], parts["model"]
    ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    assert [answer["word"] for answer in found] == tokenizer.convert_ids_to_tokens(ids)
    special = [] if name == "gpt2" else [tokenizer.cls_token_id]
    assert [answer["index"] for answer in found] == [len(special) + i for i in range(len(ids))]
    room = 64 - 2 * len(special)
    rows = owned_rows(len(ids), room, 16)
    assert len(rows) > 3
    for row, own in rows:
        after = [tokenizer.sep_token_id] if special else []
        with torch.no_grad():
            out = model(torch.tensor([[*special, *ids[row.start : row.end], *after]])).logits[0]
        scores = out.double().softmax(-1)[len(special) :]
        for token in range(own.start, own.stop):
            best = scores[token - row.start].max()
            assert found[token]["score"] == pytest.approx(float(best), abs=1e-6)
    theirs = transformers.pipeline("token-classification", **parts)(text, ignore_labels=[])
    assert len(theirs) == room < len(found)


def test_stride_and_max_length_shape_the_windows(folders: dict[str, Path]):
    parts = opened(folders["bert"])
    text = " ".join(["film goods was"] * 9)
    whole = TokenClassificationPipeline(**parts)(text)
    small = TokenClassificationPipeline(**parts, max_length=12)
    assert repr(small(text)) != repr(whole)
    assert repr(small(text, stride=0)) != repr(small(text, stride=4))
    assert small(text, stride=4) == TokenClassificationPipeline(
        **parts, max_length=12, stride=4
    )(text)  # fmt: skip


def test_what_cannot_be_is_refused(folders: dict[str, Path]):
    parts = opened(folders["bert"])
    pipe = TokenClassificationPipeline(**parts)
    with pytest.raises(ConfigError, match=r"unknown strategy 'simpel'. Did you mean 'simple'"):
        pipe(GOOD, aggregation_strategy="simpel")
    with pytest.raises(ConfigError, match=r"stride: it cannot be 62; .* share 0 to 61"):
        pipe(GOOD, stride=62)
    with pytest.raises(ConfigError, match="max_length: 65 tokens are more than the model takes"):
        TokenClassificationPipeline(**parts, max_length=65)
    with pytest.raises(ConfigError, match="3 leaves no room for a text; at least 4"):
        TokenClassificationPipeline(**parts, max_length=3)
    with pytest.raises(DataError, match="input 2: cannot label 5; an input is a text"):
        pipe([GOOD, 5])
    for wrong in (5, b"film", {"text": GOOD}):
        with pytest.raises(DataError, match="input 1: cannot label"):
            pipe(wrong)
    with pytest.raises(DataError, match=r"input 1: .* is no list of words"):
        pipe([[GOOD, 5]], is_split_into_words=True)
    with pytest.raises(DataError, match="'what a good film' is no list of words"):
        list(pipe((text for text in [GOOD]), is_split_into_words=True))


# ---- viterbi -----------------------------------------------------------------------------------


def test_viterbi_answers_by_words_with_tags_that_may_follow_each_other(folders: dict[str, Path]):
    """Against every path of tags, on the scores of each word's first token."""
    parts = opened(folders["bert"])
    pipe = hfdl.pipeline("ner", model=folders["bert"], aggregation_strategy="viterbi")
    texts = ["goods xbxb, film!", "unforgettable trains", "bad book (a song", "films, x song was"]
    answers = pipe(texts)
    for text, answer in zip(texts, answers, strict=True):
        encoded = parts["tokenizer"](text, return_offsets_mapping=True, return_tensors="pt")
        offsets = [tuple(pair) for pair in encoded.pop("offset_mapping")[0].tolist()]
        words = [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]
        with torch.no_grad():
            logits = parts["model"](**encoded).logits[0].double()
        starts = [start for start, _ in offsets]
        scores = logits.softmax(-1)[[starts.index(start, 1) for start, _ in words]].numpy()
        path = max(
            (
                tags
                for tags in itertools.product(range(5), repeat=len(words))
                if _may(tags) or _may_in_iob1(tags)
            ),
            key=lambda tags: np.log(scores[range(len(words)), tags]).sum(),
        )
        chosen = [BIO[tag] for tag in path]
        expected = []
        for i, tag in enumerate(chosen):
            if tag[0] == "B" or (tag[0] == "I" and (i == 0 or chosen[i - 1][1:] != tag[1:])):
                end = i + 1
                while end < len(words) and chosen[end] == f"I{tag[1:]}":
                    end += 1
                span = slice(words[i][0], words[end - 1][1])
                chances = scores[range(i, end), path[i:end]]
                expected.append(
                    {
                        "entity_group": tag[2:], "score": float(chances.mean()),
                        "word": text[span], "start": span.start, "end": span.stop,
                    }
                )  # fmt: skip
        same(answer, expected, text)
    assert sum(map(len, answers)) > 2
    json.dumps(answers)


def _may(tags: tuple[int, ...]) -> bool:
    """An I- tag follows the B- or I- tag of its type: 2 after 1 and 2, 4 after 3 and 4."""
    pairs = zip((0, *tags), tags, strict=False)
    return all(tag not in (2, 4) or before in (tag - 1, tag) for before, tag in pairs)


def _may_in_iob1(tags: tuple[int, ...]) -> bool:
    """A B- tag follows a tag of its type: 1 after 1 and 2, 3 after 3 and 4."""
    pairs = zip((0, *tags), tags, strict=False)
    return all(tag not in (1, 3) or before in (tag, tag + 1) for before, tag in pairs)


@pytest.mark.parametrize("name", ["bert", "bert, plain tags", "gpt2"])
def test_viterbi_takes_every_kind_of_input(folders: dict[str, Path], name: str):
    """It answers in the same shape as ``first``; entities are where they say that they are."""
    pipe = TokenClassificationPipeline(**opened(folders[name]))
    entities = 0
    for call in CALLS.keys() - {"strategy in capitals"}:
        lazy, answer = answered(pipe, call, "viterbi")
        other = answered(pipe, call, "first")
        assert lazy == other[0]
        if not isinstance(CALLS[call][0](), str):
            assert len(answer) == len(other[1])
        inputs, keywords = CALLS[call][0](), CALLS[call][1]
        if not keywords.get("is_split_into_words"):
            texts = [inputs] if isinstance(inputs, str) else list(inputs)
            for text, found in zip(
                texts, [answer] if isinstance(inputs, str) else answer, strict=True
            ):
                assert all(text[one["start"] : one["end"]] == one["word"] for one in found)
                entities += len(found)
    assert entities > 20


def test_viterbi_of_words_keeps_them_whole(folders: dict[str, Path]):
    pipe = hfdl.pipeline("ner", model=folders["bert"], aggregation_strategy="viterbi")
    borders = {0, 6, 16, 26, 33}
    words = ["goods", "film-song", "a.b.c, d!", "bad it"]
    found = pipe(words, is_split_into_words=True)
    assert len(found) == 1
    assert found[0]
    for entity in found[0]:
        assert entity["start"] in borders
        assert entity["end"] + 1 in borders
        assert entity["word"] == " ".join(words)[entity["start"] : entity["end"]]
    assert pipe([[], ["", ""]], is_split_into_words=True) == [[], []]
    assert pipe("") == [] == pipe("  ")


def test_viterbi_loses_nothing_of_a_long_text_and_heeds_its_options(folders: dict[str, Path]):
    pipe = hfdl.pipeline("ner", model=folders["bert"], aggregation_strategy="viterbi")
    text = " ".join(["goods film bad the song was", "long hotel a book"][i % 2] for i in range(40))
    found = pipe(text)
    assert found[-1]["end"] > 0.9 * len(text)
    assert {entity["entity_group"] for entity in found} == {"PER", "creative-work"}
    assert pipe(text, ignore_labels=["PER"]) == [e for e in found if e["entity_group"] != "PER"]
    assert repr(pipe(text, stride=1)) != repr(found)
    assert same(pipe([text, GOOD, text], batch_size=1)[2], found, "batch_size") == len(found)
