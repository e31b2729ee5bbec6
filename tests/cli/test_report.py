"""``hfdl report``: where the page goes, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hfdl.cli import errors

from ..report.conftest import FakeRun


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return FakeRun().write(tmp_path / "runs" / "a")


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]):
    def report(*arguments: object) -> tuple[int, str, str]:
        code = errors.run(["report", *map(str, arguments)])
        return code, *capsys.readouterr()

    return report


def test_the_page_goes_into_the_folder_again_and_again(run: Path, call) -> None:
    files = {path.name for path in run.iterdir()}
    for _ in range(2):
        code, out, _ = call(run)
        assert (code, out) == (0, f"saved in {run / 'report.html'}\n")
    assert {path.name for path in run.iterdir()} == files | {"report.html"}
    assert "Text classification" in (run / "report.html").read_text(encoding="utf-8")


def test_or_into_a_file_that_is_not_there(run: Path, call, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert json.loads(call(run, "--output", page, "--json")[1]) == {"page": str(page)}
    page.write_text("mine", encoding="utf-8")
    code, out, err = call(run, "--output", page)
    assert (code, out) == (2, "")
    assert "the file exists" in err
    assert page.read_text(encoding="utf-8") == "mine"
    assert call(run, "--output", page, "--overwrite")[0] == 0
    assert not (run / "report.html").exists()


@pytest.mark.parametrize("name", ["metrics.json", "predictions.jsonl", "recipe.yaml"])
def test_a_file_of_a_run_is_never_written_over(run: Path, call, name: str) -> None:
    before = (run / name).read_bytes()
    code, _, err = call(run, "--output", run / name, "--overwrite")
    assert code == 2
    assert "never written over" in err
    assert (run / name).read_bytes() == before


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda run: (run / "metrics.json").unlink(), "there is no metrics.json"),
        (lambda run: (run / "recipe.yaml").unlink(), "there is no recipe.yaml"),
        (lambda run: (run / "metrics.json").write_bytes(b'{"test": "\xff"}'), "not UTF-8"),
        (lambda run: (run / "metrics.json").write_text("[1]"), "must each hold a mapping"),
        (lambda run: (run / "predictions.jsonl").write_text("[1]\n"), "must hold a mapping"),
        (lambda run: (run / "predictions.jsonl").write_bytes(b'{"a": \xff}\n'), "not JSON"),
        (lambda run: (run / "log.jsonl").write_text("{half\n{}\n"), "log.jsonl, line 1"),
    ],
)
def test_a_damaged_folder_is_a_line_and_no_page(run: Path, call, damage, said: str) -> None:
    damage(run)
    code, out, err = call(run)
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
    assert not (run / "report.html").exists()


def test_a_folder_that_is_no_run(call, tmp_path: Path) -> None:
    assert "there is no such folder" in call(tmp_path / "nowhere")[2]
    assert "name the folder of a run" in call(tmp_path / "nowhere")[2].lower()
    (tmp_path / "file").write_text("")
    assert "it is a file" in call(tmp_path / "file")[2]


def test_a_study_is_told_from_a_run(call, tmp_path: Path) -> None:
    study = tmp_path / "study"
    study.mkdir()
    (study / "study.yaml").write_text("task: text_classification\n")
    code, out, err = call(study)
    assert (code, out) == (2, "")
    assert "it is a study; a report needs" in err
    assert f"hfdl tune {study} --output {study} --resume" in err
    FakeRun().write(study / "best")
    (study / "report.html").write_text("<p>its own</p>", encoding="utf-8")
    code, _, err = call(study)
    assert f"it is a study, and has a report of its own: {study / 'report.html'}" in err
    assert f"hfdl report {study / 'best'}" in err
    assert (study / "report.html").read_text(encoding="utf-8") == "<p>its own</p>"
    assert "it is a study" in call(study, study / "best")[2]  # beside another, too


@pytest.mark.parametrize("key", ["score", "scores"])
def test_a_part_that_cannot_be_made_says_so_in_its_place(run: Path, call, key: str) -> None:
    lines = (run / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [{**json.loads(line), key: {"odd": [1]}} for line in lines]
    (run / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, _, err = call(run)
    page = (run / "report.html").read_text(encoding="utf-8")
    assert (code, "Traceback" in err) == (0, False)
    assert "This part is left out" in page
    assert "How it was made" in page


def test_several_runs_make_one_page_that_is_not_written_over(
    run: Path, call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = FakeRun(seed=1).write(tmp_path / "runs" / "b")
    monkeypatch.chdir(tmp_path)
    assert call(run, other)[:2] == (0, "saved in report.html\n")
    before = Path("report.html").read_bytes()
    assert b"2 runs side by side" in before
    code, _, err = call(run, other)
    assert (code, "the file exists" in err) == (2, True)
    assert Path("report.html").read_bytes() == before
    assert call(run, other, "--output", run / "metrics.json", "--overwrite")[0] == 2
    assert call(run, run)[0] == 2
    assert "named twice" in call(run, run, "--overwrite")[2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "runs"]


def test_a_group_of_seeds_has_a_page_of_its_own(call, tmp_path: Path) -> None:
    for seed in (0, 1):
        FakeRun(seed=seed).write(tmp_path / "two" / f"seed-{seed}")
    (tmp_path / "two" / "seeds.json").write_text('{"seeds": [0, 1]}')
    assert call(tmp_path / "two")[0] == 0
    page = (tmp_path / "two" / "report.html").read_text(encoding="utf-8")
    assert "<bdi>seed-1</bdi>" in page
