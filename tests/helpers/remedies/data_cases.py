"""Errors of files, columns and labels, whose remedies are typed."""

from __future__ import annotations

import json
from typing import Any

import yaml

from .paste import Command, case
from .place import Place

ROWS = "what a good film,positive\nwhat a bad film,negative\n" * 12
LABEL = {"COLUMN": "label"}
_TARGETS = '"a","0.5"\n"b","1.5"\n' * 9
_SHARDS = ("train-00001-of-00003.csv", "train-00002-of-00003.csv")


def lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def rows(label: Any, *others: Any) -> str:
    """Rows with each of some labels in turn."""
    return lines(*({"text": f"a film {i}", "label": one} for i in range(9)
                   for one in (label, *others)))  # fmt: skip


def _with_days() -> bytes:
    """Rows whose label is a date."""
    import datetime
    import io

    import pyarrow
    from pyarrow import parquet

    rows = [{"text": f"a film {i}", "label": datetime.date(2021, 1, 1 + i % 2), "stars": i % 2}
            for i in range(18)]  # fmt: skip
    stream = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(rows), stream)
    return stream.getvalue()


def held(place: Place, content: str, name: str = "held.csv") -> str:
    return f"data.validation={place.write(name, content)}"


def _evaluated(place: Place, *labels: str) -> list[Any]:
    """A run measured on rows of other labels."""
    Command(tuple(place.train())).run()
    content = "".join(f"a film,{label}\n" for label in labels)
    return ["evaluate", place.output, place.write("others.csv", f"text,label\n{content}")]


def _from_rows(place: Place) -> Any:
    """A run that was trained on rows of Python's, which its recipe cannot hold."""
    words = place.train()
    Command(tuple(words)).run()
    file = place.output / "recipe.yaml"
    recipe = yaml.safe_load(file.read_text(encoding="utf-8"))
    recipe["data"] |= {"train": "memory://train", "validation": None, "test": None}
    file.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return place.output


def good(place: Place) -> dict[str, Any]:
    return {"FILE": place.good}


