"""No path of this machine goes along, wherever the command runs; words that look like one stay."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from helpers.hub.server import Hub
from huggingface_hub import ModelCard

import hfdl
from hfdl.report.card import write_model_card
from hfdl.report.private import private_paths, shared_words, without_paths
from hfdl.sharing.prepared import prepare


def retold(run: Path, **data: object) -> None:
    """Let the run's recipe name other data, and its card and log with it."""
    recipe = yaml.safe_load((run / "recipe.yaml").read_text())
    recipe["data"].update(data)
    (run / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    write_model_card(run)


def going(run: Path, **options: object) -> dict[str, bytes]:
    items = prepare(run, "ann/mine", ask_hub=False, **options).items
    return {i.path: i.source if isinstance(i.source, bytes) else i.source.read_bytes()
            for i in items}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "shown"),
    {
        "clients/acme/reviews.csv": "reviews.csv", "acme/reviews.csv": "reviews.csv",
        "acme/*.csv": "*.csv", "clients/acme data/part": "part",
        "clients/acme/2024/*": "*", "clients\\acme\\a.csv": "a.csv",
        "ann/reviews": "ann/reviews", "ann/reviews@refs/convert/parquet:en#train[:10%]+test":
        "ann/reviews@refs/convert/parquet:en#train[:10%]+test", "reviews.csv": "reviews.csv",
        "hfdl://sentiment": "hfdl://sentiment", "memory://train": "memory://train",
    }.items(),
)  # fmt: skip
def test_relative_names_of_data_that_are_not_here(given: str, shown: str) -> None:
    """A run is pushed from another folder than it was trained in, and its data may be gone."""
    assert without_paths({"data": {"train": given}}) == {"data": {"train": shown}}
    assert without_paths({"train": [given, given]}) == {"train": [shown, shown]}
    assert [*private_paths({"train": given})] == ([] if given == shown else [given])


@pytest.mark.parametrize("train", ["clients/*.csv", ["{0}/clients/a.csv", "clients/b.csv"]])
def test_lists_and_patterns(train: str | list[str], run: Path, tmp_path: Path) -> None:
    given = train if isinstance(train, str) else [each.format(tmp_path) for each in train]
    with (run / "log.jsonl").open("a") as log:
        note = f"2 files: clients/a.csv, {tmp_path}/clients/b.csv"
        log.write(json.dumps({"event": "note", "text": note}) + "\n")
    retold(run, train=given)
    found = going(run)
    for name in ("README.md", "recipe.yaml"):
        assert b"clients" not in found[name], name
        assert str(tmp_path).encode() not in found[name], name
    expected = "*.csv" if isinstance(train, str) else "a.csv, b.csv"
    card = ModelCard(found["README.md"].decode())
    assert {each.dataset_name for each in card.data.eval_results or []} == {expected}
    assert "2 files: a.csv, b.csv" in card.text


