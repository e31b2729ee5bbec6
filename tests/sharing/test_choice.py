"""What can be pushed, what of it goes, and the folders and names that are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from helpers.hub.server import Hub

from hfdl.errors import ConfigError, HfdlError, HubError
from hfdl.hub.names import Revised, check_repo_name, id_of_address
from hfdl.report.private import is_private, shared_words, without_paths
from hfdl.sharing.choice import choose
from hfdl.sharing.folder import shareable
from hfdl.sharing.prepared import prepare
from hfdl.weights.resolve import find_model


def refusal(run: Path | str, **options) -> str:
    with pytest.raises(HfdlError) as caught:
        prepare(run, "ann/mine", ask_hub=False, **options)
    return str(caught.value)


# ---- folders ------------------------------------------------------------------------------------


def test_a_group_of_runs(run: Path, tmp_path: Path) -> None:
    group = tmp_path / "group"
    for seed, value in enumerate((0.5, 0.9, 0.7)):
        shutil.copytree(run, group / f"seed-{seed}", ignore=shutil.ignore_patterns("checkpoints"))
        file = group / f"seed-{seed}" / "metrics.json"
        metrics = json.loads(file.read_text())
        file.write_text(json.dumps({**metrics, "best": {"metric": "accuracy", "value": value}}))
    (group / "seeds.json").write_text("{}")
    text = refusal(group)
    assert "it holds runs, and a repository holds one model" in text
    assert text.endswith(f"Push one of them: hfdl push {group}/seed-1 REPO")


def test_an_evaluation_an_unfinished_run_and_no_folder(run: Path, tmp_path: Path) -> None:
    evaluation = tmp_path / "evaluation"
    evaluation.mkdir()
    for name in ("recipe.yaml", "metrics.json", "predictions.jsonl"):
        shutil.copy(run / name, evaluation)
    (evaluation / "mistakes.jsonl").write_text("")
    assert "an evaluation, and no model" in refusal(evaluation)
    (run / "metrics.json").unlink()
    text = refusal(run)
    assert f"Finish it: hfdl train {run} --output {run} --resume" in text
    assert "no such folder" in refusal(tmp_path / "none")


def test_a_path_as_windows_writes_it(run: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    run.rename("runs/mine")
    assert refusal("runs\\mine").endswith("did you mean runs/mine?")


def test_adapters_alone(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text('{"task_type": "SEQ_CLS"}')
    (tmp_path / "adapter_model.safetensors").write_bytes(b"")
    assert "adapters" in refusal(tmp_path)


def test_a_plain_folder_gets_a_card_that_claims_nothing(hub: Hub, tiny_bert: Path, push) -> None:
    code, _, _ = push(tiny_bert, "bert", "--yes", "--license", "mit")
    assert code == 0
    card = hub.store.repos["model", "ann/bert"].files()["README.md"].content.decode()
    assert "license: mit" in card
    assert "model-index" not in card
    assert 'hfdl.pipeline(model="ann/bert")' in card


def test_a_folder_that_cannot_be_written(hub: Hub, run: Path, push) -> None:
    before = sorted(run.rglob("*"))
    for path in [*before, run]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert push(run, "mine", "--yes")[0] == 0
    finally:
        for path in [run, *before]:
            path.chmod(0o755)
    assert sorted(run.rglob("*")) == before


# ---- files --------------------------------------------------------------------------------------


def test_links(run: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.safetensors"
    (run / "model.safetensors").rename(outside)
    (run / "model.safetensors").symlink_to(outside)
    assert "model.safetensors is a link that leads out of the folder" in refusal(run)
    (run / "model.safetensors").unlink()
    inside = run / "checkpoints" / "kept"
    outside.rename(inside)
    (run / "model.safetensors").symlink_to(inside)
    assert "model.safetensors" in choose(run).files
    (run / "notes.txt").symlink_to("/etc/hostname")
    assert "notes.txt" not in choose(run).files
    with pytest.raises(HubError, match=r"notes.txt is a link that leads out"):
        choose(run, ["notes.txt"])


def test_a_snapshot_of_the_cache_is_a_folder(tmp_path: Path, tiny_bert: Path) -> None:
    snapshot = tmp_path / "models--a--b" / "snapshots" / ("0" * 40)
    blobs = tmp_path / "models--a--b" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for number, file in enumerate(sorted(tiny_bert.iterdir())):
        shutil.copy(file, blobs / str(number))
        (snapshot / file.name).symlink_to(f"../../blobs/{number}")
    assert set(choose(snapshot).files) == {file.name for file in tiny_bert.iterdir()}


def test_names_of_files_in_any_script(hub: Hub, run: Path, push) -> None:
    (run / "Übersicht – 1.txt").write_text("ä")
    (run / "a\\b.txt").write_text("x")
    code, _, _ = push(run, "mine", "--yes", "--include", "Übersicht*")
    assert code == 0
    files = hub.store.repos["model", "ann/mine"].files()
    assert files["Übersicht – 1.txt"].content == "ä".encode()
    assert "never uploaded" in refusal(run, include=["a\\b.txt"])


def test_own_code_stays_and_is_told(run: Path, tmp_path: Path) -> None:
    recipe = (run / "recipe.yaml").read_text()
    code = f"  metrics: [{tmp_path}/secret/mine.py:f]"
    (run / "recipe.yaml").write_text(recipe.replace("  metrics: []", code))
    (run / "mine.py").write_text("def f(): ...")
    found = prepare(run, "ann/mine", ask_hub=False)
    assert any("your own code (mine.py) is not uploaded" in note for note in found.notes)
    text = next(item.source for item in found.items if item.path == "recipe.yaml")
    assert isinstance(text, bytes)
    assert yaml.safe_load(text)["train"]["metrics"] == ["mine.py:f"]
    assert b"secret" not in text
    assert "mine.py" not in [item.path for item in found.items]


# ---- names --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mine", "ann/mine", "Foo-BAR_foo.bar123", "a/b"])
def test_names_that_the_hub_takes(name: str) -> None:
    assert check_repo_name(name) == name


@pytest.mark.parametrize(
    ("name", "instead"),
    {
        "ann\\mine": "ann/mine", "my model!": "my-model", "a/b/c": "a/b", "-x-": "x",
        "https://huggingface.co/ann/mine": "ann/mine", "ann/mine.git": "ann/mine",
        "ann//mine": "ann/mine", "größe": "gr-e", "a--b": "a-b", "": "my-model", "../x": "x",
    }.items(),
)  # fmt: skip
def test_names_that_it_does_not(name: str, instead: str) -> None:
    with pytest.raises(ConfigError, match=r"is no name of a repository") as caught:
        check_repo_name(name)
    assert str(caught.value).endswith(f"Name it for instance {instead}")
    assert check_repo_name(instead)


@pytest.mark.parametrize(
    ("address", "name"),
    {
        "https://huggingface.co/ann/mine": "ann/mine", "huggingface.co/ann/mine/": "ann/mine",
        "https://huggingface.co/ann/mine/tree/v1.0": "ann/mine@v1.0",
        "https://hf.co/ann/mine/blob/main/config.json": "ann/mine", "hf://ann/mine": "ann/mine",
        "https://huggingface.co/ann/mine.git": "ann/mine",
        "https://huggingface.co/datasets/ann/reviews/viewer?row=1": "ann/reviews",
        "https://example.org/ann/mine": None, "ann/mine": None, "runs/ann/mine": None,
        "s3://ann/mine": None, "https://huggingface.co/": None,
    }.items(),
)  # fmt: skip
def test_addresses(address: str, name: str | None) -> None:
    assert id_of_address(address) == name
    if name is not None and "datasets" not in address:
        with pytest.raises(HfdlError, match=rf"Name it {name}$"):
            find_model(address)


def test_revisions() -> None:
    assert Revised.of("a/b@refs/pr/1") == Revised("a/b", "refs/pr/1")
    assert Revised.of("a/b", "v1") == Revised.of("a/b@v1") == Revised.of("a/b@v1", "v1")
    with pytest.raises(ConfigError, match=r"two revisions, 'v1' and 'v2'"):
        Revised.of("a/b@v1", "v2")


# ---- paths --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    {
        "/home/ann/data/a.csv": "a.csv", "~/a.csv": "a.csv", "../x/a.csv": "a.csv",
        "C:\\Users\\ann\\a.csv": "a.csv", "\\\\host\\share\\a.csv": "a.csv",
        "/home/ann/m.py:f": "m.py:f", "hfdl://sentiment": "hfdl://sentiment",
        "org/name": "org/name", "org/name:en#train[:10%]": "org/name:en#train[:10%]",
        "https://x.org/a/b": "https://x.org/a/b", "a text / another": "a text / another",
        "/": "/", "\n": "\n",
    }.items(),
)  # fmt: skip
def test_values(text: str, shown: str) -> None:
    assert without_paths({"a": [text]}) == {"a": [shown]}
    assert is_private(text) == (text != shown)


def test_words() -> None:
    text = "12 of 120 rows held out from /home/ann/x/a.csv (see https://x.org/a/b and 3/4/5)"
    expected = "12 of 120 rows held out from a.csv (see https://x.org/a/b and 3/4/5)"
    assert shared_words(text, []) == expected
    assert shared_words("in /my data/a.csv now", ["/my data/a.csv"]) == "in a.csv now"


def test_folders_of_the_repository_are_no_runs(tiny_bert: Path) -> None:
    assert shareable(tiny_bert).run is None
