"""csv and tsv: separators, headers, unnamed columns, quotes, lists in cells, rows without label."""

from helpers.field_files.case import FieldFile

AG_NEWS = '"3","Wall St. Bears","Reuters - Short-sellers"\n"1","Peace","AP - Talks, again"\n'
SWALLOWED = (
    "text,label\nfine,1\n" + '"it begins,0\n' + "".join(f"row {i},1\n" for i in range(6)) + 'x",0\n'
)

CSV = (
    FieldFile(
        "European Excel",
        "a.csv",
        "\ufefftext;label\r\ngut, sehr gut;1\r\nschlecht;0\r\n",
        {"text": ["gut, sehr gut", "schlecht"], "label": ["1", "0"]},
        [2, 3],
        notes=["columns are separated by ';', as its header shows"],
    ),
    FieldFile(
        "decimal commas",
        "a.csv",
        "text;score\ngut;3,5\nschlecht;1,25\n",
        {"text": ["gut", "schlecht"], "score": ["3,5", "1,25"]},
        notes=["columns are separated by ';', as its header shows"],
    ),
    FieldFile(
        "Excel's sep line",
        "a.csv",
        "sep=;\ntext;label\na;1\n",
        {"text": ["a"], "label": ["1"]},
        [3],
        notes=["columns are separated by ';', says line 1"],
    ),
    FieldFile(
        "tabs in a csv",
        "a.csv",
        'text\tlabel\n"a\tb"\t1\n',
        {"text": ["a\tb"], "label": ["1"]},
        notes=["columns are separated by '\\t', as its header shows"],
    ),
    FieldFile(
        "commas in a tsv",
        "a.tsv",
        'text,label\n"a,\nb",1\n',
        {"text": ["a,\nb"], "label": ["1"]},
        notes=[
            "columns are separated by ',', as its header shows",
            "1 cell has 1 line break (line 2)",
        ],
    ),
    FieldFile(
        "vertical bars by key",
        "a.csv",
        "text|label\na, b|1\n",
        {"text": ["a, b"]},
        keys={"csv": {"separator": "|"}},
    ),
    FieldFile(
        "tab by key as a shell passes it",
        "a.csv",
        "text\tlabel\na, b\t1\n",
        {"text": ["a, b"]},
        keys={"csv": {"separator": "\\t"}},
    ),
    FieldFile(
        "semicolons in some rows",
        "a.csv",
        "text;label\na;1\nb\n",
        error=(", line 1", "'data.csv.separator=;'"),
    ),
    FieldFile(
        "two possible separators",
        "a.csv",
        "text;label|stars\na;1|2\n",
        error=(", line 1", "'data.csv.separator=;'"),
    ),
    FieldFile(
        "one column of prose",
        "a.csv",
        'text\n"a, b; c"\nd\n',
        {"text": ["a, b; c", "d"]},
        rows="texts",
    ),
    FieldFile(
        "AG News by number",
        "a.csv",
        AG_NEWS,
        {
            "1": ["3", "1"],
            "2": ["Wall St. Bears", "Peace"],
            "3": ["Reuters - Short-sellers", "AP - Talks, again"],
        },
        [1, 2],
        keys={"csv": {"header": False}, "text": 3, "label": 1},
    ),
    FieldFile(
        "AG News by name",
        "a.csv",
        AG_NEWS,
        {"label": ["3", "1"], "title": ["Wall St. Bears", "Peace"]},
        [1, 2],
        keys={"csv": {"header": ["label", "title", "text"]}},
    ),
    FieldFile(
        "too few names",
        "a.csv",
        AG_NEWS,
        keys={"csv": {"header": ["label", "text"]}},
        error=(", line 1", "give 3 names"),
    ),
    FieldFile(
        "a headerless tsv",
        "a.tsv",
        '1\tgood "film\n0\tbad\n',
        {"2": ['good "film', "bad"]},
        [1, 2],
        keys={"csv": {"header": False}},
    ),
    FieldFile(
        "headerless semicolons",
        "a.csv",
        "gut;1\nschlecht;0\n",
        {"1": ["gut", "schlecht"]},
        keys={"csv": {"header": False}},
        notes=["columns are separated by ';', as its first lines show"],
    ),
    FieldFile(
        "a first row that says the same twice",
        "a.csv",
        "good film,good film\nbad,bad\n",
        error=(", line 1", "rename or remove one of them"),
    ),
    FieldFile(
        "spam.csv",
        "spam.csv",
        "v1,v2,,,\nham,Go until,,,\nspam,Free, call now,,\n",
        {"v1": ["ham", "spam"], "v2": ["Go until", "Free"]},
        [2, 3],
        keys={"text": "v2", "label": "v1"},
        notes=["3 columns without a name left out; 1 row with something there (first: line 3)"],
    ),
    FieldFile(
        "pandas' index",
        "a.csv",
        ",text,label\n0,a,1\n1,b,0\n",
        {"text": ["a", "b"]},
        notes=["1 column without a name left out"],
    ),
    FieldFile(
        "an index that was saved twice",
        "a.csv",
        "Unnamed: 0.1,Unnamed: 0,text\n0,0,a\n1,1,b\n",
        {"text": ["a", "b"], "Unnamed: 0.1": ["0", "1"]},
        notes=["1 column without a name left out"],
    ),
    FieldFile(
        "an unnamed column that is asked for",
        "a.csv",
        "text,\na,1\nb,0\n",
        {"text": ["a", "b"], "Unnamed: 1": ["1", "0"]},
        keys={"label": "Unnamed: 1"},
    ),
    FieldFile(
        "a quote that swallows rows",
        "a.csv",
        SWALLOWED,
        {"label": ["1", "0"]},
        [2, 3],
        notes=[
            "1 cell has 7 line breaks (line 3); 6 lines of it look like rows: does a quote close "
            "too late?"
        ],
    ),
    *(
        FieldFile(
            f"a quote that swallows rows, lines that end in {name}",
            f"a{suffix}",
            SWALLOWED.replace(",", "," if suffix == ".csv" else ";").replace("\n", end),
            {"label": ["1", "0"]},
            [2, 3],
            notes=[
                *(["columns are separated by ';', as its header shows"] * (suffix == ".tsv")),
                "1 cell has 7 line breaks (line 3); 6 lines of it look like rows: does a quote "
                "close too late?",
            ],
        )
        for name, end, suffix in (
            ("CR", "\r", ".csv"),
            ("CRLF", "\r\n", ".csv"),
            ("CR in a tsv", "\r", ".tsv"),
        )
    ),
    FieldFile(
        "a quote that swallows rows with commas in quotes",
        "a.csv",
        'text,label\nfine,1\n"it begins,0\n""a, b"",1\n""c, d"",0\nx",0\n',
        {"label": ["1", "0"]},
        notes=[
            "1 cell has 3 line breaks (line 3); 2 lines of it look like rows: does a quote close "
            "too late?"
        ],
    ),
    FieldFile(
        "old Macintosh lines in a tsv",
        "a.tsv",
        "text\tlabel\ra\tx\rb\ty\r",
        {"text": ["a", "b"], "label": ["x", "y"]},
        [2, 3],
    ),
    FieldFile(
        "old Macintosh lines in a txt",
        "a.txt",
        "a\r\rb",
        {"text": ["a", "", "b"]},
        [1, 2, 3],
        rows="texts",
    ),
    FieldFile(
        "old Macintosh lines in a jsonl",
        "a.jsonl",
        '{"text": "a"}\r{"text": "b"}\r',
        {"text": ["a", "b"]},
        [1, 2],
        rows="texts",
    ),
    FieldFile(
        "old Macintosh lines in CoNLL",
        "a.conll",
        "Ann B-PER\rleft O\r\rOslo B-LOC\r",
        {"tokens": [["Ann", "left"], ["Oslo"]]},
        [1, 4],
        rows="entities",
    ),
    FieldFile(
        "texts of several lines",
        "a.csv",
        'text,label\n"a\nb",1\n"c\n\nd",0\n',
        {"text": ["a\nb", "c\n\nd"]},
        [2, 4],
        notes=["2 cells have line breaks, up to 2 (line 4)"],
    ),
    FieldFile(
        "multi-label lists as Python prints them",
        "a.csv",
        "text,label\na,\"['sport', 'music']\"\nb,[]\n",
        {"label": [["sport", "music"], []]},
        notes=["column 'label' holds lists written as text"],
    ),
    FieldFile(
        "0/1 vectors as text",
        "a.csv",
        'text,label\na,"[1.0, 0.0]"\nb,"[0.0, 1.0]"\n',
        {"label": [["0"], ["1"]]},
        notes=[
            "column 'label' holds lists written as text",
            "column 'label' holds vectors of 0 and 1, read as the labels 0, 1; "
            "data.labels names them",
            "each list of column 'label' holds one label and is read as multi-label; "
            "data.problem_type=single_label_classification reads it as a class",
        ],
    ),
    FieldFile(
        "0/1 vectors of numpy",
        "a.csv",
        "text,label\na,[1. 0. 0.]\nb,[0 1 1]\n",
        {"label": [["0"], ["1", "2"]]},
        notes=[
            "column 'label' holds lists written as text",
            "column 'label' holds vectors of 0 and 1, read as the labels 0, 1, 2; "
            "data.labels names them",
        ],
    ),
    FieldFile(
        "labels in brackets",
        "a.csv",
        "text,label\na,[spam]\nb,[ham]\n",
        {"label": ["[spam]", "[ham]"]},
    ),
    FieldFile(
        "a list among labels",
        "a.csv",
        "text,label\na,\"['x']\"\nb,y\n",
        error=(", line 3", '["EU", "rejects"]'),
    ),
    FieldFile(
        "empty labels left out",
        "a.csv",
        "text,label\na,1\nb,\nc, \nd,-1\n",
        {"text": ["a", "d"], "label": ["1", "-1"]},
        [2, 5],
        keys={"unlabelled": "skip"},
        notes=["2 rows without a label left out (first: line 3)"],
    ),
    FieldFile(
        "no label at all",
        "a.csv",
        "text,label\na,\nb,\n",
        keys={"unlabelled": "skip"},
        error=("", "data.label=COLUMN"),
    ),
    FieldFile(
        "empty cells of several labels",
        "a.csv",
        "text,label\na,x;y\nb,\n",
        {"label": ["x;y", ""]},
        keys={"unlabelled": "skip", "label_separator": ";"},
    ),
    FieldFile(
        "Jigsaw's rows that nobody scored",
        "a.csv",
        "text,toxic,rude\na,0,1\nb,-1,-1\nc,1,0\n",
        {"text": ["a", "c"], "toxic": ["0", "1"]},
        [2, 4],
        keys={"unlabelled": "skip", "label": ["toxic", "rude"]},
        notes=["1 row without a label left out (first: line 3)"],
    ),
    FieldFile(
        "targets of a translation left out",
        "a.tsv",
        "text\tlabel\na\tb\nc\t\n",
        {"text": ["a"]},
        keys={"unlabelled": "skip"},
        rows="pairs",
        notes=["1 row without a label left out (first: line 3)"],
    ),
    FieldFile(
        "NA stays a text",
        "a.csv",
        "text,label\nNA,null\n",
        {"text": ["NA"], "label": ["null"]},
        keys={"unlabelled": "skip"},
    ),
    FieldFile(
        "labels that are lists without quotes",
        "a.csv",
        'text,label\na,"[x, y]"\nb,[x]\n',
        error=(", line 2", "write it as JSON"),
    ),
    FieldFile(
        "labels in round brackets", "a.csv", 'text,label\na,"(x, y)"\n', {"label": ["(x, y)"]}
    ),
    FieldFile(
        "labels that are tuples",
        "a.csv",
        "text,label\na,\"('x', 'y')\"\nb,\"('x',)\"\nc,()\nd,\n",
        {"label": [["x", "y"], ["x"], [], None]},
        notes=["column 'label' holds lists written as text"],
    ),
    FieldFile(
        "labels that are sets",
        "a.csv",
        "text,label\na,\"{'y', 'x'}\"\nb,{'x'}\nc,set()\n",
        {"label": [["x", "y"], ["x"], []]},
        notes=["column 'label' holds lists written as text"],
    ),
    FieldFile(
        "a tuple among labels",
        "a.csv",
        "text,label\na,\"('x', 'y')\"\nb,x\n",
        error=(", line 3", '["EU", "rejects"]'),
    ),
    FieldFile(
        "labels that are marks", "a.csv", "text,label\na,()\nb,(x)\n", {"label": ["()", "(x)"]}
    ),
    FieldFile(
        "texts that are lists of words",
        "a.csv",
        "text,label\n\"['good', 'film']\",1\n\"['bad']\",0\n",
        {"text": ["['good', 'film']", "['bad']"]},
        notes=[
            "column 'text' holds lists written as text, and is read as it stands, with brackets "
            "and quotes; write its words with a blank between them"
        ],
    ),
    FieldFile(
        "targets that are lists",
        "a.csv",
        "text,label\nHund,['dog']\nKatze,\"['cat', 'puss']\"\n",
        {"label": ["['dog']", "['cat', 'puss']"]},
        rows="pairs",
        notes=[
            "column 'label' holds lists written as text, and is read as it stands, with brackets "
            "and quotes; write its words with a blank between them"
        ],
    ),
    FieldFile(
        "texts in brackets",
        "a.csv",
        "text,label\n[applause],1\n[ 12 ],0\n",
        {"text": ["[applause]", "[ 12 ]"]},
    ),
    FieldFile("a workbook", "a.csv", b"PK\x03\x04\x14\xff", error=("", "save its sheet as csv")),
)
