"""Errors of named entities and of corpora, whose remedies are typed."""

from __future__ import annotations

from typing import Any

from .data_cases import held, lines
from .paste import Call, case
from .place import GOOD_TEXT, Place

SPANS = {"text": "Ann saw Rome", "spans": [[0, 3, "PER"], [8, 12, "LOC"]]}
CONLL_HELD = {"FILE": "held.conll"}


def words(*tags: Any, name: str = "tags") -> str:
    return lines(*[{"tokens": ["ann", "saw", "rome"][: len(tags)], name: tags}] * 20)


def text(place: Place) -> dict[str, Any]:
    return {"FILE": f"'{place.write('more.txt', GOOD_TEXT)}'"}


def _corpus(place: Place, *overrides: str, **options: Any) -> list[str]:
    return place.read("mlm", *overrides, **options)


def _split(**keywords: Any) -> Any:
    from hfdl.data.train_tokenizer import learn_tokenizer

    return learn_tokenizer(texts=["a good film"] * 9, size=300, masks=False, **keywords)


CASES = (
    case("data/entities/sentences.py:refuse_no_entities", lambda p: p.tag(
        content="B-PER ann O\nO saw O\n\n" * 9), fill={"COLUMN": "1"}),
    case("data/entities/sentences.py:_note", lambda p: p.tag(
        held(p, "ann B-PER\nsaw O\nrome I-LOC\n", "held.conll"), "data.illegal_tags=error")),
    case("data/entities/type_names.py:unknown_to_training", lambda p: p.tag(
        "data.labels=[O, B-LOC, I-LOC]"), ways=2),
    case("data/entities/type_names.py:unknown_to_training", lambda p: p.tag(
        held(p, "ann B-PER\n\nin O\noslo B-LOCC\n", "held.conll"))),
    case("data/entities/sentences.py:_no_columns", lambda p: p.tag(
        content=lines(*[{"my words": ["ann"], "my tags": ["B-PER"], "x": [[0, 1, "A"]],
                         "text": "ann"}] * 20), name="a.jsonl"),
        fill={"data.tokens=COLUMN": "data.tokens=my words", "data.spans=COLUMN": "data.spans=x",
              "data.tags=COLUMN": "data.tags=my tags"}, ways=2),
    case("data/entities/tag_columns.py:scheme_of", lambda p: p.tag(
        content="ann B-PER B-PER\n\nbob O S-PER\n\ncarl B-PER U-PER\n\n" * 9),
        fill={"COLUMN": "2"}),
    case("data/entities/tag_columns.py:scheme_of", lambda p: p.tag(
        content="ann B-PER\nsaw it's\n\n" * 9), ways=2, fill={"COLUMN": "1"},
        then=None),
    case("data/entities/tag_columns.py:_ambiguous", lambda p: p.tag(
        content="ann B_PER\nsaw O\n\nrome B_LOC\n\n" * 9), ways=2),
    case("data/entities/tag_columns.py:_ambiguous", lambda p: p.tag(
        content="ann B\nsaw O\n\nrome I\n\n" * 9)),
    case("data/entities/tag_columns.py:_ambiguous", lambda p: p.tag(
        content="ann 1\nsaw 0\n\nrome 3\n\n" * 9)),
    case("data/entities/token_columns.py:_name", lambda p: p.tag(
        content=words(1, 0, 4), name="a.jsonl")),
    case("data/entities/token_columns.py:_name", lambda p: p.tag(
        content=lines(*[{"tokens": ["ann"], "tags": [None], "x": ["B-A"]}] * 9), name="a.jsonl"),
        fill={"COLUMN": "x"}),
    case("data/layouts/word_rows.py:_no_sentence", lambda p: p.tag(
        content="number,word,tag\n" + "1,ann,B-PER\n1,saw,O\n2,rome,B-LOC\n" * 1
        + "".join(f"{i},ann,B-PER\n{i},saw,O\n" for i in range(3, 30)), name="a.csv"),
        fill={"COLUMN": "number"}),
    case("tasks/token_classification/data.py:SentenceEncoder._rows", lambda p: p.tag(
        held(p, "ann B-PER\n\n" + "film O\n" * 31, "held.conll"), "data.long_text=error"), ways=2),
    case("data/table.py:Table.column", lambda p: p.tag(
        content=words("B-PER", "O", name="ner tags"), name="a.jsonl")),
    # ---- corpora
    case("data/corpus/documents.py:hold_out", lambda p: p.read("clm", content="a"), fill=text),
    case("data/corpus/streamed_files.py:_held", lambda p: _corpus(
        p, "data.train=hfdl://prose", "data.streaming=true")),
    case("data/corpus/streamed_files.py:_refuse_whole", lambda p: _corpus(
        p, "data.streaming=true", name="a.json", content='[{"text": "a good film"}]' )),
    case("data/corpus/streaming.py:open_stores", lambda p: _corpus(
        p, "data.streaming=true", "data.max_samples=9")),
    case("data/corpus/streaming.py:_no_text", lambda p: _corpus(
        p, "data.streaming=true", "data.separator=null"), ways=2,
        fill=lambda p: {**text(p), "MARK": "\\n"}),
    case("tasks/language_modeling/masked_lm.py:require_mask", lambda p: p.read(
        "mlm", f"model.name={p.decoder}")),
    case("tasks/language_modeling/masked_lm.py:require_mask", lambda p: p.read(
        "mlm", "task=masked_lm", f"model.name={p.decoder}")),
    case("tasks/row_length.py:row_length", lambda p: p.read("clm", "data.max_length=65")),
    case("tasks/row_length.py:row_length "
         "tasks/text_classification/task.py:TextClassification._take",
         lambda p: p.train("data.max_length=65"), then=None),
    case("data/train_tokenizer.py:learn_tokenizer",
         lambda p: Call(_split, {"kind": "bpee"})),
)  # fmt: skip
