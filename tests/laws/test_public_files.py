"""Files of public sets and annotation tools, as they are: checked, trained on, measured, answered.

Whatever was left out of a file or read in a special way is said by all four commands alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from hfdl.cli import errors

TEXTS = ["Ann met Bob in Paris .", "the film was long", "Paris is not Berlin", "Bob said so"]
NAMES = {"Ann": "PER", "Bob": "PER", "Paris": "LOC", "Berlin": "LOC"}
MOODS = ["good", "bad", "bad", "good"]


@dataclass(frozen=True)
class PublicFile:
    """A file, the keys that read it, what its rows are, and the line that must be said, if any."""

    kind: str
    task: str
    name: str
    content: str
    answers: int
    keys: Sequence[str] = ()
    said: str | None = None


def tag(word: str) -> str:
    return f"B-{NAMES[word]}" if word in NAMES else "O"


def spans(text: str) -> list[dict[str, object]]:
    found = []
    for word, label in NAMES.items():
        if word in text.split():
            start = text.index(word)
            found.append({"start": start, "end": start + len(word), "label": label})
    return sorted(found, key=lambda one: one["start"])


def lines(rows: Sequence[Mapping[str, object]]) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)


WORDS = [[(word, tag(word)) for word in text.split()] for text in TEXTS]
CONLL = "-DOCSTART- -X- -X- O\n\n" + "\n".join(
    "".join(f"{word} NN B-NP {tag}\n" for word, tag in sentence) for sentence in WORDS
)
GERMEVAL = "\n".join(
    "#\thttp://x.de [2005-02-26]\n"
    + "".join(f"{i}\t{word}\t{tag}\tO\n" for i, (word, tag) in enumerate(sentence, start=1))
    for sentence in WORDS
)
DOCCANO = lines(
    [
        {"id": i, "text": text, "label": [[s["start"], s["end"], s["label"]] for s in spans(text)]}
        for i, text in enumerate(TEXTS)
    ]
)
STUDIO = json.dumps(
    [
        {
            "id": i,
            "data": {"text": text},
            "annotations": [
                {
                    "was_cancelled": i == 3,
                    "result": [
                        {
                            "type": "labels",
                            "from_name": "ner",
                            "value": {**span, "labels": [span["label"]]},
                        }
                        for span in spans(text)
                    ],
                }
            ],
        }
        for i, text in enumerate(TEXTS)
    ]
)
CHOICES = json.dumps(
    [
        {
            "data": {"text": text},
            "annotations": [
                {"result": [{"type": "choices", "from_name": "mood", "value": {"choices": [mood]}}]}
            ],
        }
        for text, mood in zip(TEXTS, MOODS, strict=True)
    ]
)
PRODIGY = lines(
    [
        {
            "text": text,
            "tokens": [{"text": text.split()[0], "start": 0, "end": len(text.split()[0])}],
            "spans": spans(text),
            "answer": "reject" if i == 1 else "accept",
        }
        for i, text in enumerate(TEXTS)
    ]
)
SPACY = json.dumps([[text, {"entities": [[*span.values()] for span in spans(text)]}]
                    for text in TEXTS])  # fmt: skip
SPACY_2 = json.dumps([{"id": 0, "paragraphs": [{"sentences": [
    {"tokens": [{"orth": word, "ner": tag.replace("B-", "U-")} for word, tag in sentence]}
    for sentence in WORDS]}]}])  # fmt: skip
AUTOTRAIN = "tokens,tags\n" + "".join(
    f'"{[word for word, _ in sentence]}","{[tag for _, tag in sentence]}"\n' for sentence in WORDS
)
KAGGLE = "Sentence #,Word,POS,Tag\n" + "".join(
    f"{f'Sentence: {i}' if j == 0 else ''},{word},NN,{tag}\n"
    for i, sentence in enumerate(WORDS)
    for j, (word, tag) in enumerate(sentence)
)
SIMPLE = "sentence_id,words,labels\n" + "".join(
    f"{i},{word},{tag}\n" for i, sentence in enumerate(WORDS) for word, tag in sentence
)
SPAM = "v1,v2,,,\n" + "".join(
    f"{mood},{text},,,\n" for text, mood in zip(TEXTS, MOODS, strict=True)
)
AG_NEWS = "".join(f'"{mood}","{text}"\n' for text, mood in zip(TEXTS, MOODS, strict=True))
EXCEL = "\ufefftext;label\r\n" + "".join(
    f"{text};{mood}\r\n" for text, mood in zip(TEXTS, [*MOODS[:3], ""], strict=True)
)

FILES = (
    PublicFile("CoNLL-2003", "ner", "train.txt", CONLL, 4),
    PublicFile("GermEval", "ner", "NER-de-train.tsv", GERMEVAL, 4, ["data.tags=3"],
               "4 comment lines were left out"),
    PublicFile("doccano", "ner", "all.jsonl", DOCCANO, 4, (), "'label' is read as the spans"),
    PublicFile("Label Studio", "ner", "project-1.json", STUDIO, 3, (),
               "1 task left out: annotation cancelled"),
    PublicFile("Label Studio choices", "sentiment", "project-2.json", CHOICES, 4),
    PublicFile("Prodigy", "ner", "annotations.jsonl", PRODIGY, 3, (),
               "1 row left out: 1 rejected (column 'answer')"),
    PublicFile("spaCy pairs", "ner", "train_data.json", SPACY, 4),
    PublicFile("spaCy json", "ner", "train.json", SPACY_2, 4, (), "4 sentences"),
    PublicFile("AutoTrain", "ner", "train.csv", AUTOTRAIN, 4, (),
               "column 'tokens' holds lists written as text"),
    PublicFile("Kaggle", "ner", "ner_dataset.csv", KAGGLE, 4, (),
               "17 words in 4 sentences, told apart by column 'Sentence #'"),
    PublicFile("simpletransformers", "ner", "train.csv", SIMPLE, 4, (), "17 words in 4 sentences"),
    PublicFile("spam.csv", "sentiment", "spam.csv", SPAM, 4, ["data.text=v2", "data.label=v1"],
               "3 columns without a name left out"),
    PublicFile("AG News", "sentiment", "train.csv", AG_NEWS, 4,
               ["data.csv.header=false", "data.text=2", "data.label=1"]),
    PublicFile("European Excel", "sentiment", "Umfrage.csv", EXCEL, 4, ["data.unlabelled=skip"],
               "columns are separated by ';', as its header shows"),
)  # fmt: skip


def test_there_are_many() -> None:
    assert len({case.kind for case in FILES}) == len(FILES) >= 14


@pytest.mark.parametrize("case", FILES, ids=lambda case: case.kind)
def test_public_file(
    tmp_path: Path, tiny_bert: Path, capfd: pytest.CaptureFixture[str], case: PublicFile
) -> None:
    file = tmp_path / case.name
    file.write_text(case.content, encoding="utf-8")
    run, output = tmp_path / "run", tmp_path / "answers.jsonl"
    commands = {
        "check": ["data", "check", str(file), f"task={case.task}", *case.keys,
                  f"model.name={tiny_bert}"],
        "train": ["train", case.task, f"model.name={tiny_bert}", f"data.train={file}",
                  f"data.validation={file}", "train.steps=1", "train.precision=float32",
                  "data.max_length=32",
                  *case.keys, "--output", str(run)],
        "evaluate": ["evaluate", str(run), f"data.test={file}"],
        "predict": ["predict", str(run), "--file", str(file), "--output", str(output)],
    }  # fmt: skip
    for name, command in commands.items():
        code = errors.run(command)
        printed = "".join(capfd.readouterr())
        assert code == 0, (name, printed)
        if case.said is not None:
            assert case.said in " ".join(printed.split()), name
    answered = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert len(answered) == case.answers
