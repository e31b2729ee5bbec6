"""Spans of annotation tools: doccano, Label Studio, Prodigy, spaCy."""

import json

from helpers.field_files.entity_cases import SPAN, entities

READ_AS_SPANS = ["column 'label' is read as the spans"]
PRODIGY = {
    "text": "Ann sees",
    "answer": "accept",
    "tokens": [
        {"text": "Ann", "start": 0, "end": 3, "id": 0},
        {"text": "sees", "start": 4, "end": 8, "id": 1},
    ],
}
STUDIO = [
    {
        "id": 1,
        "data": {"text": "Ann sees"},
        "annotations": [
            {
                "result": [
                    {
                        "type": "labels",
                        "from_name": "ner",
                        "value": {"start": 0, "end": 3, "text": "Ann", "labels": ["PER"]},
                    }
                ]
            }
        ],
    },
    {"id": 2, "data": {"text": "nothing"}, "annotations": [{"result": []}]},
]
SPACY = [
    {
        "id": 0,
        "paragraphs": [
            {
                "raw": "Ann sees",
                "sentences": [
                    {
                        "tokens": [
                            {"id": 0, "orth": "Ann", "ner": "U-PER"},
                            {"id": 1, "orth": "sees", "ner": "O"},
                        ]
                    }
                ],
            }
        ],
    }
]


SPANS = (
    entities(
        "doccano's triples",
        "a.jsonl",
        '{"text": "Ann sees", "label": [[0, 3, "PER"]]}\n{"text": "no one", "label": []}\n',
        {"spans": [[[0, 3, "PER"]], []]},
        notes=READ_AS_SPANS,
    ),
    entities(
        "doccano's entities",
        "a.jsonl",
        '{"text": "Ann sees", "entities": [{"id": 1, "label": '
        '"PER", "start_offset": 0, "end_offset": 3}], "relations": []}\n',
        {"spans": [[SPAN]]},
        notes=["column 'entities' is read as the spans"],
    ),
    entities(
        "Label Studio", "a.json", STUDIO, {"text": ["Ann sees", "nothing"], "spans": [[SPAN], []]}
    ),
    entities(
        "Label Studio's JSON_MIN",
        "a.json",
        [{"text": "Ann sees", "label": [{"start": 0, "end": 3, "text": "Ann", "labels": ["PER"]}]}],
        {"spans": [[SPAN]]},
        notes=READ_AS_SPANS,
    ),
    entities(
        "Label Studio's csv",
        "a.csv",
        'text,label\nAnn sees,"[{""start"": 0, ""end"": 3, '
        '""text"": ""Ann"", ""labels"": [""PER""]}]"\n',
        {"spans": [[SPAN]]},
        notes=["column 'label' holds lists written as text", *READ_AS_SPANS],
    ),
    entities(
        "a span of two labels",
        "a.json",
        [{"text": "Ann sees", "label": [{"start": 0, "end": 3, "labels": ["PER", "ORG"]}]}],
        error=(", row 1", "give it one"),
    ),
    entities(
        "offsets of another text",
        "a.jsonl",
        '{"text": "\U0001f600 Ann", "spans": '
        '[{"start": 2, "end": 6, "text": "Anna", "label": "PER"}]}\n',
        error=(", line 1", "annotate it again"),
    ),
    entities(
        "Prodigy's spans",
        "a.jsonl",
        {
            **PRODIGY,
            "spans": [{"start": 0, "end": 3, "token_start": 0, "token_end": 0, "label": "PER"}],
        },
        {"text": ["Ann sees"], "spans": [[SPAN]]},
    ),
    entities(
        "Prodigy's spans in tokens",
        "a.jsonl",
        {**PRODIGY, "spans": [{"token_start": 0, "token_end": 1, "label": "PER"}]},
        {"spans": [[{"start": 0, "end": 8, "label": "PER"}]]},
    ),
    entities(
        "Prodigy's rows without spans",
        "a.jsonl",
        json.dumps({**PRODIGY, "spans": [SPAN]})
        + "\n"
        + json.dumps(PRODIGY)
        + "\n"
        + json.dumps({**PRODIGY, "answer": "ignore"})
        + "\n",
        {"spans": [[SPAN], []]},
        notes=["1 row left out: 1 ignored (column 'answer')"],
    ),
    entities(
        "spaCy's json",
        "a.json",
        SPACY,
        {"tokens": [["Ann", "sees"]], "tags": [["U-PER", "O"]]},
        notes=["1 document of spaCy's json read, 1 sentence"],
    ),
    entities(
        "spaCy's json with a hole",
        "a.json",
        json.loads(json.dumps(SPACY).replace('"O"', '"-"')),
        error=(", row 1", "annotate it"),
    ),
    entities(
        "spaCy's pairs",
        "a.json",
        [["Ann sees", {"entities": [[0, 3, "PER"]]}]],
        {"text": ["Ann sees"], "spans": [[[0, 3, "PER"]]]},
    ),
    entities(
        "spaCy's pairs a line",
        "a.jsonl",
        '["Ann sees", {"entities": [[0, 3, "PER"]]}]\n["no", {"entities": []}]\n',
        {"spans": [[[0, 3, "PER"]], []]},
        lines=[1, 2],
    ),
    entities(
        "pairs beside their classes",
        "a.json",
        {"classes": ["PER"], "annotations": [["Ann sees", {"entities": [[0, 3, "PER"]]}], None]},
        {"text": ["Ann sees"]},
        notes=["1 text without annotation left out"],
    ),
    entities(
        "spans that are null",
        "a.jsonl",
        '{"text": "Ann", "spans": [[0, 3, "PER"]]}\n{"text": "b", "spans": null}\n',
        {"text": ["Ann"]},
        keys={"unlabelled": "skip"},
        notes=["1 row without a label left out (first: line 2)"],
    ),
    entities(
        "Label Studio counts an emoji as two",
        "a.jsonl",
        '{"text": "\U0001f600 Ann", "label": '
        '[{"start": 3, "end": 6, "text": "Ann", "labels": ["PER"]}]}\n',
        {"spans": [[{"start": 2, "end": 5, "label": "PER"}]]},
        notes=[*READ_AS_SPANS, "1 span counted in UTF-16 units read in characters"],
    ),
    entities(
        "doccano without an entity",
        "a.jsonl",
        '{"text": "no one", "label": []}\n',
        {"spans": [[]]},
        notes=READ_AS_SPANS,
    ),
    entities(
        "an object of lists, as datasets keeps spans",
        "a.jsonl",
        '{"text": "Ann sees", "entities": {"start": [0], "end": [3], "label": ["PER"]}}\n'
        '{"text": "no one", "entities": {"start": [], "end": [], "label": []}}\n',
        {"spans": [[SPAN], []]},
        notes=["column 'entities' is read as the spans"],
    ),
    entities(
        "an object of lists in data.spans",
        "a.json",
        [{"text": "Ann sees", "spans": {"start": [0], "end": [3], "type": ["PER"]}}],
        {"spans": [[SPAN]]},
    ),
    entities(
        "offsets that pandas made floats",
        "a.jsonl",
        '{"text": "Ann sees", "spans": [{"start": 0.0, "end": 3.0, "label": "PER"}]}\n',
        {"spans": [[SPAN]]},
    ),
)
