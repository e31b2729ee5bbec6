"""Files with a word a row."""

from helpers.field_files.case import FieldFile

KAGGLE = (
    "Sentence #,Word,POS,Tag\nSentence: 1,Thousands,NNS,O\n,NA,NN,B-geo\n"
    "Sentence: 2,London,NNP,B-geo\n"
)
SIMPLE = "sentence_id,words,labels\n0,Harry,B-PER\n0,Potter,I-PER\n1,was,O\n"
IDS = "told apart by column"


def words(kind, content, columns=None, name="a.csv", **more):
    """A file for a task that reads words."""
    return FieldFile(kind, name, content, columns, rows="entities", **more)


WORDS = (
    words(
        "Kaggle's NER",
        KAGGLE,
        {
            "tokens": [["Thousands", "NA"], ["London"]],
            "tags": [["O", "B-geo"], ["B-geo"]],
            "POS": [["NNS", "NN"], ["NNP"]],
        },
        lines=[2, 4],
        notes=[f"3 words in 2 sentences, {IDS} 'Sentence #'"],
    ),
    words(
        "Kaggle's parts of speech",
        KAGGLE,
        {"POS": [["NNS", "NN"], ["NNP"]]},
        keys={"tags": "POS", "tokens": "Word"},
        notes=[f"3 words in 2 sentences, {IDS} 'Sentence #'"],
    ),
    words(
        "simpletransformers",
        SIMPLE,
        {"tokens": [["Harry", "Potter"], ["was"]], "tags": [["B-PER", "I-PER"], ["O"]]},
        lines=[2, 4],
        notes=[f"3 words in 2 sentences, {IDS} 'sentence_id'"],
    ),
    words(
        "a sentence column by key",
        SIMPLE.replace("sentence_id", "nr"),
        {"tokens": [["Harry", "Potter"], ["was"]]},
        keys={"sentence": "nr"},
        notes=[f"3 words in 2 sentences, {IDS} 'nr'"],
    ),
    words(
        "words of a json",
        '[{"sentence_id": 7, "words": "a", "labels": "O"},'
        '{"sentence_id": 7, "words": "b", "labels": "O"}]',
        {"tokens": [["a", "b"]]},
        name="a.json",
        notes=[f"2 words in 1 sentence, {IDS} 'sentence_id'"],
    ),
    words(
        "no sentence column", "word,tag\nHarry,B-PER\nwas,O\n", error=("", "data.sentence=COLUMN")
    ),
    words(
        "no such sentence column",
        SIMPLE,
        keys={"sentence": "sent"},
        error=("", "data.sentence=COLUMN"),
    ),
    words(
        "a sentence that begins again", SIMPLE + "0,again,O\n", error=(", line 5", "sort the rows")
    ),
    words(
        "a first word without a sentence",
        SIMPLE.replace("\n0,Harry", "\n,Harry"),
        error=(", line 2", "fill it in"),
    ),
    words("a row without a word", SIMPLE + "1,,O\n", error=(", line 5", "remove the row")),
    words(
        "a sentence a row, with its number",
        "sentence_id,tokens,tags\n0,Ann sees,B-PER O\n1,it,O\n",
        {"tokens": ["Ann sees", "it"], "tags": ["B-PER O", "O"]},
    ),
    words(
        "a sentence a row, numbered, of one word",
        "sentence_id,tokens,tags\n0,Ann,B-PER\n1,it,O\n",
        {"tokens": ["Ann", "it"]},
    ),
    words(
        "sentences counted anew in each document",
        "doc_id,sent_id,token,tag\n1,1,Ann,B-PER\n2,1,Bob,B-PER\n2,2,is,O\n2,2,in,O\n",
        {"tokens": [["Ann"], ["Bob"], ["is", "in"]]},
        lines=[2, 3, 4],
        notes=[f"4 words in 3 sentences, {IDS} 'sent_id'"],
    ),
    words(
        "empty cells that pandas wrote as nan",
        KAGGLE.replace("\n,NA", "\nnan,NA"),
        {"tokens": [["Thousands", "NA"], ["London"]]},
        notes=[f"3 words in 2 sentences, {IDS} 'Sentence #'"],
    ),
    words(
        "words in the text column",
        SIMPLE.replace("words", "text"),
        {"tokens": [["Harry", "Potter"], ["was"]]},
        notes=[f"3 words in 2 sentences, {IDS} 'sentence_id'"],
    ),
)
