"""Taggers of plain transformers are measured by type, whatever their scheme and spelling."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from helpers.wording import assert_wording
from seqeval.metrics import f1_score

import hfdl
from hfdl.config.overrides import parse_overrides
from hfdl.errors import HfdlError
from hfdl.weights.pretrained import quiet_transformers

WORDS = ["good", "great", "film", "book", "the", "long", "first", "last"]
# Words with tags of BIO: two of one type that touch, one of two words, and one between.
GOLD = [
    ("the good film", "O B-PER O"),
    ("great good book the", "B-LOC I-LOC O O"),
    ("the first last", "O B-PER B-PER"),
    ("long long good good the", "O O B-PER I-PER O"),
    ("great the first", "B-LOC O B-PER"),
]


def iob1(tags: list[str]) -> list[str]:
    """B only between two entities of one type that touch."""
    return [
        f"I{tag[1:]}" if tag[0] == "B" and (i == 0 or tags[i - 1][1:] != tag[1:]) else tag
        for i, tag in enumerate(tags)
    ]


def bioes(tags: list[str]) -> list[str]:
    after = [*tags[1:], "O"]
    ends = [tag != "O" and not follower.startswith("I") for tag, follower in zip(tags, after)]  # noqa: B905
    closed = {"B": "S", "I": "E", "O": "O"}
    return [closed[t[0]] + t[1:] if end else t for t, end in zip(tags, ends, strict=True)]


def untouched(tags: list[str]) -> list[str]:
    return tags


Write = Callable[[list[str]], list[str]]
MODELS: dict[str, tuple[list[str], Write]] = {
    "as the file": (["O", "B-PER", "I-PER", "B-LOC", "I-LOC"], untouched),
    "permuted": (["I-LOC", "B-PER", "O", "B-LOC", "I-PER"], untouched),
    "underscores": (["O", "B_PER", "I_PER", "B_LOC", "I_LOC"],
                    lambda tags: [tag.replace("-", "_") for tag in tags]),
    "lower case": (["o", "b-per", "i-per", "b-loc", "i-loc"],
                   lambda tags: [tag.lower() for tag in tags]),
    "types in lower case": (["O", "B-per", "I-per", "B-loc", "I-loc"],
                            lambda tags: [t[:2] + t[2:].lower() for t in tags]),
    "IOB1": (["B-LOC", "B-PER", "I-LOC", "I-PER", "O"], iob1),
    "IOB1, one type without B": (["B-PER", "I-LOC", "I-PER", "O"], iob1),
    "BIOES": (["O", *(f"{p}-{t}" for t in ("PER", "LOC") for p in "BIES")], bioes),
    "BILOU": (["O", *(f"{p}-{t}" for t in ("PER", "LOC") for p in "BILU")],
              lambda tags: [t.replace("E-", "L-").replace("S-", "U-") for t in bioes(tags)]),
    "no prefixes": (["LOC", "O", "PER"], lambda tags: [t[2:] or t for t in tags]),
    "more types": (["O", "B-ORG", "I-ORG", "B-PER", "I-PER", "B-LOC", "I-LOC"], untouched),
}  # fmt: skip


@pytest.fixture(scope="module")
def tagger(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder of a model that plain transformers trained until it knows ``GOLD``."""

    @lru_cache
    def make(kind: str) -> Path:
        names, write = MODELS[kind]
        return fitted(tiny_bert, tmp_path_factory.mktemp("tagger"), names, write)

    return make


def fitted(body: Path, folder: Path, names: Sequence[str], write: Write) -> Path:
    """A model that gives each word of ``GOLD`` its tag, by a loop of plain torch."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(body)
    with quiet_transformers():
        torch.manual_seed(0)
        model = transformers.AutoModelForTokenClassification.from_pretrained(
            body, num_labels=len(names), id2label=dict(enumerate(names))
        )
    texts = tokenizer([text for text, _ in GOLD], padding=True, return_tensors="pt")
    labels = torch.full_like(texts["input_ids"], -100)
    for row, (_, tags) in enumerate(GOLD):
        ids = [list(names).index(tag) for tag in write(tags.split())]
        labels[row, 1 : len(ids) + 1] = torch.tensor(ids)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(60):
        model(**texts, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    answers = model.eval()(**texts).logits.argmax(-1)
    assert torch.equal(answers[labels != -100], labels[labels != -100])
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The sentences in BIO."""
    return conll(tmp_path / "gold.conll", [(text, tags.split()) for text, tags in GOLD])


def conll(path: Path, sentences: Sequence[tuple[str, Sequence[str]]]) -> Path:
    rows = ["\n".join(map(" ".join, zip(t.split(), tags, strict=True))) for t, tags in sentences]
    path.write_text("\n\n".join(rows) + "\n", encoding="utf-8")
    return path


def evaluated(folder: Path, source: Path, **overrides: Any) -> dict[str, float]:
    given = {"data.test": str(source), **{f"data.{k}": v for k, v in overrides.items()}}
    return hfdl.evaluate(folder, given, listener=lambda event: None)["test"]


def test_every_kind_of_model_is_among_the_cases() -> None:
    assert len(MODELS) == 11


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_that_is_right_has_f1_1(
    tagger: Callable[[str], Path], source: Path, kind: str
) -> None:
    found = evaluated(tagger(kind), source)
    if kind == "no prefixes":  # two that touch are one entity of it: two missed
        gold = [tags.split() for _, tags in GOLD]
        merged = [["O" if t == "O" else f"I-{t[2:]}" for t in tags] for tags in gold]
        assert found["f1"] == pytest.approx(f1_score(gold, merged))
    else:
        assert found["f1"] == 1.0
    types = {key for key in found if key.endswith("/support") and found[key]}
    assert {kind.lower() for kind in types} == {"per/support", "loc/support"}
    assert sum(found[key] for key in types) == 7


