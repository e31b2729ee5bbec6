"""Files that a command writes: nothing that is there is lost, and nothing half stays."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.processes import contents
from helpers.wording import assert_wording

from hfdl.cli import errors
from hfdl.cli.printing.output_file import refuse_output, written_aside
from hfdl.errors import OutputError


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs a command in this process: exit code and stderr."""

    def run(*arguments: str | Path) -> tuple[int, str]:
        code = errors.run([str(argument) for argument in arguments])
        return code, capsys.readouterr().err

    return run


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    """Files that may not be written over, by what they are."""
    run = tmp_path / "run"
    step = run / "checkpoints" / "step-000004"
    step.mkdir(parents=True)
    for file in ("recipe.yaml", "config.json", "model.safetensors", "predictions.jsonl"):
        (run / file).write_text("of a run")
    for file in ("manifest.json", "model.safetensors"):
        (step / file).write_text("of a checkpoint")
    model = tmp_path / "model"
    model.mkdir()
    for file in ("config.json", "model.safetensors", "tokenizer.json"):
        (model / file).write_text("of a model")
    texts = tmp_path / "texts.txt"
    texts.write_text("a film\n")
    (tmp_path / "link.txt").symlink_to(texts)
    (tmp_path / "link.bin").symlink_to(model / "model.safetensors")
    os.link(texts, tmp_path / "hard.txt")
    return {
        "weights": run / "model.safetensors", "predictions": run / "predictions.jsonl",
        "checkpoint": step / "model.safetensors", "beside a checkpoint's": step / "answers.jsonl",
        "model": model / "tokenizer.json", "input": texts,
        "link to the input": tmp_path / "link.txt",
        "name of the input": tmp_path / "hard.txt", "link to weights": tmp_path / "link.bin",
        "folder": model, "no folder": tmp_path / "none" / "a.jsonl",
    }  # fmt: skip


KINDS = [
    "weights", "predictions", "checkpoint", "beside a checkpoint's", "model", "input",
    "link to the input", "name of the input", "link to weights", "folder", "no folder",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_never_written_over(
    kind: str, places: dict[str, Path], tmp_path: Path, call: Callable[..., tuple[int, str]]
) -> None:
    assert sorted(places) == sorted(KINDS)
    before = contents(tmp_path)
    for flags in ([], ["--overwrite"]):
        code, stderr = call(
            "predict", tmp_path / "model", "--file", places["input"], "--output", places[kind],
            *flags,
        )  # fmt: skip
        assert (code, stderr.count("error:")) == (2, 1)
        assert contents(tmp_path) == before
    with pytest.raises(OutputError) as caught:
        refuse_output(places[kind], overwrite=True, inputs=[places["input"], None, "a text", "-"])
    assert_wording(caught.value)


def test_a_file_that_is_there_needs_overwrite(
    trained: Path, tmp_path: Path, call: Callable[..., tuple[int, str]]
) -> None:
    answers = tmp_path / "answers.jsonl"
    command = ["predict", trained, "a good film", "--output", answers]
    assert call(*command)[0] == 0
    first = answers.read_bytes()
    code, stderr = call(*command)
    assert code == 2
    assert "the file exists. Choose another --output, or give --overwrite" in stderr
    assert answers.read_bytes() == first
    command[2] = "a bad film"
    assert call(*command, "--overwrite")[0] == 0
    assert answers.read_bytes() != first
    assert [path.name for path in tmp_path.iterdir()] == ["answers.jsonl"]


def test_a_new_file_in_a_runs_folder_may_be_written_once(
    trained: Path, call: Callable[..., tuple[int, str]]
) -> None:
    answers = trained / "answers.jsonl"
    try:
        assert call("predict", trained, "a film", "--output", answers)[0] == 0
        assert call("predict", trained, "a film", "--output", answers, "--overwrite")[0] == 2
    finally:
        answers.unlink()


def test_a_page_is_whole_or_absent(
    trained: Path,
    tmp_path: Path,
    call: Callable[..., tuple[int, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from hfdl.interpret.attention_view import AttentionView

    page = tmp_path / "a.html"
    page.write_text("mine")
    assert call("attention", trained, "a good film", "--output", page)[0] == 2
    assert page.read_text() == "mine"

    def half(self: AttentionView, path: Path, **options: object) -> None:
        path.write_text("half")
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(AttentionView, "to_html", half)
    assert call("attention", trained, "a good film", "--output", page, "--overwrite")[0] == 2
    assert page.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


def test_links_and_devices(tmp_path: Path) -> None:
    real, link = tmp_path / "deep" / "real.txt", tmp_path / "link.txt"
    real.parent.mkdir()
    real.write_text("old")
    link.symlink_to(real)
    with written_aside(link) as aside:
        assert aside.suffix == ".txt"
        aside.write_text("new")
        assert real.read_text() == "old"
    assert (real.read_text(), link.is_symlink()) == ("new", True)
    refuse_output(Path(os.devnull))
    with written_aside(Path(os.devnull)) as aside:
        assert aside == Path(os.devnull)
    with pytest.raises(FileNotFoundError), written_aside(tmp_path / "new.txt") as aside:
        aside.rename(tmp_path / "none" / "moved")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "link.txt"]


@pytest.mark.parametrize("name", ["recipe.yaml", "config.json", "manifest.json"])
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_project_with_files_of_such_names_is_no_run(
    name: str, depth: int, tmp_path: Path
) -> None:
    (tmp_path / name).write_text("of another kind")
    folder = tmp_path.joinpath(*"ab"[:depth])
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "answers.csv"
    refuse_output(file)
    file.write_text("text")
    refuse_output(file, overwrite=True)
    assert file.read_text() == "text"
    (tmp_path / "model.safetensors").write_text("what a training leaves")
    with pytest.raises(OutputError, match="of a run or a model"):
        refuse_output(file, overwrite=True)