def test_a_model_beside_the_run_is_no_repository(run: Path, tmp_path: Path, monkeypatch) -> None:
    """``runs/first`` has the form of a Hub id, and is a folder where the run was trained."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bodies" / "first").mkdir(parents=True)
    recipe = yaml.safe_load((run / "recipe.yaml").read_text())
    recipe["model"]["name"] = "bodies/first"
    (run / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    write_model_card(run)
    monkeypatch.chdir(run / "checkpoints")
    found = going(run)
    assert yaml.safe_load(found["recipe.yaml"])["model"]["name"] == "first"
    card = ModelCard(found["README.md"].decode())
    assert card.data.base_model is None
    assert 'model="ann/mine"' in card.text  # written anew, not taken for one that somebody changed


def test_labels_and_tokens_that_look_like_paths(hub: Hub, run: Path, push) -> None:
    """``/r/science`` is a label that people have; of a path it would be the last part."""
    names = {"0": "/r/science", "1": "~no.csv"}
    config = json.loads((run / "config.json").read_text())
    config |= {"id2label": names, "label2id": {v: int(k) for k, v in names.items()}}
    config["_name_or_path"] = "/home/ann/secret/bert"
    (run / "config.json").write_text(json.dumps(config))
    metrics = json.loads((run / "metrics.json").read_text())
    (run / "metrics.json").write_text(json.dumps({**metrics, "labels": [*names.values()]}))
    tokens = json.loads((run / "tokenizer_config.json").read_text())
    tokens |= {"sep_token": "/s/", "additional_special_tokens": ["/a/b"]}
    (run / "tokenizer_config.json").write_text(json.dumps(tokens))
    retold(run, na_values=["/n/a"], label_separator="//")
    assert push(run, "mine", "--yes")[0] == 0
    files = hub.store.repos["model", "ann/mine"].files()
    there = {name: json.loads(blob.content) for name, blob in files.items() if ".json" in name}
    assert there["config.json"] == {**config, "_name_or_path": "bert"}
    assert there["metrics.json"]["labels"] == [*names.values()]
    assert there["tokenizer_config.json"] == tokens
    data = yaml.safe_load(files["recipe.yaml"].content)["data"]
    assert (data["na_values"], data["label_separator"]) == (["/n/a"], "//")


def test_a_card_of_ones_own_that_names_paths_is_told(run: Path) -> None:
    (run / "README.md").write_text("# Ours\n\nTrained on /home/ann/secret/a.csv.\n")
    notes = prepare(run, "ann/mine", ask_hub=False).notes
    assert "that README.md names paths of this machine: look at it before it goes" in notes
    (run / "README.md").write_text("# Ours\n")
    assert not any("names paths" in each for each in prepare(run, "a/b", ask_hub=False).notes)


def test_words_about_files_below_a_pattern() -> None:
    paths = ["acme data/**/*.csv", "clients/*.csv"]
    text = "3 rows of acme data/2024/a.csv and clients/b.csv; no clients/acme, no data/x"
    assert shared_words(text, paths) == "3 rows of a.csv and b.csv; no clients/acme, no data/x"


def test_a_copy_of_the_run_elsewhere(run: Path, tmp_path: Path, monkeypatch) -> None:
    retold(run, train="clients/acme/a.csv")
    away = tmp_path / "away" / "copy"
    shutil.copytree(run, away)
    monkeypatch.chdir(away)
    assert not any(b"clients" in content for content in going(away).values())


@pytest.mark.usefixtures("without_report")
@pytest.mark.parametrize("kind", ["spans", "tags"])
def test_words_of_the_data_that_notes_quote(kind: str, tiny_bert: Path, tmp_path: Path) -> None:
    rows = [
        {"text": "seen by Dr. O'Zebra today", "spans": [[12, 17, "PER"]],
         "tokens": ["by", "O'Zebra", "today"], "tags": ["B-LOC", "I-PER", "O"]}
    ] * 8  # fmt: skip
    (tmp_path / "secret").mkdir()
    file = tmp_path / "secret" / "notes.jsonl"
    file.write_text("".join(json.dumps({k: v for k, v in row.items() if (kind == "tags") ==
                    (k in ("tokens", "tags"))}) + "\n" for row in rows))  # fmt: skip
    run = hfdl.train(
        "ner", {"model.name": str(tiny_bert), "data.train": str(file), "data.max_length": 32,
                "data.scheme": "BIO", "train.steps": 1, "train.precision": "float32"},
        output=tmp_path / "run", listener=lambda event: None,
    ).directory  # fmt: skip
    write_model_card(run)
    here, there = (run / "README.md").read_text(), going(run)["README.md"].decode()
    assert "Zeb" in here
    assert "Zeb" not in there
    place = (
        "notes.jsonl, line 1, span 12:17 (PER)"
        if kind == "spans"
        else "notes.jsonl, line 1: 'I-PER'"
    )
    assert place in there
