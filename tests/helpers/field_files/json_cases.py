"""json and jsonl: pandas' orients, an object a line, annotation tools' rows of labels."""

import io
import json

import pandas as pd

from helpers.field_files.case import FieldFile

FRAME = pd.DataFrame({"text": ["a", "b"], "label": ["x", None]})
ROWS = {"text": ["a", "b"], "label": ["x", None]}
TASKS = [
    {
        "id": 1,
        "data": {"text": "good"},
        "annotations": [
            {
                "result": [
                    {"type": "choices", "from_name": "mood", "value": {"choices": ["positive"]}}
                ]
            }
        ],
    },
    {"id": 2, "data": {"text": "bad"}, "annotations": [{"was_cancelled": True, "result": []}]},
    {"id": 3, "data": {"text": "so so"}, "annotations": []},
    {
        "id": 4,
        "data": {"text": "worse"},
        "annotations": [
            {"was_cancelled": True, "result": []},
            {
                "result": [
                    {"type": "choices", "from_name": "mood", "value": {"choices": ["negative"]}}
                ]
            },
        ],
    },
]
MANY = [
    {
        "data": {"text": "a"},
        "annotations": [
            {
                "result": [
                    {"type": "choices", "from_name": "topic", "value": {"choices": ["x", "y"]}}
                ]
            }
        ],
    },
    {
        "data": {"text": "b"},
        "annotations": [
            {"result": [{"type": "choices", "from_name": "topic", "value": {"choices": ["y"]}}]}
        ],
    },
]
TWO_MINDS = [
    {
        "id": 7,
        "data": {"text": "a"},
        "annotations": [
            {"result": [{"type": "choices", "from_name": "m", "value": {"choices": [choice]}}]}
            for choice in ("x", "y")
        ],
    }
]
PRODIGY = (
    '{"text": "a", "label": "x", "answer": "accept"}\n{"text": "b", "label": "x", "answer": '
    '"reject"}\n{"text": "c", "label": "y", "answer": "ignore"}\n{"text": "d", "label": "y"}\n'
)


def orient(name: str) -> str:
    """The frame as pandas writes it."""
    buffer = io.StringIO()
    FRAME.to_json(buffer, orient=name)
    return buffer.getvalue()


