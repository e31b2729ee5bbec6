"""csv and tsv files whose header or rows end in separators with nothing behind them."""

from helpers.field_files.case import FieldFile

OUTER_COLUMNS = (
    FieldFile(
        "a header that ends in a comma",
        "a.csv",
        "text,label,\na,1\nb,0\n",
        {"text": ["a", "b"], "label": ["1", "0"]},
        [2, 3],
    ),
    FieldFile(
        "rows that end in commas",
        "a.csv",
        "text,label\na,1,,\nb,0,,\n",
        {"text": ["a", "b"], "label": ["1", "0"]},
        [2, 3],
        notes=["2 columns without a name left out"],
    ),
    FieldFile(
        "rows of a tsv that end in a tab",
        "a.tsv",
        "text\tlabel\na\t1\t\nb\t0\t\n",
        {"text": ["a", "b"], "label": ["1", "0"]},
        notes=["1 column without a name left out"],
    ),
    FieldFile(
        "one row that ends in a comma",
        "a.csv",
        "label,text\n1,a\n0,well,\n",
        error=(", line 3", "in double quotes"),
    ),
    FieldFile(
        "a first row that ends in a comma, and texts with a comma",
        "a.csv",
        "label,text\n1,well,\n0,well, no\n",
        error=(", line 3", "in double quotes"),
    ),
    FieldFile(
        "rows that have a column more",
        "a.csv",
        "label,text\n1,a,x\n0,b,\n",
        error=(", line 2", "in double quotes"),
    ),
    FieldFile(
        "a header of a column more",
        "a.csv",
        "text,label,stars\na,1\nb,0\n",
        error=(", line 2", "in double quotes"),
    ),
)
