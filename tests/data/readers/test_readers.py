"""Local files to tables: nothing guessed, every error with its place."""

import csv
import io
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.support import ASSETS
from helpers.wording import assert_wording
from hypothesis import given
from hypothesis import strategies as st

from hfdl.data.readers.readers import read_bytes, read_file
from hfdl.data.readers.reading import Reading
from hfdl.errors import DataError


def read(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_file(path, source=name)


def message(tmp_path, name, content):
    with pytest.raises(DataError) as caught:
        read(tmp_path, name, content)
    return str(caught.value)


# csv ---------------------------------------------------------------------------------------


def test_csv_guesses_no_type(tmp_path):
    table = read(tmp_path, "a.csv", "text,label\nNA,01\nnull,True\n,1.0\nNone,nan\n")
    assert dict(table.columns) == {
        "text": ["NA", "null", "", "None"],
        "label": ["01", "True", "1.0", "nan"],
    }


def test_csv_with_bom_crlf_and_quoted_line_breaks(tmp_path):
    content = b'\xef\xbb\xbftext,label\r\n"one\r\ntwo, ""three""",1\r\n\r\nlast,0'
    table = read(tmp_path, "a.csv", content)
    assert table.columns["text"] == ['one\r\ntwo, "three"', "last"]
    assert table.columns["label"] == ["1", "0"]
    assert table.lines == [2, 5]
    assert table.where(1) == "a.csv, line 5"


def test_another_encoding_behind_a_mark_of_utf8(tmp_path):
    """Some programs write the mark before anything; the encoding that is advised reads the file."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbftext,label\nsch\xf6n,0\n")
    with pytest.raises(DataError, match=r"offset 17 .* set data.encoding=cp1252"):
        read_file(path)
    table = read_file(path, reading=Reading(encoding="cp1252"))
    assert table.columns == {"text": ["sch\xf6n"], "label": ["0"]}
    with pytest.raises(DataError, match="0xf6 at offset 17 is not ascii"):
        read_file(path, reading=Reading(encoding="ascii"))


def test_csv_with_a_field_of_a_million_characters_restores_the_limit(tmp_path):
    before = csv.field_size_limit()
    table = read(tmp_path, "a.csv", f"text,label\n{'x' * 1_000_000},1\n")
    assert len(table.columns["text"][0]) == 1_000_000
    assert csv.field_size_limit() == before


def test_csv_after_an_error_still_reads(tmp_path):
    with pytest.raises(DataError):
        read(tmp_path, "a.csv", "text,label\nx\n")
    assert len(read(tmp_path, "b.csv", "text,label\nx,1\n")) == 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "text,label\ngood,1\nbad, really,0\n",
            "a.csv, line 3: too many fields: expected 2 (text, label), found 3; fields are "
            "separated by one comma. Put a text that holds a comma in double quotes",
        ),
        (
            'text,label\n"a\nb",1\nbad\n',
            "a.csv, line 4: too few fields: expected 2 (text, label), found 1; fields are "
            "separated by one comma. Put a text that holds a comma in double quotes",
        ),
        (
            'text,label\nx,1\n"open,1\ny,0\n',
            "a.csv, line 3: a double quote opens here and does not close before the end of the "
            "file; a field in double quotes ends with one, and a quote inside it is doubled. Fix "
            "the quotes of that row; a tsv file needs none",
        ),
        (
            'text,label\n"so" he said,1\n',
            "a.csv, line 2: text after the double quote that closes a field; a field in double "
            "quotes ends with one, and a quote inside it is doubled. Fix the quotes of that row; "
            "a tsv file needs none",
        ),
        (
            "text,label,text\nx,1,y\n",
            "a.csv, line 1: column 'text' occurs twice; each column has a name of its own. Rename "
            "or remove one of them",
        ),
        (
            "text;label\nx;1\ny\n",
            "a.csv, line 1: the header is one column, 'text;label', and holds a semicolon; columns "
            "are separated by one comma, and the rows do not show another separator for certain. "
            "Say what separates them: 'data.csv.separator=;'",
        ),
        (
            "text,label\n",
            "a.csv: no rows; the columns are: text, label. Is this the right file?",
        ),
        ("", "a.csv: the file is empty. Is this the right file?"),
        (
            "\n\n",
            "a.csv, line 1: no header: every line is blank; the first line names the columns. Is "
            "this the right file?",
        ),
        (
            b"text,label\nfine,1\ncaf\xe9,0\n",
            "a.csv, line 3: byte 0xe9 at offset 21 is not UTF-8; text files are read as UTF-8 "
            "unless data.encoding says otherwise. It looks like cp1252: set data.encoding=cp1252",
        ),
        (
            b"\xef\xbb\xbftext,label\n\xf6l,0\n",
            "a.csv, line 2: byte 0xf6 at offset 14 is not UTF-8; text files are read as UTF-8 "
            "unless data.encoding says otherwise. It looks like cp1252: set data.encoding=cp1252",
        ),
        (
            b"text,label\nx,1\ny\x00,0\n",
            "a.csv, line 3: NUL byte at offset 16; a text file holds none. Is the file binary or "
            "damaged? Write it again as UTF-8 text",
        ),
    ],
)
def test_csv_errors(tmp_path, content, expected):
    assert message(tmp_path, "a.csv", content) == expected


_FIELD = st.text(
    st.one_of(
        st.sampled_from('",;\t\n\r \u2028\x85\x0c'),
        st.characters(exclude_categories=("Cs",), exclude_characters="\0\ufeff"),
    ),
    max_size=12,
)


@given(rows=st.lists(st.tuples(_FIELD, _FIELD), min_size=1, max_size=12))
def test_csv_equals_pandas_without_guessing(rows):
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "label"), *rows])
    data = buffer.getvalue().encode()
    frame = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False)
    table = read_bytes(data, "a.csv")
    assert {name: list(values) for name, values in table.columns.items()} == frame.to_dict("list")
    assert list(zip(*table.columns.values(), strict=True)) == rows


@given(rows=st.lists(st.tuples(_FIELD, _FIELD), min_size=1, max_size=12))
def test_csv_line_numbers_point_at_the_row(rows):
    rows = [tuple(field.replace("\r", "") for field in row) for row in rows]
    buffer = io.StringIO(newline="")
    csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([("a", "b"), *rows])
    lines = buffer.getvalue().split("\n")
    table = read_bytes(buffer.getvalue().encode(), "a.csv")
    assert table.lines is not None
    for (first, _), line in zip(rows, table.lines, strict=True):
        assert lines[line - 1].startswith('"' + first.split("\n")[0].replace('"', '""'))


# tsv ---------------------------------------------------------------------------------------


def test_tsv_has_no_quoting(tmp_path):
    table = read(tmp_path, "a.tsv", 'text\tlabel\n"never closed\t1\n"both"\t0\r\n\nlast\t1')
    assert table.columns["text"] == ['"never closed', '"both"', "last"]
    assert table.columns["label"] == ["1", "0", "1"]
    assert table.lines == [2, 3, 5]


def test_tsv_breaks_lines_at_line_feeds_only(tmp_path):
    table = read(tmp_path, "a.tsv", "text\tlabel\na\u2028b\x85c\x0cd\re\t1\n")
    assert table.columns["text"] == ["a\u2028b\x85c\x0cd\re"]


def test_tsv_errors(tmp_path):
    assert message(tmp_path, "a.tsv", "text\tlabel\nno tab\n") == (
        "a.tsv, line 2: too few fields: expected 2 (text, label), found 1; fields are separated by "
        "one tab. Tsv has no quoting: write a text that holds a tab or a line break as csv"
    )
    assert message(tmp_path, "a.tsv", "text,label\nx,1\ny\n").startswith(
        "a.tsv, line 1: the header is one column, 'text,label', and holds a comma; columns are "
        "separated by one tab,"
    )


# json and jsonl ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        [{"text": "a", "label": 1}, {"text": "b"}],
        {"text": ["a", "b"], "label": [1, None]},
        {"data": [{"text": "a", "label": 1}, {"text": "b", "label": None}]},
    ],
)
def test_json_shapes(tmp_path, content):
    table = read(tmp_path, "a.json", json.dumps(content))
    assert dict(table.columns) == {"text": ["a", "b"], "label": [1, None]}
    assert table.where(1) == "a.json, row 2"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            '[{"text": "a",\n  "label": }]',
            "a.json, line 2, column 12: not JSON: Expecting value; a json file holds a list of "
            "objects, an object of columns of equal length, an object with one list of objects in "
            "it, pandas' to_json, or an object a line. Correct this place",
        ),
        (
            '{"text": ["a", "b"], "label": [1]}',
            "a.json: columns of unequal length: text 2, label 1; each column has one value a row",
        ),
        (
            '[{"text": "a"}, "b"]',
            "a.json, row 2: string where an object should be; a json file holds a list of objects, "
            "an object of columns of equal length, an object with one list of objects in it, "
            "pandas' to_json, or an object a line",
        ),
        (
            '{"text": {"a": "b"}}',
            "a.json: an object of objects, whose rows and columns cannot be told apart; in pandas' "
            "to_json the rows are numbered: orient='columns' has the numbers inside, 'index' "
            "outside. Write it with orient='records'",
        ),
        ("[]", "a.json: no rows; the columns are: none. Is this the right file?"),
        (
            '[{"text": "a", "text": "b"}]',
            "a.json: column 'text' occurs twice in one object; each column has a name of its own. "
            "Rename or remove one of them",
        ),
    ],
)
def test_json_errors(tmp_path, content, expected):
    assert message(tmp_path, "a.json", content) == expected


def test_deeply_nested_json_is_an_error_not_a_crash(tmp_path):
    assert message(tmp_path, "a.json", "[" * 200_000).startswith("a.json: JSON that cannot be read")


def test_jsonl_keeps_types_and_skips_blank_lines(tmp_path):
    content = '{"text": "a\u2028b", "label": 1}\n\n{"label": null, "extra": [true]}\r\n'
    table = read(tmp_path, "a.jsonl", content)
    assert dict(table.columns) == {
        "text": ["a\u2028b", None],
        "label": [1, None],
        "extra": [None, [True]],
    }
    assert table.lines == [1, 3]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            '{"text": "a"}\n\n{"text": \'b\'}\n',
            "a.jsonl, line 3, column 10: not JSON: Expecting value; a jsonl file holds one JSON "
            "object a line. Correct this place",
        ),
        (
            '{"text": "a"}\n["b"]\n',
            "a.jsonl, line 2: list where an object should be; a jsonl file holds one object a "
            'line. Write it as {"text": ..., "label": ...}',
        ),
        (
            '{"text": "a"}\n{"text": "a", "text": "b"}\n',
            "a.jsonl, line 2: column 'text' occurs twice in one object; each column has a name of "
            "its own. Rename or remove one of them",
        ),
        ("\n\n", "a.jsonl: no rows; the columns are: none. Is this the right file?"),
        (
            '{"text": "a"}\n{"text": "\\uD83D"}\n',
            "a.jsonl, line 2: column 'text' holds half of a surrogate pair; it is no character and "
            r"cannot be tokenised. The escape \uD83D, for instance, needs its second half \uDE00",
        ),
    ],
)
def test_jsonl_errors(tmp_path, content, expected):
    assert message(tmp_path, "a.jsonl", content) == expected


def test_jsonl_with_whole_surrogate_pairs_is_read(tmp_path):
    assert read(tmp_path, "a.jsonl", r'{"text": "\uD83D\uDE00"}').columns["text"] == ["\U0001f600"]


# parquet and txt ---------------------------------------------------------------------------


def test_parquet_keeps_none_types_and_label_names(tmp_path):
    info = {"info": {"features": {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}}}
    table = pa.table({"text": ["NA", None], "label": [0, 1]})
    table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
    pq.write_table(table, tmp_path / "a.parquet")
    found = read_file(tmp_path / "a.parquet", source="a.parquet")
    assert dict(found.columns) == {"text": ["NA", None], "label": [0, 1]}
    assert found.label_names == {"label": ["neg", "pos"]}


def test_parquet_errors(tmp_path):
    assert message(tmp_path, "a.parquet", b"PAR1 not really").startswith(
        "a.parquet: not a readable parquet file: "
    )
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "b.parquet")
    with pytest.raises(DataError, match="no rows; the columns are: text"):
        read_file(tmp_path / "b.parquet")
    twice = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    pq.write_table(twice, tmp_path / "c.parquet")
    with pytest.raises(DataError, match="column 'text' occurs twice"):
        read_file(tmp_path / "c.parquet")


def test_txt_is_one_line_a_row_blank_ones_too(tmp_path):
    table = read(tmp_path, "a.txt", "one, two\n\nthree\r\n")
    assert dict(table.columns) == {"text": ["one, two", "", "three"]}
    assert table.where(2) == "a.txt, line 3"


# names -------------------------------------------------------------------------------------


def test_the_extension_may_be_in_capitals(tmp_path):
    assert len(read(tmp_path, "A.CSV", "text,label\nx,1\n")) == 1


def test_missing_file_names_the_nearest(tmp_path):
    (tmp_path / "reviews.csv").touch()
    with pytest.raises(DataError) as caught:
        read_file(tmp_path / "review.csv", source="review.csv")
    assert_wording(caught.value)


def test_missing_file_with_nothing_near_or_no_folder(tmp_path, monkeypatch):
    with pytest.raises(DataError) as caught:
        read_file(tmp_path / "x.csv", source="x.csv")
    assert_wording(caught.value)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as caught:
        read_file(Path("data/x.csv"))
    assert_wording(caught.value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "a.xlsx",
            "a.xlsx: unknown file extension '.xlsx'; the known ones are: .csv, .tsv, .json, "
            ".jsonl, .ndjson, .conll, .conllu, .bio, .iob, .iob2, .bioes, .parquet, .txt. Convert "
            "the file to one of these",
        ),
        (
            "a.jsonlines",
            "a.jsonlines: unknown file extension '.jsonlines'; the known ones are: .csv, .tsv, "
            ".json, .jsonl, .ndjson, .conll, .conllu, .bio, .iob, .iob2, .bioes, .parquet, .txt. "
            "Did you mean '.jsonl'?",
        ),
        (
            "reviews",
            "reviews: the file name has no extension; the known ones are: .csv, .tsv, .json, "
            ".jsonl, .ndjson, .conll, .conllu, .bio, .iob, .iob2, .bioes, .parquet, .txt. Convert "
            "the file to one of these",
        ),
    ],
)
def test_unknown_extension(tmp_path, name, expected):
    assert message(tmp_path, name, "x") == expected


# real files --------------------------------------------------------------------------------


def test_a_file_of_reviews():
    equals_pandas(ASSETS / "reviews.tsv", 20, {"0", "1"})


@pytest.mark.needs_shared
@pytest.mark.parametrize(
    ("name", "rows", "labels"),
    [
        ("sst2_stsa/train.tsv", 6920, {"0", "1"}),
        ("imdb_subset/train.tsv", 2000, {"0", "1"}),
        ("tweet_emotion/train.tsv", 3257, {"0", "1", "2", "3"}),
        ("trec6/train.tsv", 5452, {"0", "1", "2", "3", "4", "5"}),
    ],
)
def test_real_files(name, rows, labels, shared):
    equals_pandas(shared(f"data/{name}"), rows, labels)


def equals_pandas(path, rows, labels):
    table = read_file(path)
    assert len(table) == rows
    assert set(table.columns["label"]) == labels
    frame = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, quoting=csv.QUOTE_NONE)
    assert {name: list(values) for name, values in table.columns.items()} == frame.to_dict("list")