@pytest.mark.parametrize("kind", MODELS)
def test_the_file_may_be_in_each_scheme(
    tagger: Callable[[str], Path], tmp_path: Path, kind: str
) -> None:
    expected = evaluated(tagger(kind), conll(tmp_path / "a.conll", _written(untouched)))
    for write in (iob1, bioes, lambda tags: [tag.lower() for tag in tags]):
        other = conll(tmp_path / "b.conll", _written(write))
        assert evaluated(tagger(kind), other)["f1"] == expected["f1"]


def _written(write: Write) -> list[tuple[str, list[str]]]:
    return [(text, write(tags.split())) for text, tags in GOLD]


@pytest.mark.parametrize("kind", MODELS)
def test_the_pipeline_finds_what_evaluation_counts(
    tagger: Callable[[str], Path], source: Path, kind: str
) -> None:
    pipe = hfdl.pipeline(model=str(tagger(kind)), aggregation_strategy="viterbi")
    number = sum(len(pipe(text)) for text, _ in GOLD)
    assert number == (6 if kind == "no prefixes" else 7)


def test_a_type_in_other_letters_is_said(
    tagger: Callable[[str], Path], source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    given = {"data.test": str(source)}
    hfdl.evaluate(tagger("types in lower case"), given, output=out, listener=lambda event: None)
    assert "types by name: LOC is loc, PER is per" in (out / "log.jsonl").read_text("utf-8")


def test_keys_of_id2label_may_be_texts(tagger: Callable[[str], Path], source: Path) -> None:
    config = json.loads((tagger("permuted") / "config.json").read_text("utf-8"))
    assert all(isinstance(key, str) for key in config["id2label"])
    config.pop("label2id")
    (tagger("permuted") / "config.json").write_text(json.dumps(config))
    assert evaluated(tagger("permuted"), source)["f1"] == 1.0


def test_spans_are_found_by_type_too(tagger: Callable[[str], Path], tmp_path: Path) -> None:
    rows = [
        {"text": "the good film", "spans": [[4, 8, "per"]]},
        {"text": "great good book the", "spans": [[0, 10, "Loc"]]},
    ]
    file = tmp_path / "spans.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert evaluated(tagger("BIOES"), file)["f1"] == 1.0


# ---- refused ---------------------------------------------------------------------------------


def test_fewer_types_are_refused_with_both_sets_and_a_remedy_that_works(
    tagger: Callable[[str], Path], tmp_path: Path
) -> None:
    other = [(text, [tag.replace("LOC", "MISC") for tag in tags.split()]) for text, tags in GOLD]
    source = conll(tmp_path / "misc.conll", other)
    with pytest.raises(HfdlError) as caught:
        evaluated(tagger("no prefixes"), source)
    assert_wording(caught.value)
    found = _follow(str(caught.value), tagger("BIOES"), source)
    assert found["PER/f1"] == 1.0
    assert found["LOC/support"] == 0
    # A name of the model's for it instead
    named = evaluated(tagger("BIOES"), source, labels={"MISC": "LOC"})
    assert named["f1"] == 1.0


def test_the_same_remedy_works_for_spans(tagger: Callable[[str], Path], tmp_path: Path) -> None:
    file = tmp_path / "spans.jsonl"
    row = {"text": "the good film", "spans": [[4, 8, "PER"], [9, 13, "MISC"]]}
    file.write_text(json.dumps(row) + "\n")
    with pytest.raises(HfdlError) as caught:
        evaluated(tagger("BIOES"), file)
    assert _follow(str(caught.value), tagger("BIOES"), file)["f1"] == 1.0


def _follow(message: str, folder: Path, source: Path) -> dict[str, float]:
    (remedy,) = re.findall(r"'data\.labels=[^']*'", message)
    given = parse_overrides(shlex.split(remedy))
    return hfdl.evaluate(
        folder, {"data.test": str(source), **given}, listener=lambda event: None
    )["test"]  # fmt: skip


def test_tags_without_names_are_refused_or_named_by_the_recipe(
    tiny_bert: Path, source: Path, tmp_path: Path
) -> None:
    names = [f"LABEL_{i}" for i in range(5)]
    tags = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    folder = fitted(
        tiny_bert, tmp_path / "model", names, lambda row: [names[tags.index(t)] for t in row]
    )
    with pytest.raises(HfdlError) as caught:
        evaluated(folder, source)
    assert_wording(caught.value)
    assert evaluated(folder, source, labels=tags)["f1"] == 1.0
    # Numbers in the file, which are the model's ids
    numbers = [(text, [str(tags.index(t)) for t in row.split()]) for text, row in GOLD]
    assert evaluated(folder, conll(tmp_path / "n.conll", numbers), labels=tags)["f1"] == 1.0


def test_a_model_without_a_tag_outside_is_refused(
    tiny_bert: Path, source: Path, tmp_path: Path
) -> None:
    with quiet_transformers():
        model = transformers.AutoModelForTokenClassification.from_pretrained(
            tiny_bert, num_labels=2, id2label={0: "PER", 1: "LOC"}
        )
        model.save_pretrained(tmp_path / "model")
    transformers.AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(tmp_path / "model")
    with pytest.raises(HfdlError) as caught:
        evaluated(tmp_path / "model", source)
    assert_wording(caught.value)
