"""Reading the files of a run, whole and damaged."""

from __future__ import annotations

import json

import pytest

from hfdl.errors import ModelError, OutputError
from hfdl.report import read_run, write_report


def _append(folder, name, text):
    with (folder / name).open("a", encoding="utf-8") as stream:
        stream.write(text)


def test_reads_what_was_written(fake_run, tmp_path):
    run = fake_run(2)
    record = read_run(run.write(tmp_path))
    assert record.predictions == run.rows
    assert record.splits == ["test", "validation"]
    assert record.notes() == run.notes
    assert record.examples("train") == 800
    assert record.examples("test") == 90
    assert record.end["reason"] == "completed"


def test_what_a_resume_took_back_does_not_count(fake_run, tmp_path):
    folder = fake_run(2, updates=20, evaluations=4).write(tmp_path)
    _append(folder, "log.jsonl", json.dumps({"event": "resume", "step": 12, "path": "c"}) + "\n")
    update = {"event": "update", "step": 13, "loss": 0.5, "learning_rate": 1e-5}
    _append(folder, "log.jsonl", json.dumps(update) + "\n")
    record = read_run(folder)
    assert [event["step"] for event in record.events_of("update")] == list(range(1, 14))
    assert [event["step"] for event in record.events_of("evaluation")] == [5, 10]


def test_half_a_line_at_the_end_of_the_log_is_left_out(fake_run, tmp_path):
    folder = fake_run(2).write(tmp_path)
    before = read_run(folder).events
    _append(folder, "log.jsonl", '{"event": "upd')
    assert read_run(folder).events == before


@pytest.mark.parametrize("name", ["log.jsonl", "predictions.jsonl"])
def test_a_damaged_line_is_named(fake_run, tmp_path, name):
    folder = fake_run(2).write(tmp_path)
    lines = len((folder / name).read_text().splitlines())
    _append(folder, name, "{oops}\n")
    with pytest.raises(OutputError, match=rf"{name}, line {lines + 1}"):
        read_run(folder)


@pytest.mark.parametrize("name", ["recipe.yaml", "metrics.json"])
def test_an_unfinished_run_is_refused(fake_run, tmp_path, name):
    folder = fake_run(2).write(tmp_path)
    (folder / name).unlink()
    with pytest.raises(OutputError, match=name):
        write_report(folder)
    assert not (folder / "report.html").exists()


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_damaged_metrics_are_refused(fake_run, tmp_path, text):
    folder = fake_run(2).write(tmp_path)
    (folder / "metrics.json").write_text(text)
    with pytest.raises(OutputError):
        read_run(folder)


def test_an_exported_graph_is_named_and_not_told_to_go_on(fake_run, tmp_path):
    folder = fake_run(2).write(tmp_path)
    for name in ("metrics.json", "log.jsonl", "predictions.jsonl"):
        (folder / name).unlink()
    (folder / "model.onnx").write_bytes(b"graph")
    (folder / "export.json").write_text(json.dumps({"model": "runs/the best"}))
    with pytest.raises(ModelError, match="an exported graph") as caught:
        write_report(folder)
    assert "--resume" not in str(caught.value)
    assert str(caught.value.remedy).endswith("it was exported from: 'runs/the best'")
