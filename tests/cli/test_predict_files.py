"""``hfdl predict --file --output``: the rows come back whole, with their answers beside them."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hfdl.cli import errors
from hfdl.cli.predicting.row_files import _FORMATS
from hfdl.data.readers.readers import read_file

ENDINGS = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet")
ROWS = [
    {"id": "007", "text": "good", "note": 'a "quoted", cell'},
    {"id": "008", "text": "  ", "note": ""},
    {"id": "9e5", "text": "café 王", "note": "NA"},
    {"id": "-1", "text": "", "note": "null"},
]


def label(text: Any) -> dict[str, Any]:
    return {"label": f"L{len(text)}", "score": 0.1 * len(text)}


@pytest.fixture
def predict(monkeypatch, capsys):
    """``predict(...)``: exit code, stdout and stderr, with a stand-in for the model's pipeline."""
    stand_in = SimpleNamespace(task="text-classification", answer=label, problem=None, asked=[])

    def pipeline(*_: Any, **__: Any) -> Any:
        def call(texts: list[Any], **_: Any) -> list[Any]:
            stand_in.asked.append(texts)
            return [stand_in.answer(text) for text in texts]

        call.task = stand_in.task  # type: ignore[attr-defined]
        config = SimpleNamespace(problem_type=stand_in.problem)
        call.model = SimpleNamespace(config=config)  # type: ignore[attr-defined]
        return call

    monkeypatch.setitem(sys.modules, "hfdl.pipelines", SimpleNamespace(pipeline=pipeline))

    def run(*arguments: Any) -> tuple[int, str, str]:
        code = errors.run(["predict", "m", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    run.stand_in = stand_in  # type: ignore[attr-defined]
    return run


def written(path: Path) -> list[dict[str, Any]]:
    """The rows of a file, as pandas and json read them; an empty cell is None."""
    if path.suffix == ".parquet":
        rows = pd.read_parquet(path).to_dict("records")
    elif path.suffix in (".csv", ".tsv"):
        separator = "," if path.suffix == ".csv" else "\t"
        options: dict[str, Any] = {"quoting": 3} if separator == "\t" else {}
        rows = pd.read_csv(
            path, sep=separator, dtype=str, keep_default_na=False, **options
        ).to_dict("records")  # fmt: skip
    elif path.suffix == ".json":
        rows = json.loads(path.read_text(encoding="utf-8"))
    else:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [{str(name): _value(cell) for name, cell in row.items()} for row in rows]


def _value(cell: Any) -> Any:
    if isinstance(cell, np.ndarray):
        return cell.tolist()
    is_nothing = cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell))
    return None if is_nothing else cell


def test_every_format_is_tested() -> None:
    assert set(ENDINGS) == {*_FORMATS}
    assert len(ENDINGS) == 6


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("given", [".csv", ".jsonl", ".parquet"])
def test_all_columns_come_back_in_order(predict, tmp_path, given: str, ending: str) -> None:
    source, target = tmp_path / f"in{given}", tmp_path / f"out{ending}"
    frame = pd.DataFrame(ROWS)
    if given == ".csv":
        frame.to_csv(source, index=False)
    elif given == ".parquet":
        frame.to_parquet(source)
    else:
        frame.to_json(source, orient="records", lines=True)
    code, out, err = predict("--file", source, "--output", target)
    assert code == 0
    assert out.startswith(f"wrote 4 rows to {target} in ")
    assert err == (
        f"note: 2 rows have no text (first: {source}, {'line 3' if given == '.csv' else ''}"
        f"{'line 2' if given == '.jsonl' else ''}{'row 2' if given == '.parquet' else ''}); "
        "their answers are empty\n"
    )
    rows = written(target)
    assert [list(row) for row in rows] == [["id", "text", "note", "prediction", "score"]] * 4
    for row, before in zip(rows, ROWS, strict=True):
        assert {name: row[name] or "" for name in before if before[name].strip()} == {
            name: value for name, value in before.items() if value.strip()
        }
    assert [row["prediction"] for row in rows] == ["L4", None, "L6", None]
    scores = [row["score"] for row in rows]
    assert scores[1] is scores[3] is None
    assert math.isclose(float(scores[0]), 0.4)
    assert predict.stand_in.asked == [["good", "café 王"]]


