"""Named entities: CoNLL files of any name, and lists written as text."""

import json

from helpers.field_files.case import FieldFile

CONLL = "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\n\nPeter NNP B-NP B-PER\n"
GERMEVAL = (
    "#\tn-tv.de vom 26.02.2005 [2005-02-26]\n1\tSchartau\tB-PER\tO\n2\tsagte\tO\tO\n\n"
    "#\thttp://x.de\n1\tBerlin\tB-LOC\tB-PER\n"
)
TWO = {"tokens": [["Ann", "sees"], ["Paris"]], "tags": [["B-PER", "O"], ["B-LOC"]]}
LISTS = {"tokens": [["I", "live"], ["EU"]], "tags": [["O", "B-X"], ["B-ORG"]]}
SPAN = {"start": 0, "end": 3, "label": "PER"}
WRITTEN = [f"column {name!r} holds lists written as text" for name in ("tokens", "tags")]


def entities(kind, name, content, columns=None, **more):
    """A file for a task that reads words."""
    if isinstance(content, list | dict):
        content = json.dumps(content)
    return FieldFile(kind, name, content, columns, rows="entities", **more)


ENTITIES = (
    FieldFile(
        "tabs at the end of each line",
        "a.conll",
        "Ann\tB-PER\t\t\nleft\tO\t\t\n\nOslo\tB-LOC\t\t\n",
        {"tokens": [["Ann", "left"], ["Oslo"]], "tags": [["B-PER", "O"], ["B-LOC"]]},
        [1, 4],
        rows="entities",
    ),
    FieldFile(
        "a tag missing before the tab",
        "a.conll",
        "Ann\tB-PER\nleft\t\n",
        error=(", line 2", "add it"),
        rows="entities",
    ),
    FieldFile(
        "no blank lines between sentences",
        "a.conll",
        "Ann B-PER\nleft O\n" * 300,
        notes=["one sentence has 600 words (line 1): a blank line ends a sentence"],
        rows="entities",
    ),
    FieldFile(
        "a span that is given twice",
        "a.jsonl",
        '{"text": "Ann left Oslo", "label": [[0, 3, "PER"], [0, 3, "PER"], [9, 13, "LOC"]]}\n'
        '{"text": "Bob", "label": [[0, 3, "PER"]]}\n',
        rows="entities",
        notes=["column 'label' is read as the spans", "1 copy of a span left out (first: line 1)"],
    ),
    *(
        entities(
            f"CoNLL in {suffix}",
            f"a{suffix}",
            CONLL,
            {"tokens": [["EU", "rejects"], ["Peter"]], "tags": [["B-ORG", "O"], ["B-PER"]]},
            lines=[3, 6],
        )
        for suffix in (".txt", ".tsv", ".bio", ".iob2", ".conll")
    ),
    *(
        entities(
            f"GermEval in {suffix}",
            f"a{suffix}",
            GERMEVAL,
            {
                "tokens": [["Schartau", "sagte"], ["Berlin"]],
                "3": [["B-PER", "O"], ["B-LOC"]],
                "tags": [["O", "O"], ["B-PER"]],
            },
            lines=[2, 6],
            notes=[
                "2 comment lines were left out (first: line 1)",
                "column 1 counts the words, so column 2 is data.tokens",
                "columns 3 and 4 hold tags, and 4 is read; data.tags=3 reads the other",
            ],
        )
        for suffix in (".tsv", ".txt")
    ),
    entities(
        "comments with as many columns",
        "a.conll",
        "# id = 1\nEU NNP NP B-ORG\n\n# id = 2\n# NN NP O\n",
        {"tokens": [["EU"], ["#"]]},
        lines=[2, 5],
        notes=["2 comment lines were left out (first: line 1)"],
    ),
    entities(
        "a hash that is a word",
        "a.tsv",
        "Ann\tB-PER\n#\tO\n\n#\tO\n",
        {"tokens": [["Ann", "#"], ["#"]]},
    ),
    entities(
        "types without a prefix",
        "a.txt",
        "Ann PER\nsees O\nit O\nall O\n",
        {"tags": [["PER", "O", "O", "O"]]},
    ),
    entities(
        "lines of two words",
        "a.txt",
        "John lives\nMary sings\n",
        {"text": ["John lives", "Mary sings"]},
    ),
    entities(
        "parts of speech in a txt",
        "a.txt",
        "John NNP\nlives VBZ\n",
        {"text": ["John NNP", "lives VBZ"]},
    ),
    FieldFile(
        "CoNLL as a corpus",
        "a.txt",
        "Ann B-PER\nsees O\n",
        {"text": ["Ann B-PER", "sees O"]},
        rows="texts",
    ),
    entities(
        "CoNLL-U",
        "a.conllu",
        "# text = zum\n1-2\tzum\t_\tO\n1\tzu\tADP\tO\n2\tdem\tDET\tO\n",
        {"tokens": [["zu", "dem"]], "tags": [["O", "O"]]},
    ),
    entities(
        "AutoTrain's lists",
        "a.csv",
        "tokens,tags\n\"['I', 'live']\",\"['O', 'B-X']\"\n\"['EU']\",\"['B-ORG']\"\n",
        LISTS,
        notes=WRITTEN,
    ),
    entities(
        "JSON lists in a csv",
        "a.csv",
        'tokens,tags\n"[""I"", ""live""]","[""O"", ""B-X""]"\n"[""EU""]","[""B-ORG""]"\n',
        LISTS,
        notes=WRITTEN,
    ),
    entities(
        "numpy's lists",
        "a.csv",
        "tokens,tags\n['I' 'live'],['O' 'B-X']\n['EU'],['B-ORG']\n",
        LISTS,
        notes=WRITTEN,
    ),
    entities(
        "numpy's numbers",
        "a.csv",
        "tokens,tags\n['EU' 'rejects'],[3 0]\n",
        {"tokens": [["EU", "rejects"]], "tags": [[3, 0]]},
        notes=WRITTEN,
    ),
    entities(
        "lists that numpy has cut",
        "a.csv",
        "tokens,tags\n['EU' ... 'it'],['O' ... 'O']\n",
        error=(", line 2", "write it as JSON"),
    ),
    entities(
        "lists without quotes",
        "a.csv",
        'tokens,tags\n"[EU, rejects]","[B-ORG, O]"\n',
        error=(", line 2", "write it as JSON"),
    ),
    entities(
        "a list that does not end",
        "a.csv",
        "tokens,tags\n\"['a', 'b']\",\"['O', 'O']\"\n\"['a', 'b\",\"['O', 'O']\"\n",
        error=(", line 3", "write it as JSON"),
    ),
    entities(
        "some commas",
        "a.csv",
        "tokens,tags\n\"['a' 'b', 'c']\",\"['O', 'O', 'O']\"\n",
        error=(", line 2", "write it as JSON"),
    ),
    entities(
        "brackets that are words",
        "a.csv",
        "tokens,tags\n[ 12 ],O O O\nsee [ 1 ],O O O O\n",
        {"tokens": ["[ 12 ]", "see [ 1 ]"]},
    ),
    entities(
        "lists as text in jsonl",
        "a.jsonl",
        "{\"tokens\": \"['I', 'live']\", \"tags\": \"['O', 'B-X']\"}\n",
        {"tokens": [["I", "live"]]},
        notes=WRITTEN,
    ),
    entities(
        "spans as text",
        "a.csv",
        "text,spans\nAnn sees,\"[{'start': 0, 'end': 3, 'label': 'PER'}]\"\nno one,[]\n",
        {"spans": [[SPAN], []]},
        notes=["column 'spans' holds lists written as text"],
    ),
    entities(
        "triples as text",
        "a.csv",
        "text,spans\nAnn sees,\"[(0, 3, 'PER')]\"\n",
        {"spans": [[(0, 3, "PER")]]},
        notes=["column 'spans' holds lists written as text"],
    ),
    entities(
        "arrays as numpy's repr",
        "a.csv",
        "tokens,tags\n\"array(['I', 'live'], dtype=object)\","
        "\"array(['O', 'B-X'], dtype=object)\"\n",
        {"tokens": [["I", "live"]], "tags": [["O", "B-X"]]},
        notes=WRITTEN,
    ),
    entities(
        "lines of two words of which one is a letter",
        "a.txt",
        "Vitamin B\nType O\nBlood O\n",
        {"text": ["Vitamin B", "Type O", "Blood O"]},
    ),
    entities("CoNLL-U of one word", "a.conllu", "1\tAnn\tPROPN\tB-PER\n", {"tokens": [["Ann"]]}),
    entities(
        "tabs between some columns and blanks between others",
        "a.conll",
        "-DOCSTART- -X- -X- O\n\nEU NNP\tB-NP B-ORG\nsees\tVBZ B-VP\tO\n\n"
        "Ann\t\tNNP  B-NP\tB-PER\n",
        {
            "tokens": [["EU", "sees"], ["Ann"]],
            "3": [["B-NP", "B-VP"], ["B-NP"]],
            "tags": [["B-ORG", "O"], ["B-PER"]],
        },
        lines=[3, 6],
    ),
    entities(
        "blanks inside the columns that tabs separate",
        "a.conll",
        "New York\tB-LOC\nsees\tO\n",
        {"tokens": [["New York", "sees"]]},
    ),
    entities(
        "documents with their number",
        "a.conll",
        "-DOCSTART- (1)\tO\n\nAnn\tB-PER\n\n-DOCSTART- (2)\tO\nParis\tB-LOC\n",
        {"tokens": [["Ann"], ["Paris"]], "tags": [["B-PER"], ["B-LOC"]]},
        lines=[3, 6],
    ),
    entities(
        "documents of CoNLL-2012",
        "a.conll",
        "#begin document (bc/x); part 000\nx 0 Ann NNP B-PER\nx 1 sees VB O\nx 2 it PR O\n"
        "#end document\n",
        {"3": [["Ann", "sees", "it"]], "tags": [["B-PER", "O", "O"]]},
        lines=[2],
        notes=[
            "2 comment lines were left out (first: line 1)",
            "column 1 is 'x' in every line and is read as the words; data.tokens=3 reads another",
        ],
    ),
    entities(
        "documents of CoNLL-2012, words by number",
        "a.conll",
        "x 0 Ann B-PER\nx 1 sees O\nx 2 it O\n",
        {"3": [["Ann", "sees", "it"]]},
        keys={"tokens": "3"},
    ),
)
