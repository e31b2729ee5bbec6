"""Folders and files that appear whole or not at all."""

import hashlib
import json
import os
import stat
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from hfdl.training import files
from hfdl.training.files import (
    MANIFEST,
    atomic_folder,
    damage,
    move_into,
    remove_leftovers,
    write_json,
)

CONTENT = {
    "model.safetensors": bytes(range(256)) * 3,
    "state.json": b'{"step": 7}\n',
    "empty.txt": b"",
    "inner/one.bin": b"1",
}


def fill(folder: Path, content=CONTENT) -> None:
    for name, data in content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def saved(tmp_path):
    folder = tmp_path / "step-000007"
    with atomic_folder(folder) as aside:
        fill(aside)
    return folder


# ---- atomic_folder -----------------------------------------------------------------------------


def test_the_folder_appears_at_the_end_with_a_manifest(tmp_path):
    folder = tmp_path / "new" / "step-000007"
    with atomic_folder(folder) as aside:
        fill(aside)
        assert not folder.exists()
        assert aside.parent == folder.parent  # a rename must not cross file systems
    found = contents(folder)
    manifest = json.loads(found.pop(MANIFEST))
    assert found == CONTENT
    assert manifest == {
        "files": {
            name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in CONTENT.items()
        }
    }
    assert damage(folder) is None
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_who_may_read_the_folder_may_read_its_files(tmp_path, umask):
    """safetensors makes files of mode 0600, whatever the umask says."""
    before = os.umask(umask)
    try:
        with atomic_folder(tmp_path / "whole") as aside:
            save_file({"a": torch.zeros(1)}, aside / "model.safetensors")
        (tmp_path / "aside").mkdir()
        save_file({"a": torch.zeros(1)}, tmp_path / "aside" / "model.safetensors")
        move_into(tmp_path / "aside", tmp_path)
    finally:
        os.umask(before)
    files = [tmp_path / "whole" / "model.safetensors", tmp_path / "whole" / MANIFEST,
             tmp_path / "model.safetensors"]  # fmt: skip
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == 3 * [0o666 & ~umask]


def test_an_error_inside_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), atomic_folder(tmp_path / "x") as aside:
        write_half(aside)
    assert list(tmp_path.iterdir()) == []


def write_half(aside: Path) -> None:
    (aside / "half.bin").write_bytes(b"half")
    raise KeyboardInterrupt


def test_an_error_inside_leaves_the_old_folder(saved):
    before = contents(saved)
    with pytest.raises(KeyboardInterrupt), atomic_folder(saved) as aside:
        write_half(aside)
    assert contents(saved) == before
    assert list(saved.parent.iterdir()) == [saved]


def test_the_old_folder_is_replaced_and_not_mixed(saved):
    with atomic_folder(saved) as aside:
        (aside / "other.bin").write_bytes(b"other")
    assert sorted(contents(saved)) == [MANIFEST, "other.bin"]
    assert damage(saved) is None
    assert list(saved.parent.iterdir()) == [saved]


CALLS = 7


@pytest.mark.parametrize("call", range(1, CALLS + 1))
def test_a_fault_at_any_call_leaves_the_old_folder_or_the_new(saved, monkeypatch, call):
    """The disk is full, or a signal comes, at the n-th step of putting the folder in place."""
    before = contents(saved)
    calls = []

    def failing(function):
        def run(*arguments, **options):
            calls.append(function)
            if len(calls) == call:
                raise OSError("no space left on device")
            return function(*arguments, **options)

        return run

    monkeypatch.setattr(files, "sync", failing(files.sync))
    monkeypatch.setattr(Path, "rename", failing(Path.rename))
    monkeypatch.setattr(Path, "replace", failing(Path.replace))
    with pytest.raises(OSError, match="no space left"), atomic_folder(saved) as aside:
        (aside / "new.bin").write_bytes(b"new")
    monkeypatch.undo()
    assert damage(saved) is None
    new_is_in_place = sorted(contents(saved)) == [MANIFEST, "new.bin"]
    # Only syncing the parent comes after the rename that makes the new folder the one.
    assert new_is_in_place == (call == CALLS)
    assert new_is_in_place or contents(saved) == before
    remove_leftovers(saved.parent)
    assert list(saved.parent.iterdir()) == [saved]


def test_what_a_killed_process_left_aside_does_not_get_in(saved):
    aside = saved.with_name(f".writing-{saved.name}")
    fill(aside, {"stale.bin": b"stale"})
    with atomic_folder(saved) as again:
        assert again == aside
        (again / "new.bin").write_bytes(b"new")
    assert sorted(contents(saved)) == [MANIFEST, "new.bin"]


def test_leftovers_are_removed_and_nothing_else(saved):
    fill(saved.parent / ".writing-step-000008")
    (saved.parent / ".writing-metrics.json").write_text("{")
    (saved.parent / "metrics.json").write_text("{}")
    remove_leftovers(saved.parent)
    assert sorted(path.name for path in saved.parent.iterdir()) == ["metrics.json", saved.name]
    assert damage(saved) is None