@pytest.mark.parametrize("ending", ENDINGS[:1] + ENDINGS[2:])
def test_what_is_written_can_be_read_again(predict, tmp_path, ending: str) -> None:
    source, target = tmp_path / "in.csv", tmp_path / f"out{ending}"
    cells = ['say "no"', "two\nlines", "a,b;c\td", "-5", "=1+1", " blank ", "x\r\ny"]
    pd.DataFrame({"text": cells, "id": range(7)}).to_csv(source, index=False)
    assert predict("--file", source, "--output", target)[0] == 0
    table = read_file(target)
    assert list(table.columns["text"]) == list(read_file(source).columns["text"])
    assert [str(one) for one in table.columns["id"]] == list("0123456")
    assert list(table.columns["prediction"]) == [f"L{len(cell)}" for cell in cells]


def test_a_cell_that_tsv_cannot_hold_is_refused_and_nothing_written(predict, tmp_path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.tsv"
    pd.DataFrame({"text": ["a", "b\tc"]}).to_csv(source, index=False)
    code, _, err = predict("--file", source, "--output", target)
    assert code == 2
    assert "--output, row 2: a cell holds a tab or a line break" in err
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_column_of_the_same_name_keeps_its_values(predict, tmp_path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("prediction,prediction_2,text\nold,older,abc\n", encoding="utf-8")
    code, _, err = predict("--file", source, "--output", target)
    assert code == 0
    assert "a column 'prediction' of its own; the answers are in 'prediction_3'" in err
    assert written(target) == [
        {"prediction": "old", "prediction_2": "older", "text": "abc", "prediction_3": "L3",
         "score": str(0.1 * 3)},
    ]  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS)
def test_lists_are_json_where_a_cell_is_a_text(predict, tmp_path, ending: str) -> None:
    source, target = tmp_path / "in.csv", tmp_path / f"out{ending}"
    source.write_text("text\nAnn\n\nbob\n", encoding="utf-8")
    ann = {"entity_group": "PER", "score": 0.5, "word": "Ann", "start": 0, "end": 3}
    predict.stand_in.task = "token-classification"
    predict.stand_in.answer = lambda text: [ann] if text == "Ann" else []
    assert predict("--file", source, "--output", target)[0] == 0
    cells = [row["entities"] for row in written(target)]
    if ending in (".csv", ".tsv"):
        cells = [json.loads(str(cell)) for cell in cells]
    assert [[*cell] for cell in cells] == [[ann], []]


def test_several_labels(predict, tmp_path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("text\nabc\n", encoding="utf-8")
    answers = [{"label": "ä", "score": 0.9}, {"label": "b", "score": 0.8}]
    predict.stand_in.answer = lambda text: answers
    assert predict("--file", source, "--output", target, "--top-k", "2")[0] == 0
    assert json.loads(str(written(target)[0]["predictions"])) == answers
    assert "ä" in target.read_text(encoding="utf-8")


def test_a_regression_predicts_its_number(predict, tmp_path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.jsonl"
    source.write_text("text\nabc\n", encoding="utf-8")
    predict.stand_in.problem = "regression"
    predict.stand_in.answer = lambda text: {"label": "LABEL_0", "score": -2.5}
    assert predict("--file", source, "--output", target)[0] == 0
    assert written(target) == [{"text": "abc", "prediction": -2.5}]


@pytest.mark.parametrize("ending", [".csv", ".json", ".jsonl"])
def test_missing_values_of_parquet(predict, tmp_path, ending: str) -> None:
    source, target = tmp_path / "in.parquet", tmp_path / f"out{ending}"
    pd.DataFrame({"text": ["a", None], "stars": [1.5, float("nan")]}).to_parquet(source)
    assert predict("--file", source, "--output", target)[0] == 0
    assert "NaN" not in target.read_text(encoding="utf-8")
    assert [row["stars"] for row in written(target)] == [1.5 if ending != ".csv" else "1.5", None]
    assert [row["prediction"] for row in written(target)] == ["L1", None]


def test_a_file_without_any_text_is_refused(predict, tmp_path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("text,id\n,1\n ,2\n", encoding="utf-8")
    code, _, err = predict("--file", source, "--output", target)
    assert (code, target.exists()) == (2, False)
    assert "no row has a text in column 'text'; the columns are: text, id" in err


def test_empty_rows_before_the_first_answer_have_its_columns(predict, tmp_path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("id,text\n" + "1,\n" * 700 + "2,abc\n", encoding="utf-8")
    assert predict("--file", source, "--output", target)[0] == 0
    rows = written(target)
    assert len(rows) == 701
    assert {tuple(row) for row in rows} == {("id", "text", "prediction", "score")}
    assert rows[-1]["prediction"] == "L3"


def test_files_are_never_replaced_unasked(predict, tmp_path) -> None:
    source, target, link = tmp_path / "in.csv", tmp_path / "out.csv", tmp_path / "link.csv"
    source.write_text("text\nabc\n", encoding="utf-8")
    target.write_text("mine", encoding="utf-8")
    link.symlink_to(source)
    code, _, err = predict("--file", source, "--output", target)
    assert (code, target.read_text(encoding="utf-8")) == (2, "mine")
    assert "the file exists. Choose another --output, or give --overwrite" in err
    assert predict("--file", source, "--output", target, "--overwrite")[0] == 0
    assert written(target)[0]["prediction"] == "L3"
    for same in (source, link):
        code, _, err = predict("--file", source, "--output", same, "--overwrite")
        assert code == 2
        assert "it is what the command reads; an input is never written over" in err
    assert source.read_text(encoding="utf-8") == "text\nabc\n"
    assert predict.stand_in.asked == [["abc"]]


def test_line_numbers(predict, tmp_path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text('text,line\n"a\nb",x\nc,y\n', encoding="utf-8")
    assert predict("--file", source, "--output", target, "--line-numbers")[0] == 0
    assert [(row["line_2"], row["line"]) for row in written(target)] == [("2", "x"), ("4", "y")]
    assert next(iter(written(target)[0])) == "line_2"
    assert predict("abc", "--line-numbers")[0] == 2


def test_rows_go_out_as_they_are_answered(predict, tmp_path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    pd.DataFrame({"text": ["x" * 100] * 100_000}).to_csv(source, index=False)
    sizes = []

    def answer(text: str) -> dict[str, Any]:
        if len(predict.stand_in.asked) != len(sizes):
            sizes.append(sum(part.stat().st_size for part in tmp_path.glob(".*.part.csv")))
        return label(text)

    predict.stand_in.answer = answer
    assert predict("--file", source, "--output", target)[0] == 0
    assert len(sizes) == math.ceil(100_000 / 256)
    assert sizes[200] > 4_000_000  # the first half is on disk when the second begins
    assert len(written(target)) == 100_000


def test_without_output_a_row_without_a_text_is_null(predict, tmp_path, monkeypatch) -> None:
    source = tmp_path / "in.csv"
    source.write_text("text,id\nabc,1\n,2\n", encoding="utf-8")
    code, out, err = predict("--file", source)
    assert code == 0
    assert [json.loads(line) for line in out.splitlines()] == [
        {"text": "abc", "label": "L3", "score": label("abc")["score"]},
        {"text": None, "label": None, "score": None},
    ]
    assert "note: 1 row has no text (first: " in err
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert predict("--file", source)[1].splitlines() == ["L3  0.3000  abc", "(no text)"]


def test_output_of_texts_that_are_no_files(predict, tmp_path) -> None:
    target = tmp_path / "out.csv"
    assert predict("abc", "a", "--output", target)[0] == 0
    assert [(row["text"], row["prediction"]) for row in written(target)] == [
        ("abc", "L3"), ("a", "L1"),
    ]  # fmt: skip
