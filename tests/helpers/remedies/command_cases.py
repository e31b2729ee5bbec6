"""Errors of the other commands, whose remedies are typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .model_cases import shell
from .paste import Call, Command, case
from .place import Place
from .run_cases import _multi, _resumed, _stopped


def run(place: Place, *words: str, name: str = "run", recipe: Any = None) -> str:
    """The folder of a tiny run; made once a place."""
    folder = place.folder / name
    if not folder.is_dir():
        made = list(recipe or place.train(*words))
        made[-1] = str(folder)
        Command(tuple(made)).run()
    return str(folder)


def predict(place: Place, content: str | bytes, *words: str, name: str = "a.csv") -> list[str]:
    return ["predict", run(place), "--file", str(place.write(name, content)), *words]


def _unfinished(place: Place) -> list[str]:
    folder = Path(run(place, "train.save_every=1"))
    for name in ("config.json", "metrics.json", "model.safetensors"):
        (folder / name).unlink()
    return ["predict", str(folder), "a film"]


def _report(folder: Path) -> None:
    from hfdl.report.page import write_report

    write_report(folder)


def _there(place: Place) -> list[str]:
    return predict(place, "text\na\n", "--output", str(place.write("there.csv", "x")))


CASES = (
    case("cli/printing/output_file.py:refuse_output#2", lambda p: predict(
        p, "text\na\n", "--output", str(p.folder / "a folder/out.csv")), typing=shell),
    case("cli/printing/output_file.py:refuse_output#5", _there, ways=2, fill=lambda p: {
        str(p.folder / "another run"): p.folder / "new.csv"}),
    case("cli/attention.py:_check_ending", lambda p: [
        "attention", p.model, "film", "--output", p.folder / "a page.htm"]),
    case("cli/diff.py:_check_ending", lambda p: [
        "diff", run(p), run(p), "--output", p.folder / "a page.htm"]),
    case("cli/predicting/row_files.py:refuse_ending", lambda p: predict(
        p, "text\na\n", "--output", str(p.folder / "my answers.xls"))),
    case("cli/predict.py:_refuse_words", lambda p: predict(
        p, '{"words": ["a"], "t": "b"}\n', "--column", "words", name="a.jsonl"),
        fill={"NAME": "t"}),
    case("data/table.py:Table.column", lambda p: predict(
        p, "my text,b\na,c\n", "--column", "my txt")),
    case("data/table.py:Table.column", lambda p: predict(p, "review,b\na,c\n"),
         fill={"COLUMN": "review"}),
    case("cli/predicting/texts.py:file_rows#2", lambda p: predict(
        p, "text,b\n,c\n", ), fill={"NAME": "b"}),
    case("cli/predicting/texts.py:_encoding_as_option",
         lambda p: predict(p, "text\ncafé\n".encode("cp1252"))),
    case("data/readers/readers.py:refuse_missing#2", lambda p: [
        "predict", run(p), "--file", str(p.write("my films.txt", "a").parent / "my film.txt")]),
    case("weights/resolve.py:_fault", _unfinished),
    case("runs/compare.py:_chosen", lambda p: [
        "compare", "sentimnt", "data.train=no.csv"], then="no such file"),
    case("runs/compare.py:_chosen#2", lambda p: [
        "compare", "sentiment", "--eras", "bert1", "data.train=no.csv"], then="no such file"),
    case("runs/compare.py:_check_overrides", lambda p: [
        "compare", "sentiment", "train.steps=1", "model.name=x"]),
    case("tasks/text_classification/thresholds.py:of_saved_model", lambda p: [
        "evaluate", run(p, recipe=_multi(p)), "tune.threshold=best"]),
    case("report/record.py:_needed", lambda p: Call(_report, {"folder": Path(_stopped(p)[1])}),
         typing=_resumed),
)  # fmt: skip