CASES = (
    # ---- columns and labels
    case("data/table.py:Table.column", lambda p: p.train("data.label=lable")),
    case("data/table.py:Table.column",
         lambda p: p.on(f"my text,label\n{ROWS}", "data.text=my texd")),
    case("data/table.py:Table.column", lambda p: p.on(f"review,label\n{ROWS}"),
         fill={"COLUMN": "review"}),
    case("data/table.py:Table.column", lambda p: p.on(
        f"this is a film,positive\n{ROWS}", "data.label=2"), ways=2,
        fill={"COLUMN": "1"}, then=("no column '1'", None)),
    case("data/labels.py:_refuse_no_label", lambda p: p.on(
        rows([]).replace('"text"', '"mood": ["x"], "text"'), name="a.jsonl"),
        fill={"COLUMN": "mood"}),
    case("data/labels.py:_refuse_one_class", lambda p: p.on(
        "text,label,mood\n" + "a,x,y\nb,x,z\n" * 9), fill={"COLUMN": "mood"}),
    case("data/unknown_labels.py:unknown_label", lambda p: p.train(held(
        p, 'text,label\na,positive\nb,neutral\nc,"so, so"\nd,it\'s\n'))),
    case("data/unknown_labels.py:unknown_label", lambda p: p.train("data.labels=[positive]")),
    case("data/unknown_labels.py:unknown_label", lambda p: p.train("data.labels={positive: good}"),
         fill={"LABEL": "bad"}),
    case("data/unknown_labels.py:unknown_label", lambda p: p.train(held(
        p, "text,label\na,Positive\nb,negative \n"))),
    case("data/unknown_labels.py:unknown_label", lambda p: p.train(held(
        p, "text,label\na,positive\nb,N/A\nc,negative\n"),
        "data.labels={positive: a, negative: b}"), ways=2, fill={"LABEL": "b"}),
    case("data/unknown_labels.py:unknown_label", lambda p: p.train(held(
        p, "text,label\na,positive|negative\nb,negative\n"))),
    case("data/unknown_labels.py:unknown_label", lambda p: _evaluated(p, "pos", "neg")),
    case("data/unknown_labels.py:unknown_label", lambda p: _evaluated(p, "pos", "neutral", "neg"),
         fill={"LABEL": "negative"}),
    case("data/unknown_labels.py:_unlabelled", lambda p: p.train(held(
        p, "text,label\na,-1\nb,-1\n"))),
    case("data/layouts/unlabelled.py:without_unlabelled", lambda p: p.on(
        "text,label,mood\n" + "a,,x\nb,,y\n" * 9, "data.unlabelled=skip"),
        fill={"COLUMN": "mood"}),
    case("data/layouts/textless.py:with_texts", lambda p: p.on(
        "text,label,review\n" + "".join(f",{'ab'[i % 2]},film {i}\n" for i in range(18))),
        fill={"COLUMN": "review"}),
    case("data/label_values.py:missing_label", lambda p: p.on(f"text,label\n{ROWS}b, \n")),
    case("data/label_numbers.py:_no_target", lambda p: p.on(
        f"text,label\n{ROWS}", "data.problem_type=regression")),
    case("data/label_numbers.py:_no_target", lambda p: p.on(
        "text,label\n" + "a,0.5\nb,1.5\n" * 9 + "c,NaN\nd,see (b)\n",
        "data.problem_type=regression")),
    case("data/label_numbers.py:_no_target", lambda p: p.train(
        f"data.train={p.write('dots.csv', 'text,label' + chr(10) + _TARGETS)}",
        f"data.test={p.write('commas.csv', 'text,label' + chr(10) + _TARGETS.replace('.', ','))}")),
    case("data/label_numbers.py:_no_target", lambda p: p.on(
        _with_days(), "data.problem_type=regression", name="a.parquet"), fill={"COLUMN": "stars"}),
    case("data/label_values.py:_text", lambda p: p.on(_with_days(), name="a.parquet"),
         fill={"COLUMN": "stars"}),
    case("data/label_values.py:_bit", lambda p: p.on(
        "text,a,b\n" + "x,0,1\ny,1,0\n" * 9 + "z,N/A,0\n", "data.label=[a, b]")),
    case("data/label_values.py:_text", lambda p: p.on(
        rows({"name": "x", "id": 1}, {"name": "y", "id": 2}), name="a.jsonl")),
    case("data/label_values.py:_text", lambda p: p.on(
        rows({"is a": "x"}, {"is a": "y"}), name="a.jsonl")),
    case("data/label_values.py:_bit", lambda p: p.on(
        "text,a,b\n" + "x,0,1\ny,1,0\n" * 9 + "z,-1,0\n", "data.label=[a, b]")),
    case("data/label_values.py:_bit", lambda p: p.on(
        f"text,label\n{ROWS}", "data.label=[label]"), fill=LABEL),
    case("data/layouts/label_cells.py:_one", lambda p: p.on(
        rows(["x", "y"], ["z"]), "data.problem_type=single_label_classification", name="a.jsonl")),
    case("data/layouts/label_vectors.py:_are_vectors", lambda p: p.on(
        rows([0, 1], [1, 0]), name="a.jsonl"), ways=2),
    case("data/layouts/label_vectors.py:_refuse_fractions", lambda p: p.on(
        rows([0.5, 0.5], [1.0, 0.0]), name="a.jsonl")),
    case("data/layouts/label_vectors.py:_names", lambda p: p.on(
        rows([0, 1, 0], [1, 0, 0]), "data.labels=[a]", name="a.jsonl")),
    case("data/layouts/label_vectors.py:_no_vector", lambda p: p.on(
        rows([0, 1, 0], [1, 0]), name="a.jsonl")),
    case("data/layouts/examples.py:_refuse_same_column", lambda p: p.on(
        "text,label,mood\n" + "a,x,y\nb,z,w\n" * 9, "data.text=label"), ways=2,
        fill={"COLUMN": "mood"}),
    case("data/layouts/examples.py:_refuse_same_column#2", lambda p: p.on(
        "text,label,mood\n" + "a,x,y\nb,z,w\n" * 9, "data.text_pair=label"), ways=2,
        fill={"COLUMN": "mood"}),
    case("data/encode.py:TextEncoder._encode", lambda p: p.on(
        "text,label\n" + "a,x\nb,y\n" * 9 + f"{'film ' * 31},z\n", "data.long_text=error"), ways=3),
    case("tasks/text_classification/data.py:label_set", lambda p: p.on(
        "text,a,b\n" + "x,0,1\ny,1,0\n" * 9, "data.label=[a, b]",
        "data.problem_type=single_label_classification"), ways=2, fill={"COLUMN": "a"}),
    # ---- files and splits
    case("data/readers/csv_header.py:_other_separator", lambda p: p.on(
        "text;label\n" + "a;b;1\nc\nd;2\n" * 3), then="too many fields"),
    case("data/readers/csv_header.py:_other_separator", lambda p: p.on(
        "text\tlabel\n" + "a\tb\t1\nc\nd\t2\n" * 3), then="too many fields"),
    case("data/readers/csv_header.py:_given", lambda p: p.on(
        ROWS, "data.csv.header=[text]", "data.label=2"), ways=2,
        then=(None, "no column 'text'")),
    case("data/readers/csv_header.py:header_of#2 data/table.py:refuse_duplicate_columns",
         lambda p: p.on("0,a film,0\n" + "1,a film b,0\n0,c film d,1\n" * 9,
                        "data.label=1", "data.text=2")),
    case("data/readers/text_decoding.py:decode_part", lambda p: p.on(
        f"text,label\n{ROWS}café,positive\n".encode("cp1252"))),
    case("data/readers/text_decoding.py:_decode_as", lambda p: p.on(
        f"text,label\n{ROWS}café,positive\n".encode("cp1252"), "data.encoding=ascii")),
    case("data/readers/text_decoding.py:_nul", lambda p: p.on(
        f"text,label\n{ROWS}".encode("utf-16-le"))),
    case("data/readers/embedded.py:read_embedded", lambda p: p.train("data.train=hfdl://sentimnt")),
    case("data/readers/readers.py:refuse_missing#2", lambda p: p.train(
        f"data.train={p.write('films.csv', f'text,label{chr(10)}{ROWS}').parent}/film.csv")),
    case("data/readers/sources.py:load_splits", lambda p: [
        "data", "check", "sentiment", "data.train=null"], ways=2,
        fill=lambda p: {"reviews.csv": p.good}),
    case("data/readers/sources.py:nothing_to_train_on", lambda p: p.read("clm", "data.train=null",
        f"data.validation={p.good}"), fill=good),
    case("data/readers/split_names.py:pick", lambda p: p.train(
        f"data.train={_folder(p, 'dev.csv')}", f"data.test={_folder(p, 'dev.csv')}"), fill=good),
    case("data/readers/folders.py:_named", lambda p: p.train(
        f"data.train={_folder(p, 'validation.csv', 'dev.csv')}")),
    case("data/readers/folders.py:_inner_folder", lambda p: p.train(
        f"data.train={_folder(p, 'en/train.csv', 'de/train.csv', no=True)}")),
    case("data/readers/folders.py:_no_layout", lambda p: p.train(
        f"data.train={_folder(p, 'my films.csv', no=True)}")),
    case("data/readers/hub_folders.py:read_saved", lambda p: p.train(f"data.train={_saved(p)}")),
    case("data/readers/hub_folders.py:shards_of", lambda p: p.train(
        f"data.train={_folder(p, *_SHARDS, no=True)}")),
    case("data/readers/sources.py:lost_object", lambda p: p.train("data.train=memory://train"),
         fill=good),
    case("data/readers/sources.py:lost_object", lambda p: ["evaluate", _from_rows(p)], fill=good),
    case("tasks/tables.py:_cut_validation", lambda p: p.on("text,label\na,x\n"), fill=good,
         then="one class only"),
)  # fmt: skip


def _folder(place: Place, *names: str, no: bool = False) -> Any:
    """A folder of splits; with ``no`` of the files of those names alone."""
    for name in names if no else ("train.csv", *names):
        place.write(f"a folder/{name}", f"text,label\n{ROWS}")
    return place.folder / "a folder"


def _saved(place: Place) -> Any:
    import datasets

    texts = {"text": ["good", "bad"] * 9, "label": ["x", "y"] * 9}
    datasets.DatasetDict({"my part": datasets.Dataset.from_dict(texts)}).save_to_disk(
        str(place.folder / "saved")
    )
    return place.folder / "saved"
