"""The section ``data`` of a recipe: which texts, which columns, how a text becomes tokens."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from hfdl.config.section import PositiveInt, Section

_ESCAPES = {"\\n": "\n", "\\r": "\r", "\\t": "\t"}


class CsvConfig(Section):
    """How csv and tsv files are read."""

    separator: str | None = Field(
        default=None,
        description="The character between two columns, for instance ';' or '\\t'. Default: what "
        "the header shows where it is unambiguous, else a comma in csv and a tab in tsv files.",
    )
    header: bool | list[str] = Field(
        default=True,
        description="true: the first line names the columns. false: no line does, and columns go "
        "by their number, from 1. A list: no line does, and these are the names.",
    )

    @field_validator("header", mode="before")
    @classmethod
    def _numbers_are_names(cls, value: Any) -> Any:
        """Take [text, 2] for ["text", "2"]."""
        return [_as_name(item) for item in value] if isinstance(value, list) else value

    @field_validator("separator", mode="before")
    @classmethod
    def _one_character(cls, value: Any) -> Any:
        value = unescaped(value)
        if isinstance(value, str) and (len(value) != 1 or value in '"\r\n'):
            raise ValueError(
                f"data.csv.separator ({value!r}) must be one character, and no quote or line end"
            )
        return value


class DataConfig(Section):
    """Which texts, which columns, and how a text becomes tokens."""

    train: str | list[str] | None = Field(
        default=None,
        description="Hub id (ID, ID:CONFIG, ID#SPLIT, ID@REVISION), hfdl://NAME, or a local csv, "
        "tsv, json, jsonl, CoNLL, parquet or txt file or folder; a list of files or a pattern "
        "('data/*.csv') is read as one. docs/data-formats.md has all formats.",
    )
    validation: str | list[str] | None = Field(
        default=None,
        description="As train. Default: the source's own split, else a share of train.",
    )
    test: str | list[str] | None = Field(
        default=None, description="As train. Default: the source's own split, if any."
    )
    text: str = Field(default="text", description="Column of the text.")
    text_pair: str | None = Field(default=None, description="Column of the second text of a pair.")
    label: str | list[str] = Field(
        default="label",
        description="Column of the label; of the target, where texts are translated. A list of "
        "columns: several labels, each 0 or 1 a row.",
    )
    labels: list[str] | dict[str, str] | None = Field(
        default=None,
        description="The label set in its order (of named entities the tags, in any order), or a "
        "map from the value in the file to the label; of entities also from type to type. Default: "
        "what the training split holds, sorted.",
    )

    @field_validator("labels", mode="before")
    @classmethod
    def _numbers_are_names(cls, value: Any) -> Any:
        """Take [1, 2] for ["1", "2"]: labels are names, and files may write them as numbers."""
        if isinstance(value, list):
            return [str(item) if type(item) is int else item for item in value]
        if isinstance(value, dict):
            return {k: str(item) if type(item) is int else item for k, item in value.items()}
        return value

    tokens: str = Field(
        default="tokens",
        description="Column of the words of a sentence, for named entities: a list a row. In a "
        "CoNLL file 'tokens' is the first column; others go by their number, from 1.",
    )
    tags: str = Field(
        default="tags",
        description="Column of the words' tags. In a CoNLL file 'tags' is the last column. "
        "Spellings such as B_PER, b-per, PER-B or 0 for O are read where they can mean one thing.",
    )
    spans: str = Field(
        default="spans",
        description="Column of annotations that takes the place of tokens and tags where there is "
        "no tokens column: a list of {start, end, label} a row, in characters of data.text.",
    )
    sentence: str | None = Field(
        default=None,
        description="Column that tells which sentence a word belongs to, in files that have a word "
        "a row. Default: found by its name (sentence_id, 'Sentence #').",
    )
    scheme: Literal["auto", "BIO", "BIOES", "BILOU"] = Field(
        default="auto",
        description="Scheme of the tags that a model is trained on. auto: that of the data; IOB1 "
        "and tags without prefixes are read as BIO.",
    )
    illegal_tags: Literal["repair", "error"] = Field(
        default="repair",
        description="What becomes of a tag that cannot follow the one before it (O, I-PER): read "
        "as conlleval reads it, or an error with its line.",
    )
    label_pieces: Literal["first", "all"] = Field(
        default="first",
        description="Which pieces of a word are labelled in training: its first, or all of them "
        "(the others of B-X get I-X). Words are always read off their first piece.",
    )
    label_separator: str | None = Field(
        default=None,
        description="Splits a label cell into several labels ('sport;music' with ';').",
    )
    label_vectors: bool | None = Field(
        default=None,
        description="Whether lists of 0 and 1 say of each label whether it holds ([1.0, 0.0, 0.0]; "
        "data.labels names the places), or are labels called 0 and 1. Default: vectors where a "
        "list of labels cannot look so.",
    )
    problem_type: (
        Literal["single_label_classification", "multi_label_classification", "regression"] | None
    ) = Field(
        default=None,
        description="As in a transformers config. Default: lists are multi-label, numbers with a "
        "fraction are regression, all else is single-label.",
    )
    src_lang: str | None = Field(
        default=None,
        description="Language of the sources, where a model that translates knows several: en_XX "
        "(mBART), eng_Latn (NLLB), en (T5).",
    )
    tgt_lang: str | None = Field(
        default=None,
        description="Language of the translations, as src_lang; it is forced to come first.",
    )
    max_length: PositiveInt | None = Field(
        default=128,
        description="Longest input in tokens, special tokens included; of a causal language model "
        "the length of a block. null: the model's limit.",
    )
    long_text: Literal["truncate", "head_tail", "window", "error"] | None = Field(
        default=None,
        description="What becomes of a longer text: its start, its start and end, all of it in "
        "overlapping windows (whose probabilities are averaged), or an error. Default: truncate; "
        "window for named entities.",
    )
    stride: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        description="Tokens that neighbouring windows share. Default: a quarter of max_length; "
        "half of it for the strided perplexity of a causal language model.",
    )
    separator: str | None = Field(
        default="\n",
        description="What stands between the documents of a txt file that a language model reads: "
        "'\\n' (a document a line), '\\n\\n' (paragraphs), a mark such as '<|endoftext|>'. null: "
        "a file is one document.",
    )
    encoding: str | None = Field(
        default=None,
        description="Encoding of text files, as Python and pandas name it: cp1252, utf-16, "
        "shift_jis. Default: UTF-8, or UTF-16 where a byte order mark says so.",
    )
    csv: CsvConfig = Field(default_factory=CsvConfig)
    unlabelled: Literal["error", "skip"] = Field(
        default="error",
        description="What becomes of rows without a label (an empty cell, null, -1 of the Hub): "
        "an error with the line, or left out and counted.",
    )
    na_values: list[str] | None = Field(
        default=None,
        description="Labels that mean that a row has none, as pandas calls them: [N/A, -1]. "
        "data.unlabelled says what becomes of such rows.",
    )

    @field_validator("na_values", mode="before")
    @classmethod
    def _numbers_are_texts(cls, value: Any) -> Any:
        """Take [-1] for ["-1"]."""
        return [_as_name(item) for item in value] if isinstance(value, list) else value

    streaming: bool = Field(
        default=False,
        description="Read the corpus of a language model piece by piece and keep its token ids on "
        "disk: for texts that are larger than memory.",
    )
    document_mask: bool = Field(
        default=False,
        description="Where a block of a causal language model holds several documents, each "
        "attends to itself alone, and its positions count from its own start.",
    )
    mask_share: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        default=0.15,
        description="Share of the tokens that a masked language model is asked for (80 % of them "
        "masked, 10 % replaced, 10 % left).",
    )
    whole_words: bool = Field(
        default=False, description="Choose whole words to be masked, not single pieces."
    )
    max_samples: PositiveInt | None = Field(
        default=None, description="Keep this many examples of each split, drawn with the seed."
    )
    validation_share: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        default=0.1,
        description="Share of train that becomes validation where none is given (stratified).",
    )
    folds: Annotated[int, Field(ge=2)] | None = Field(
        default=None,
        description="Cut train into so many parts (stratified by label). data.fold is the one to "
        "validate on, the others are trained on; a validation split that there is stays unused.",
    )
    fold: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Which of data.folds, counted from 0."
    )
    group: str | None = Field(
        default=None,
        description="Column whose equal values (an author, a document) are not divided: all such "
        "rows are trained on, or none. It holds for data.folds.",
    )

    @field_validator("separator", "label_separator", mode="before")
    @classmethod
    def _escapes(cls, value: Any) -> Any:
        return unescaped(value)

    @field_validator("text", "text_pair", "label", "tokens", "tags", "spans", "sentence", "group",
                     mode="before")  # fmt: skip
    @classmethod
    def _column_by_number(cls, value: Any) -> Any:
        """A column without a name goes by its number, which YAML reads as a number."""
        if isinstance(value, list):
            return [_as_name(item) for item in value]
        return _as_name(value)

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        try:
            "".encode(value or "utf-8")
        except (LookupError, ValueError):
            raise ValueError(
                f"data.encoding cannot be {value}; it must be one of Python's text encodings, for "
                "instance utf-8, cp1252, latin-1, utf-16 or shift_jis"
            ) from None
        return value


def unescaped(value: Any) -> Any:
    r"""A separator with ``\n``, ``\r`` and ``\t`` read: a shell passes them on as two characters.

    Before a letter they are left alone: ``\newpage`` is a mark of LaTeX.
    """
    if not isinstance(value, str):
        return value
    return re.sub(r"\\[nrt](?![A-Za-z])", lambda match: _ESCAPES[match[0]], value)


def _as_name(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