# ---- damage ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, data in CONTENT.items() if data])
def test_a_flipped_byte_anywhere_in_a_file_is_found(saved, name):
    path, data = saved / name, CONTENT[name]
    for place in {0, len(data) // 2, len(data) - 1}:
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert damage(saved) == f"the sha256 of {name} is not the recorded one"
    path.write_bytes(data)
    assert damage(saved) is None


def test_a_flipped_bit_anywhere_in_the_manifest_is_found(tmp_path):
    saved = tmp_path / "small"
    with atomic_folder(saved) as aside:
        fill(aside, {"a.bin": b"1", "b/c.bin": b"23"})
    path = saved / MANIFEST
    data = path.read_bytes()
    unnoticed = []
    for place, byte in enumerate(data):
        for bit in (0, 5, 7):  # another character, another case, no character at all
            path.write_bytes(data[:place] + bytes([byte ^ (1 << bit)]) + data[place + 1 :])
            if damage(saved) is None:
                unnoticed.append((place, bit))
    assert len(data) > 250
    assert unnoticed == []
    path.write_bytes(data)
    assert damage(saved) is None


def test_every_truncation_is_found(saved):
    cases = 0
    for name, data in CONTENT.items():
        for size in {0, len(data) // 2, len(data) - 1} - {len(data), -1}:
            (saved / name).write_bytes(data[:size])
            assert damage(saved) == f"{name} has {size} bytes instead of {len(data)}"
            cases += 1
        (saved / name).write_bytes(data)
    assert cases == 3 + 3 + 0 + 1
    (saved / "empty.txt").write_bytes(b"x")
    assert damage(saved) == "empty.txt has 1 bytes instead of 0"


def test_every_deletion_is_found(saved):
    names = sorted(contents(saved))
    assert names == sorted([*CONTENT, MANIFEST])
    for name in names:
        data = (saved / name).read_bytes()
        (saved / name).unlink()
        expected = (
            f"{MANIFEST} is missing or unreadable" if name == MANIFEST else f"{name} is missing"
        )
        assert damage(saved) == expected
        (saved / name).write_bytes(data)
    assert damage(saved) is None


@pytest.mark.parametrize("name", ["added.bin", "inner/added.bin", "inner/manifest.json"])
def test_an_added_file_is_found(saved, name):
    (saved / name).write_bytes(b"")
    assert damage(saved) == f"{name} is not in {MANIFEST}"


def test_a_folder_in_the_place_of_a_file_is_found(saved):
    (saved / "state.json").unlink()
    (saved / "state.json").mkdir()
    assert damage(saved) == "state.json is missing"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{}", '{"files": []}', '{"files": {"a": {}}}', '{"files": {"a": "b"}}',
     '{"files": {"a": {"size": "x", "sha256": "y"}}}', '{"files": {"a": {"size": null}}}',
     '{"files": {"a": {"size": 1e999, "sha256": "y"}}}', "[" * 100_000],
)  # fmt: skip
def test_a_manifest_of_another_shape_is_unreadable(saved, text):
    (saved / MANIFEST).write_text(text)
    assert damage(saved) == f"{MANIFEST} is missing or unreadable"


def test_no_folder_at_all_is_damaged(tmp_path):
    assert damage(tmp_path / "none") == f"{MANIFEST} is missing or unreadable"


# ---- single files ------------------------------------------------------------------------------


def test_write_json_writes_text_that_a_person_can_read(tmp_path):
    path = tmp_path / "metrics.json"
    value = {"label": "naïve \U0001f600", "loss": 0.1, "none": None, "list": [1, 2]}
    write_json(path, value)
    assert json.loads(path.read_text(encoding="utf-8")) == value
    assert "naïve \U0001f600" in path.read_text(encoding="utf-8")
    assert path.read_text(encoding="utf-8").endswith("}\n")
    assert list(tmp_path.iterdir()) == [path]


def test_write_json_leaves_the_old_file_when_the_value_cannot_be_written(tmp_path):
    path = tmp_path / "metrics.json"
    write_json(path, {"loss": 1.0})
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_json(path, {"loss": 2.0, "model": object()})
    assert json.loads(path.read_text()) == {"loss": 1.0}
    assert list(tmp_path.iterdir()) == [path]


def test_write_json_leaves_the_old_file_when_the_disk_fails(tmp_path, monkeypatch):
    path = tmp_path / "metrics.json"
    write_json(path, {"loss": 1.0})

    def fail(path):
        raise OSError("no space left on device")

    monkeypatch.setattr(files, "sync", fail)
    with pytest.raises(OSError, match="no space left"):
        write_json(path, {"loss": 2.0})
    assert json.loads(path.read_text()) == {"loss": 1.0}
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_move_into_replaces_files_and_keeps_the_others(tmp_path):
    folder, aside = tmp_path / "run", tmp_path / "run" / ".writing-model"
    fill(folder, {"config.json": b"old", "log.jsonl": b"log"})
    fill(aside, {"config.json": b"new", "model.safetensors": b"weights"})
    move_into(aside, folder)
    assert contents(folder) == {
        "config.json": b"new", "log.jsonl": b"log", "model.safetensors": b"weights",
    }  # fmt: skip
    assert not aside.exists()


def test_move_into_of_nothing(tmp_path):
    (tmp_path / "aside").mkdir()
    move_into(tmp_path / "aside", tmp_path)
    assert list(tmp_path.iterdir()) == []
