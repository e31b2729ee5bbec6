"""Headers that occur again, as in files put one behind the other, and rows of types below them."""

from __future__ import annotations

from helpers.field_files.case import FieldFile


def left_out(rows: int, line: int) -> str:
    verb = "row that repeats" if rows == 1 else "rows that repeat"
    return f"{rows} {verb} the header left out (first: line {line})"


TYPES = "a row of types below the header left out (line 2)"
AB = {"text": ["a", "b"], "label": ["x", "y"]}

HEADERS = (
    FieldFile(
        "files one behind the other",
        "a.csv",
        "text,label\na,x\ntext,label\nb,y\ntext,label\n",
        AB,
        [2, 4],
        notes=[left_out(2, 3)],
    ),
    FieldFile(
        "files one behind the other, with byte order marks",
        "a.tsv",
        "\ufefftext\tlabel\na\tx\n\ufeffText\tLabel \nb\ty\n",
        AB,
        [2, 4],
        notes=[left_out(1, 3)],
    ),
    FieldFile(
        "files one behind the other, with an index",
        "a.csv",
        ",text,label\n0,a,x\n,text,label\n0,b,y\n",
        AB,
        [2, 4],
        notes=[left_out(1, 3), "1 column without a name left out; 2 rows with something there "
               "(first: line 2)"],
    ),
    FieldFile(
        "names for a file that has a header",
        "a.csv",
        "text,label\na,x\nb,y\n",
        AB,
        [2, 3],
        keys={"csv": {"header": ["text", "label"]}},
        notes=[left_out(1, 1)],
    ),
    FieldFile(
        "one column, its header again",
        "a.csv",
        "text\na\ntext\nb\n",
        {"text": ["a", "b"]},
        rows="texts",
        notes=[left_out(1, 3)],
    ),
    FieldFile(
        "words a row, the header again",
        "a.csv",
        "sentence,word,tag\n1,Ann,B-PER\n1,left,O\nsentence,word,tag\n2,Oslo,B-LOC\n",
        {"word": [["Ann", "left"], ["Oslo"]]},
        keys={"tokens": "word", "tags": "tag", "sentence": "sentence"},
        rows="entities",
        notes=[left_out(1, 4), "3 words in 2 sentences, told apart by column 'sentence'"],
    ),
    FieldFile("types below the header", "a.csv", "text,label\nstring,String\na,x\nb,y\n", AB,
              [3, 4], notes=[TYPES]),
    FieldFile("Orange's types", "a.tsv", "text\tlabel\nstring\tdiscrete\na\tx\nb\ty\n", AB, [3, 4],
              notes=[TYPES]),
    FieldFile("types further below", "a.csv", "text,label\na,x\nstring,string\n",
              {"text": ["a", "string"]}),
    FieldFile("a row that repeats a name", "a.csv", "text,label\ntext,x\nb,label\n",
              {"text": ["text", "b"], "label": ["x", "label"]}),
    FieldFile("the header alone twice", "a.csv", "text,label\ntext,label\n",
              error=("", "is this the right file")),
)  # fmt: skip
