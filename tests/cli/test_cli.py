"""The command line: what it prints, where, and how it exits. The library is stood in for."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

import hfdl
import hfdl.runs
from hfdl.cli import errors
from hfdl.cli.app import app
from hfdl.errors import DataError, TrainingError
from hfdl.training.events import Evaluated, Interrupted, Noted, Planned

COMMANDS = (
    "train", "evaluate", "predict", "info", "recipes list", "recipes show", "recipes copy",
    "recipes check", "recipes keys", "data check", "attention", "verify", "report",
)  # fmt: skip
PLAN = Planned(
    "text_classification", "m", "hf", ["a", "b"], 10, 10, {"train": 4}, 99, 1, 2, 2, 2, "float32",
    "cpu", 1, 3.0, 2**30,
)  # fmt: skip


def hfdl_command(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hfdl.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


@pytest.fixture
def call(capsys):
    """Runs a command in this process: exit code, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = errors.run(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def library(monkeypatch):
    """Stands in for hfdl.runs.run; remembers its calls."""
    fake = SimpleNamespace(calls=[], error=None, metrics={})

    def remember(name: str, result: Any):
        def function(*arguments: Any, listener: Any = None, **options: Any) -> Any:
            fake.calls.append((name, arguments, options))
            if fake.error:
                raise fake.error
            if listener is not None:
                listener(Noted("validation: taken from train"))
                listener(Evaluated("validation", 2, 1.0, {"accuracy": 0.5}, True, 0.1))
                if name == "plan":
                    listener(PLAN)
            return result

        return function

    fake.done = SimpleNamespace(directory=Path("runs/my run"), metrics=fake.metrics)
    fake.train = remember("train", fake.done)
    fake.plan = remember("plan", PLAN)
    fake.evaluate = remember("evaluate", {"test": {"accuracy": 0.75, "loss": 0.5}})
    monkeypatch.setattr(hfdl.runs, "run", fake, raising=False)
    return fake


# ---- help and version --------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_worked_examples(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"])
    assert result.exit_code == 0
    examples = result.output.partition("Examples:\n")[2].splitlines()
    assert any(f"hfdl {command}" in line for line in examples), result.output


def test_help_lists_every_command() -> None:
    for arguments in ([], ["--help"]):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0
        listed = result.output.partition("Commands:\n")[2]
        names = [line.split()[0] for line in listed.splitlines() if line.strip()]
        assert names == [
            "train", "evaluate", "calibrate", "export", "predict", "embed", "report", "serve",
            "demo", "diff", "tune", "compare", "verify", "attention", "push", "info", "recipes",
            "data",
        ]  # fmt: skip


def test_version() -> None:
    done = hfdl_command("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"hfdl {hfdl.__version__}\n", "")


# ---- exit codes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["trian"], "No such command 'trian'. Did you mean 'train'? See: hfdl --help"),
        (["train"], "Missing argument 'RECIPE'. See: hfdl train --help"),
        (["train", "sentiment", "--nope"], "No such option: --nope. See: hfdl train --help"),
        (["train", "sentiment", "--resume", "--overwrite"],
         "--resume and --overwrite exclude each other"),
        (["train", "sentiment", "--resume"], "--resume needs --output"),
        (["train", "sentiment", "oops"], "'oops' is not an override; an override is written "
                                         "key=value. Give it a key, or remove it"),
        (["recipes", "check", "sentiment", "train.epoch=1"],
         "override train.epoch=1: unknown key 'train.epoch'. Did you mean 'train.epochs'?"),
        (["recipes", "check", "sentiment", "task=sentimant"],
         "task: unknown task 'sentimant'. Did you mean 'sentiment'?"),
        (["recipes", "show", "nope"],
         "no shipped recipe 'nope'. See all with: hfdl recipes list"),
        (["predict", "m", "text", "--file", "x.csv"], "give TEXT or --file, not both"),
        (["predict", "m", "text", "--column", "x"], "--column is the column of a --file"),
        (["predict", "m", "--file", "nope.csv"],
         "nope.csv: no such file or folder. No name in "),
        (["predict", "m", "text", "--output", "a.xlsx"],
         "the ending '.xlsx' is unknown; the ending says what is written: .csv, .tsv, .json, "
         ".jsonl, .ndjson, .parquet. Name it: --output a.csv"),
        (["train", "sentiment", "--processes", "0"], "Invalid value for '--processes'"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_and_exit_code_2(call, library, arguments, line) -> None:
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert line in err
    assert err.count("\n") == 1


def test_a_mistake_in_a_process_of_its_own(tmp_path) -> None:
    done = hfdl_command("train", "sentimant", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: no recipe 'sentimant'; a recipe is a shipped name, a .yaml file or a run's folder. "
        "Did you mean 'sentiment'? Or see all with: hfdl recipes list\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_trainer_option_is_told_its_key(call) -> None:
    err = call("train", "sentiment", "--epochs", "3")[2]
    assert "No such option: --epochs" in err
    assert err.endswith("keys of a recipe have no dashes: train.epochs=VALUE\n")


def test_errors_of_the_library(call, library) -> None:
    library.error = DataError("no column 'x\x1b[2J'", where="a.csv", rule="b", remedy="c")
    assert call("train", "sentiment") == (2, "", "error: a.csv: no column 'x\\x1b[2J'; b. C\n")
    library.error = TrainingError("loss is nan")
    assert call("train", "sentiment") == (2, "", "error: loss is nan\n")


def test_a_full_disk_is_the_users(call, library) -> None:
    library.error = OSError(28, "No space left on device", "runs/x")
    assert call("train", "sentiment") == (2, "", "error: runs/x: No space left on device\n")


@pytest.mark.parametrize(("signum", "code"), [(2, 130), (15, 143)])
def test_interrupted(call, library, signum: int, code: int) -> None:
    library.error = Interrupted(signum, 7, "runs/a b")
    assert call("train", "sentiment") == (
        code,
        "",
        "interrupted: update 7 is saved in runs/a b. Continue with: "
        "hfdl train 'runs/a b' --output 'runs/a b' --resume\n",
    )


def test_keyboard_interrupt(call, library) -> None:
    library.error = KeyboardInterrupt()
    assert call("train", "sentiment")[0] == 130


def test_a_fault_of_ours_has_a_traceback_and_asks_for_a_report(call, library) -> None:
    library.error = ZeroDivisionError("oops")
    code, out, err = call("train", "sentiment")
    assert (code, out) == (1, "")
    assert err.startswith("Traceback (most recent call last):\n")
    assert err.endswith(f"error: ZeroDivisionError: oops; {errors.REPORT}\n")


def test_a_reader_that_leaves_is_no_error() -> None:
    script = f"{sys.executable} -m hfdl.cli recipes keys | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout in ("141\n", "0\n")  # 0 where all fitted into the pipe before it closed


# ---- train and evaluate ------------------------------------------------------------------------


def test_train_calls_the_library_and_shows_the_run(call, library) -> None:
    library.metrics.update(
        train={"loss": 0.1}, validation={"accuracy": 0.5, "loss": 0.75}, test={"accuracy": 0.25}
    )
    code, out, err = call("train", "sentiment", "train.epochs=1", "--output", "runs/x", "--resume")
    assert code == 0
    assert library.calls == [
        ("train", ("sentiment", {"train.epochs": 1}),
         {"output": Path("runs/x"), "resume": True, "overwrite": False}),
    ]  # fmt: skip
    assert out.splitlines() == [
        "",
        "split       accuracy  loss",
        "validation  0.5000    0.7500",
        "test        0.2500    -",
        "",
        "saved in runs/my run",
        "use it:   hfdl predict 'runs/my run' \"...\"",
    ]
    assert "epoch 1.00  step 2  validation  accuracy 0.5000  *best" in err


def test_train_shows_examples_of_the_last_split(call, library, tmp_path) -> None:
    library.done.directory = tmp_path
    rows = [
        {"split": "validation", "index": 0, "text": "v", "label": "a", "prediction": "b"},
        *({"split": "test", "index": i, "text": f"t{i}\nx", "label": "a", "prediction": "a"}
          for i in range(4)),
        {"split": "test", "index": 4, "text": "y" * 99, "label": "a", "prediction": "b"},
    ]  # fmt: skip
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "predictions.jsonl").write_text(text, encoding="utf-8")
    out = call("train", "sentiment")[1]
    assert out.splitlines()[1:6] == [
        "",
        "       label  prediction  text",
        "right  a      a           t0 x",
        "right  a      a           t1 x",
        f"wrong  a      b           {'y' * 67}...",
    ]


def test_train_json(call, library) -> None:
    library.metrics.update(test={"accuracy": 0.25})
    code, out, _ = call("train", "sentiment", "--json")
    assert code == 0
    assert json.loads(out) == {"directory": "runs/my run", "metrics": {"test": {"accuracy": 0.25}}}


def test_dry_run(call, library) -> None:
    code, out, _ = call("train", "sentiment", "--dry-run")
    assert code == 0
    assert [name for name, *_ in library.calls] == ["plan"]
    assert "estimated time    3.0 s" in out
    assert json.loads(call("train", "sentiment", "--dry-run", "--json")[1]) == PLAN.as_record()


def test_processes_run_the_same_command(call, library, monkeypatch) -> None:
    launched = []
    launch = SimpleNamespace(
        launch=lambda arguments, n, **more: launched.append((arguments, n, more)) or 5
    )
    monkeypatch.setitem(sys.modules, "hfdl.training.distributed.launch", launch)
    arguments = ["train", "sentiment", "train.epochs=1", "--output", "o", "--overwrite"]
    assert call(*arguments, "--processes", "2")[0] == 5
    again = "hfdl train o --output o --resume --processes 2"
    more = {"continue_with": again, "run": Path("o/recipe.yaml")}
    assert launched == [(arguments, 2, more)]
    assert library.calls == []
    assert call("train", "sentiment", "train.epoch=1", "--processes", "2")[0] == 2
    assert len(launched) == 1


def test_only_the_first_process_prints(call, library, monkeypatch) -> None:
    monkeypatch.setenv("RANK", "1")
    assert call("train", "sentiment") == (0, "", "")


def test_evaluate(call, library) -> None:
    code, out, _ = call("evaluate", "runs/x", "data.test=mine.csv")
    assert code == 0
    [(_, arguments, options)] = library.calls
    assert arguments == ("runs/x", {"data.test": "mine.csv"})
    assert re.fullmatch(r"runs/evaluate-x-\d{8}-\d{6}", str(options["output"]))
    assert out.splitlines()[:2] == ["split  accuracy  loss", "test   0.7500    0.5000"]
    assert out.splitlines()[-1].startswith(f"saved in {options['output']}: report.html, ")
    assert call("evaluate", "runs/x", "mine.csv", "data.label=y", "--output", "o")[0] == 0
    assert library.calls[1] == (
        "evaluate", ("runs/x", {"data.test": "mine.csv", "data.label": "y"}),
        {"precision": "float32", "output": Path("o")},
    )  # fmt: skip
    assert call("evaluate", "runs/x")[0] == 0
    assert library.calls[2][1:] == (("runs/x", {}), {"precision": "float32"})
    assert call("evaluate", "runs/x", "a.csv", "data.test=b.csv")[0] == 2
    out = call("evaluate", "runs/x", "--json")[1]
    assert json.loads(out) == {"test": {"accuracy": 0.75, "loss": 0.5}}


# ---- predict -----------------------------------------------------------------------------------


@pytest.fixture
def pipe(monkeypatch):
    """Stands in for hfdl.pipelines.pipeline: answers with the length of the text."""
    module = SimpleNamespace(opened=[], batches=[])

    def pipeline(task: Any, model: Any, **options: Any) -> Any:
        module.opened.append((task, model, options))

        def call(texts: list[Any], top_k: int | None = None) -> list[Any]:
            module.batches.append(texts)
            one = [{"label": f"L{len(text)}", "score": 0.5} for text in texts]
            return one if top_k is None else [[answer] * top_k for answer in one]

        call.task = "text-classification"
        return call

    module.pipeline = pipeline
    monkeypatch.setitem(sys.modules, "hfdl.pipelines", module)
    return module


def lines_of(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_predict_texts(call, pipe) -> None:
    code, out, err = call("predict", "m", "abc", "é", "--batch-size", "4")
    assert (code, err) == (0, "")
    assert pipe.opened == [(None, "m", {"answers_only": True, "batch_size": 4})]
    assert lines_of(out) == [
        {"text": "abc", "label": "L3", "score": 0.5},
        {"text": "é", "label": "L1", "score": 0.5},
    ]
    out = call("predict", "m", "--top-k", "2", "--", "-5")[1]
    answer = {"label": "L2", "score": 0.5}
    assert lines_of(out) == [{"text": "-5", "predictions": [answer, answer]}]


def test_predict_file_in_chunks(call, pipe, tmp_path) -> None:
    (tmp_path / "a.csv").write_text("id,review\n" + "1,good\n" * 600, encoding="utf-8")
    target = tmp_path / "out.jsonl"
    arguments = ["--file", str(tmp_path / "a.csv"), "--column", "review", "--output", str(target)]
    code, out, err = call("predict", "m", *arguments)
    assert (code, err) == (0, "")
    assert re.fullmatch(rf"wrote 600 rows to {target} in \d.*s\n", out)
    assert [len(batch) for batch in pipe.batches] == [256, 256, 88]
    assert len(lines_of(target.read_text(encoding="utf-8"))) == 600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "out.jsonl"]


def test_predict_file_column(call, pipe, tmp_path) -> None:
    for name, text in (("a.csv", "id,text\n1,x\n"), ("b.csv", "z\nx\n"), ("c.txt", "x\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
        code, out, _ = call("predict", "m", "--file", str(tmp_path / name))
        assert (code, lines_of(out)) == (0, [{"text": "x", "label": "L1", "score": 0.5}])
    (tmp_path / "d.csv").write_text("id,review\n1,x\n", encoding="utf-8")
    code, _, err = call("predict", "m", "--file", str(tmp_path / "d.csv"))
    assert code == 2
    assert "no column 'text' for --column; the columns are: id, review" in err


def test_predict_takes_the_columns_of_the_run(call, pipe, tmp_path) -> None:
    (tmp_path / "recipe.yaml").write_text(
        "task: t\nmodel: {name: m}\ndata: {text: a, text_pair: b}\n", encoding="utf-8"
    )
    (tmp_path / "x.csv").write_text("b,a,text\nB,A,T\n", encoding="utf-8")
    code, out, _ = call("predict", str(tmp_path), "--file", str(tmp_path / "x.csv"))
    assert code == 0
    assert pipe.batches == [[{"text": "A", "text_pair": "B"}]]
    assert lines_of(out) == [{"text": "A", "text_pair": "B", "label": "L2", "score": 0.5}]


def test_predict_leaves_no_half_file(call, pipe, tmp_path, monkeypatch) -> None:
    def pipeline(*_: Any, **__: Any) -> Any:
        def call(texts: list[str]) -> list[Any]:
            raise DataError("no")

        call.task = "text-classification"  # type: ignore[attr-defined]
        return call

    monkeypatch.setattr(pipe, "pipeline", pipeline)
    assert call("predict", "m", "x", "--output", str(tmp_path / "o.jsonl"))[0] == 2
    assert list(tmp_path.iterdir()) == []
    code, _, err = call("predict", "m", "x", "--output", str(tmp_path / "no" / "o.jsonl"))
    assert (code, err) == (2, f"error: {tmp_path}/no/o.jsonl: there is no folder {tmp_path}/no. "
                              f"Make it first: mkdir -p {tmp_path}/no\n")  # fmt: skip


class Pipe(io.RawIOBase):
    """stdin whose lines arrive in given pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self.pieces.pop(0) if self.pieces else b""
        buffer[: len(piece)] = piece
        return len(piece)


def feed(monkeypatch, *pieces: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Pipe(*pieces))))


@pytest.mark.parametrize("arguments", [[], ["--file", "-"]])
def test_predict_answers_lines_as_they_arrive(call, pipe, monkeypatch, arguments) -> None:
    feed(monkeypatch, b"\xef\xbb\xbfone\ntw", b"o\r\nthree\n", b"\nlast")
    code, out, err = call("predict", "m", *arguments)
    assert code == 0
    assert pipe.batches == [["one"], ["two", "three"], ["last"]]
    assert [line["text"] for line in lines_of(out)] == ["one", "two", "three", None, "last"]
    assert err == "note: 1 line has no text (first: stdin, line 4); its answer is empty\n"


def test_blank_lines_of_a_pipe_keep_their_place_and_are_counted(call, pipe, monkeypatch) -> None:
    feed(monkeypatch, b"one\n \n", b"\t\r\n\xc2\xa0\ntwo", b"\n\n")
    code, out, err = call("predict", "m")
    assert code == 0
    assert pipe.batches == [["one"], ["two"]]
    assert [line["text"] for line in lines_of(out)] == ["one", None, None, None, "two", None]
    assert err == "note: 4 lines have no text (first: stdin, line 2); their answers are empty\n"


def test_predict_names_the_line_that_is_not_utf8(call, pipe, monkeypatch) -> None:
    feed(monkeypatch, b"one\ntwo\n", b"caf\xe9\n")
    code, out, err = call("predict", "m")
    assert (code, len(lines_of(out))) == (2, 2)
    assert err.startswith("error: stdin, line 3: byte 0xe9 is not UTF-8. ")


def test_predict_on_a_terminal(call, pipe, monkeypatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert call("predict", "m", "a\nb\x1b")[1] == "L4  0.5000  a b\\x1b\n"
    assert lines_of(call("predict", "m", "ab", "--json")[1])[0]["label"] == "L2"
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    code, _, err = call("predict", "m")
    assert code == 2
    assert "give a TEXT or --file, or pipe texts in" in err


# ---- recipes, data, info -----------------------------------------------------------------------


def test_recipes_list_show_and_check(call) -> None:
    listing = [line.split(maxsplit=1) for line in call("recipes", "list")[1].splitlines()]
    assert any(
        line[0] == "sentiment" and line[1].startswith("hfdl train sentiment") for line in listing
    )
    listed = json.loads(call("recipes", "list", "--json")[1])
    assert listed[0]["header"][0].startswith("hfdl train ")
    shipped = Path(__file__).parents[2] / "recipes" / "sentiment.yaml"
    assert call("recipes", "show", "sentiment")[1] == shipped.read_text(encoding="utf-8")
    assert call("recipes", "check", str(shipped)) == (0, f"{shipped}: OK\n", "")


def test_recipes_copy_never_overwrites(call, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("recipes", "copy", "sentiment")[0] == 0
    assert call("recipes", "check", "sentiment.yaml")[0] == 0
    Path("sentiment.yaml").write_text("mine", encoding="utf-8")
    code, _, err = call("recipes", "copy", "sentiment")
    told = "sentiment.yaml: the file exists. Name another file, or remove it first"
    assert (code, err) == (2, f"error: {told}\n")
    assert Path("sentiment.yaml").read_text(encoding="utf-8") == "mine"
    Path("sub").mkdir()
    assert call("recipes", "copy", "sentiment", "sub")[0] == 0
    assert Path("sub/sentiment.yaml").is_file()


def test_recipes_keys(call) -> None:
    out = call("recipes", "keys")[1]
    assert "train.epochs: a number above 0; default 3\n    Passes over the training split." in out
    assert "task: a text; required" in out
    assert "Needs the package peft." in " ".join(out.split())
    keys = {key["key"]: key for key in json.loads(call("recipes", "keys", "--json")[1])}
    assert keys["train.clip_norm"]["type"] == "a number above 0 or null"
    assert keys["train.adam_betas"]["default"] == [0.9, 0.999]


@pytest.fixture
def no_tokenizer(monkeypatch) -> None:
    monkeypatch.setattr("hfdl.cli.data._tokenizer", lambda *_: (None, None, "no tokenizer"))


def test_data_check(call, no_tokenizer, tmp_path) -> None:
    file = tmp_path / "r.csv"
    file.write_text("text,label\ngood,pos\nbad,neg\n,neg\ngood,neg\n", encoding="utf-8")
    code, out, err = call("data", "check", str(file))
    assert (code, err) == (0, "")
    assert "train  4     1      1           csv" in out
    assert "neg    2 (66.7%)" in out
    assert "note: no tokenizer" in out
    assert "warning: train: 1 row with an empty text" in out
    assert "validation, held out from train: `pos` is not measured, for no row has it" in out
    assert out.endswith("OK: no problems, 4 warnings\n")


def test_data_check_fails_as_training_would(call, no_tokenizer, tmp_path) -> None:
    file = tmp_path / "r.csv"
    file.write_text("review,stars\ngood,pos\nbad,neg\n", encoding="utf-8")
    code, out, err = call("data", "check", str(file), "--json")
    assert code == 2
    problems = json.loads(out)["problems"]
    assert err == f"error: {problems[0]}\n"
    assert "no column 'text' for data.text" in err
    columns = ["data.text=review", "data.label=stars"]
    assert call("data", "check", str(file), *columns)[0] == 0
    assert call("data", "check", "sentiment")[0] == 0
    assert call("data", "check", str(tmp_path / "no.csv"))[0] == 2


def test_info() -> None:
    done = hfdl_command("info", "--json", env={**os.environ, "HF_HUB_OFFLINE": "1"})
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    expected = {"python", "hfdl", "torch", "cpu", "cores", "memory_bytes", "cuda", "precision"}
    assert expected | {"models", "extras"} <= set(facts)
    assert set(facts["precision"]) == {"auto", "reason"}
    assert {"lora", "tensorboard", "test", "dev"} <= set(facts["extras"])
