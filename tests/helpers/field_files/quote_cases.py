"""How csv and tsv files are quoted: R's tsv, single quotes, a blank after each comma."""

from __future__ import annotations

from helpers.field_files.case import FieldFile

DOUBLE = "fields are in double quotes, as its first line shows"
SINGLE = "fields are in single quotes, as its first line shows"
BLANK = "the blank after each separator is left out, as its first line has it"
KEPT = "and keep{} them (first: line {}): tsv has no quoting; with quoting, name the file .csv"

QUOTES = (
    FieldFile(
        "R's tsv",
        "a.tsv",
        '"text"\t"label"\n"a ""b"""\t"x"\n"c\td\ne"\t"y"\n',
        {"text": ['a "b"', "c\td\ne"], "label": ["x", "y"]},
        [2, 3],
        notes=[DOUBLE, "1 cell has 1 line break (line 3)"],
    ),
    FieldFile(
        "R's tsv with numbers",
        "a.tsv",
        '"text"\t"label"\r\n"a"\t1\r\n"b"\t2.5\r\n',
        {"text": ["a", "b"], "label": ["1", "2.5"]},
        notes=[DOUBLE],
    ),
    FieldFile(
        "R's tsv without a header",
        "a.tsv",
        '"a"\t"x"\n"b"\t"y"\n',
        {"1": ["a", "b"], "2": ["x", "y"]},
        keys={"csv": {"header": False}, "text": 1, "label": 2},
        notes=[DOUBLE],
    ),
    FieldFile(
        "sentences in quotes without a header",
        "a.tsv",
        '"Hello."\t"Hi."\n"Hello, he said.\t"Hi."\n',
        {"1": ['"Hello."', '"Hello, he said.']},
        keys={"csv": {"header": False}, "text": 1, "label": 2},
        notes=["2 cells of column '2' are in double quotes " + KEPT.format("", 1)],
    ),
    FieldFile(
        "a tsv with one name in quotes",
        "a.tsv",
        '"text"\tlabel\n"a\tx\n',
        {'"text"': ['"a'], "label": ["x"]},
        keys={"text": '"text"'},
    ),
    FieldFile(
        "GLUE's quotes",
        "a.tsv",
        'text\tlabel\n"a\tx\nb "c"\ty\n"d"\tx\n',
        {"text": ['"a', 'b "c"', '"d"']},
    ),
    FieldFile(
        "pandas' tsv",
        "a.tsv",
        'text\tlabel\n"a ""b"""\tx\nc\ty\n',
        {"text": ['"a ""b"""', "c"]},
        notes=["1 cell of column 'text' is in double quotes " + KEPT.format("s", 2)],
    ),
    FieldFile(
        "a tsv with all of a column in quotes",
        "a.tsv",
        'n\ttext\n1\t"a"\n2\t"b"\n',
        {"text": ['"a"', '"b"']},
        notes=["2 cells of column 'text' are in double quotes " + KEPT.format("", 2)],
    ),
    FieldFile(
        "single quotes",
        "a.csv",
        "'text','label'\n'a, b','x'\n'it''s',y\n",
        {"text": ["a, b", "it's"], "label": ["x", "y"]},
        notes=[SINGLE],
    ),
    FieldFile(
        "single quotes after blanks",
        "a.csv",
        "'text', 'label'\n'a, b', 'x'\n",
        {"text": ["a, b"], "label": ["x"]},
        notes=[f"{SINGLE}; {BLANK}"],
    ),
    FieldFile(
        "single quotes in a tsv",
        "a.tsv",
        "'text'\t'label'\n'a'\t'x'\n",
        {"text": ["a"], "label": ["x"]},
        notes=[SINGLE],
    ),
    FieldFile(
        "single quotes between semicolons",
        "a.csv",
        "'text';'label'\n'a';'x'\n",
        {"text": ["a"], "label": ["x"]},
        notes=["columns are separated by ';', as its header shows", SINGLE],
    ),
    FieldFile(
        "single quotes that do not close",
        "a.csv",
        "'text','label'\n'it's','x'\n",
        error=(", line 2", "fix the quotes of that row"),
    ),
    FieldFile(
        "apostrophes",
        "a.csv",
        "text,label\n'tis,x\n'a',y\n",
        {"text": ["'tis", "'a'"]},
    ),
    FieldFile(
        "blanks after commas",
        "a.csv",
        'text, label\n"a, b", "x"\nc, y\n',
        {"text": ["a, b", "c"], "label": ["x", "y"]},
        notes=[BLANK],
    ),
    FieldFile(
        "blanks before texts alone",
        "a.csv",
        "label,text\nx, a\ny,  b\n",
        {"text": [" a", "  b"], "label": ["x", "y"]},
    ),
)