JSON = (
    FieldFile(
        "an object a line", "a.json", FRAME.to_json(orient="records", lines=True), ROWS, [1, 2]
    ),
    FieldFile(
        "JSON lines in ndjson",
        "a.ndjson",
        FRAME.to_json(orient="records", lines=True),
        ROWS,
        [1, 2],
    ),
    FieldFile("one object", "a.json", '{"text": "a", "label": "x"}\n', {"text": ["a"]}),
    FieldFile(
        "an object a line, broken",
        "a.json",
        '{"text": "a"}\n{"text": b}\n',
        error=(", line 2, column 10", "correct"),
    ),
    *(
        FieldFile(f"pandas {name}", "a.json", orient(name), ROWS)
        for name in ("records", "columns", "index", "split", "table")
    ),
    FieldFile(
        "pandas values",
        "a.json",
        orient("values"),
        error=(", row 1", 'write each row as {"NAME": ..., "NAME": ..., ...}'),
    ),
    FieldFile(
        "rows beside a version",
        "a.json",
        '{"version": "1.1", "data": [{"text": "a", "label": "x"}], "classes": ["x", "y"]}',
        {"text": ["a"], "label": ["x"]},
    ),
    FieldFile(
        "splits in a file",
        "a.json",
        '{"train": [{"text": "a"}], "test": [{"text": "b"}]}',
        error=("", "a file of its own"),
    ),
    FieldFile("objects of objects", "a.json", '{"1": {"2": "a"}}', error=("", "orient='records'")),
    FieldFile("an empty orient", "a.json", '{"text": {}}', error=("", "")),
    FieldFile(
        "Prodigy",
        "a.jsonl",
        PRODIGY,
        {"text": ["a", "d"], "label": ["x", "y"]},
        [1, 4],
        notes=["2 rows left out: 1 rejected, 1 ignored (column 'answer')"],
    ),
    FieldFile(
        "Prodigy without one accepted",
        "a.jsonl",
        '{"text": "a", "label": "x", "answer": "reject"}\n',
        error=("", "accept some rows"),
    ),
    FieldFile(
        "answers that are no verdicts",
        "a.jsonl",
        '{"text": "a", "label": 1, "answer": "yes"}\n',
        {"answer": ["yes"]},
    ),
    FieldFile(
        "verdicts that are the labels",
        "a.jsonl",
        PRODIGY.replace('"label"', '"kind"'),
        {"answer": ["accept", "reject", "ignore", None]},
        keys={"label": "answer"},
    ),
    FieldFile(
        "Prodigy's choice",
        "a.jsonl",
        '{"text": "a", "accept": ["x"], "answer": "accept"}\n',
        {"accept": ["x"]},
        keys={"label": "accept", "problem_type": "single_label_classification"},
    ),
    FieldFile(
        "Label Studio choices",
        "a.json",
        json.dumps(TASKS),
        {
            "text": ["good", "so so", "worse"],
            "label": ["positive", None, "negative"],
            "mood": ["positive", None, "negative"],
        },
        notes=["1 task left out: annotation cancelled"],
    ),
    FieldFile(
        "Label Studio, unlabelled left out",
        "a.json",
        json.dumps(TASKS),
        {"text": ["good", "worse"]},
        keys={"unlabelled": "skip"},
        notes=[
            "1 task left out: annotation cancelled",
            "1 row without a label left out (first: <file>, row 3)",
        ],
    ),
    FieldFile(
        "Label Studio, several choices", "a.json", json.dumps(MANY), {"label": [["x", "y"], ["y"]]}
    ),
    FieldFile(
        "Label Studio in two minds",
        "a.json",
        json.dumps(TWO_MINDS),
        error=(", row 1", "keep one of them"),
    ),
    FieldFile(
        "Label Studio's JSON_MIN",
        "a.json",
        '[{"text": "a", "label": {"choices": ["x", "y"]}, "annotator": 1},'
        ' {"text": "b", "label": {"choices": []}}]',
        {"label": [["x", "y"], []]},
    ),
    FieldFile(
        "doccano, one class each",
        "a.jsonl",
        '{"id": 1, "text": "a", "label": ["x"]}\n{"id": 2, "text": "b", "label": ["y"]}\n',
        {"label": [["x"], ["y"]]},
        notes=[
            "each list of column 'label' holds one label and is read as multi-label; "
            "data.problem_type=single_label_classification reads it as a class"
        ],
    ),
    FieldFile(
        "doccano, one class each by choice",
        "a.jsonl",
        '{"id": 1, "text": "a", "label": ["x"]}\n{"id": 2, "text": "b", "label": ["y"]}\n',
        {"label": ["x", "y"]},
        keys={"problem_type": "single_label_classification"},
    ),
    FieldFile(
        "doccano, two classes where one is asked for",
        "a.jsonl",
        '{"text": "a", "label": ["x"]}\n{"text": "b", "label": ["y", "x"]}\n',
        keys={"problem_type": "single_label_classification"},
        error=(", line 2", "data.problem_type=multi_label_classification"),
    ),
    FieldFile(
        "spaCy's cats",
        "a.json",
        '[["a", {"cats": {"x": 1, "y": 0}}], ["b", {"cats": {"x": 0.0, "y": 1.0}}]]',
        {"text": ["a", "b"], "label": ["x", "y"]},
    ),
    FieldFile(
        "null labels left out",
        "a.jsonl",
        '{"text": "a", "label": null}\n{"text": "b", "label": -1}\n',
        {"text": ["b"], "label": [-1]},
        keys={"unlabelled": "skip"},
        notes=["1 row without a label left out (first: line 1)"],
    ),
    FieldFile(
        "verdicts in capitals",
        "a.jsonl",
        '{"text": "a", "answer": "Reject"}\n{"text": "b", "answer": "Accept"}\n',
        {"text": ["b"]},
        [2],
        rows="texts",
        notes=["1 row left out: 1 rejected (column 'answer')"],
    ),
    FieldFile(
        "a list in a jsonl", "a.jsonl", '[{"text": "a"},\n {"text": "b"}]\n', {"text": ["a", "b"]}
    ),
    FieldFile(
        "Label Studio's csv of choices",
        "a.csv",
        'text,label\na,"{""choices"":[""x"",""y""]}"\nb,x\n',
        {"label": [["x", "y"], "x"]},
    ),
)
