"""hfdl push, with the real client, against a stand-in of the Hub."""

from __future__ import annotations

import inspect
import json

import pytest
import yaml
from helpers.hub.server import READ_TOKEN, TOKEN
from huggingface_hub import ModelCard, hf_hub_download

import hfdl
import hfdl.cli.push as commands
from hfdl.errors import HubAnswerError, HubError
from hfdl.report.card import signed
from hfdl.sharing.prepared import prepare

USUAL = [
    "README.md", "config.json", "metrics.json", "model.safetensors", "recipe.yaml",
    "tokenizer.json", "tokenizer_config.json",
]  # fmt: skip


def files(hub, repo="ann/mine", branch="main"):
    return hub.store.repos["model", repo].files(branch)


def test_a_run_is_listed_and_pushed(hub, run, push):
    code, out, _ = push(run, "mine", "--yes")
    assert code == 0
    repo = hub.store.repos["model", "ann/mine"]
    assert repo.private
    assert sorted(repo.files()) == USUAL
    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        assert repo.files()[name].content == (run / name).read_bytes()
    assert out.startswith("to ann/mine (private)\n")
    for name in USUAL:
        assert name in out
    assert out.splitlines()[-1] == f"{hub.url}/ann/mine"
    assert repo.messages[-1].startswith("Push text_classification run with hfdl ")


def test_nothing_is_written_before_somebody_said_yes(hub, run, push):
    code, out, err = push(run, "mine")
    assert code == 2
    assert "model.safetensors" in out
    assert err.splitlines()[-1].startswith("error: ann/mine: nobody can be asked")
    code, out, err = push(run, "mine", "--dry-run")
    assert code == 0
    assert not hub.store.repos
    assert not [line for line in hub.asked if line.startswith(("POST", "PUT"))]


def test_a_dry_run_needs_neither_token_nor_network(hub, run, push, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    code, out, _ = push(run, "mine", "--dry-run", "--json")
    assert code == 0
    found = json.loads(out)
    assert [each["path"] for each in found["files"]] == USUAL
    assert {each["path"]: each["size"] for each in found["files"]}["model.safetensors"] == (
        run / "model.safetensors"
    ).stat().st_size
    assert "there is no token" in found["notes"][-1]
    looked = hfdl.push(run, "mine", dry_run=True)
    assert (looked.repo, looked.commit, looked.pushed) == ("mine", None, USUAL)
    assert looked.notes == found["notes"]
    with pytest.raises(HubAnswerError, match="there is no token"):
        hfdl.push(run, "mine")


def test_texts_and_logs_go_by_choice_only(hub, run, push):
    hidden = (".env", ".lock", "checkpoints/x.json", "old.bin")
    (run / ".env").write_text("SECRET=1")
    (run / ".lock").write_text("1")
    (run / "old.bin").write_bytes(b"pickle")
    (run / "notes of ours.txt").write_text("private")
    _, out, _ = push(run, "mine", "--yes")
    assert sorted(files(hub)) == USUAL
    for left in (".env", ".lock", "checkpoints/", "predictions.jsonl", "notes of ours.txt"):
        assert left in out
    code, _, _ = push(run, "mine", "--yes", "--include", "predictions", "--include", "report",
                      "--include", "log", "--include", "notes*")  # fmt: skip
    assert code == 0
    more = ["log.jsonl", "notes of ours.txt", "predictions.jsonl", "report.html"]
    assert sorted(files(hub)) == sorted([*USUAL, *more])
    for name in hidden:
        code, _, err = push(run, "other", "--yes", "--include", name)
        assert code == 2
        assert "is never uploaded" in err
    code, _, err = push(run, "other", "--yes", "--include", "predictons")
    assert code == 2
    assert "Did you mean 'predictions'?" in err
    assert ("model", "ann/other") not in hub.store.repos


def test_no_path_of_this_machine_goes_along(hub, run, push):
    push(run, "mine", "--yes", "--include", "log", "--include", "report")
    for name, blob in files(hub).items():
        assert str(run.parent).encode() not in blob.content, name
        assert b"/pytest-of" not in blob.content, name
    recipe = yaml.safe_load(files(hub)["recipe.yaml"].content)
    before = yaml.safe_load((run / "recipe.yaml").read_text())
    assert recipe["data"]["train"] == "train.csv"
    assert recipe["model"]["name"] == before["model"]["name"].rpartition("/")[2]
    for key in ("train", "validation", "test"):
        del recipe["data"][key], before["data"][key]
    del recipe["model"]["name"], before["model"]["name"]
    assert recipe == before


def test_the_card_is_one_of_the_hub_with_the_figures_of_the_run(hub, run, push):
    push(run, "mine", "--yes", "--license", "apache-2.0", "--language", "en")
    file = hf_hub_download("ann/mine", "README.md")
    card = ModelCard.load(file)
    data = card.data
    assert (data.license, data.language) == ("apache-2.0", ["en"])
    assert (data.library_name, data.pipeline_tag) == ("transformers", "text-classification")
    metrics = json.loads((run / "metrics.json").read_text())
    found = {
        (each.dataset_split, each.metric_type): each.metric_value for each in data.eval_results
    }
    for split in ("validation", "test"):
        for name, value in metrics[split].items():
            if name != "loss":
                assert found[split, name] == pytest.approx(value, abs=1e-6)
    assert {each.dataset_name for each in data.eval_results} == {"train.csv"}
    assert 'pipeline("text-classification", model="ann/mine")' in card.text
    assert "path/to/this/folder" not in card.text
    assert "report.html" not in card.text


def test_a_card_that_somebody_wrote_is_kept(hub, run, push):
    text = "---\nlicense: mit\ntags:\n- ours\n---\n\n# Our own words\n"
    (run / "README.md").write_text(text)
    _, _, err = push(run, "mine", "--yes")
    assert files(hub)["README.md"].content.decode() == text
    assert "README.md goes as it lies in the folder" in err
    push(run, "mine", "--yes", "--language", "de")
    card = ModelCard(files(hub)["README.md"].content.decode())
    assert (card.data.license, card.data.language) == ("mit", ["de"])
    assert card.text.strip() == "# Our own words"


def test_a_card_that_another_version_wrote_is_no_change_of_ones_own(hub, run, push):
    older = signed("---\ntags:\n- hfdl\n---\n\n# As hfdl had it, on /home/ann/a.csv\n")
    (run / "README.md").write_text(older)
    _, _, err = push(run, "mine", "--yes")
    assert "README.md goes as it lies" not in err
    assert b'model="ann/mine"' in files(hub)["README.md"].content
    for changed in (older.replace("As hfdl", "As we"), older + "More of ours.\n"):
        (run / "README.md").write_text(changed)
        _, _, err = push(run, "mine", "--yes")
        assert "README.md goes as it lies" in err
        text = files(hub)["README.md"].content.decode()
        assert "<!--" not in text
        assert text == changed.replace(older.splitlines(True)[-1], "")


def test_license_and_language_of_an_earlier_push_hold(hub, run, push):
    push(run, "mine", "--yes", "--license", "mit", "--language", "de")
    code, out, err = push(run, "mine", "--yes", "--tag", "v1")
    assert code == 0
    assert "the repository holds all of it already" in out
    assert "names no license" not in err
    push(run, "mine", "--yes", "--license", "apache-2.0")
    card = ModelCard(files(hub)["README.md"].content.decode())
    assert (card.data.license, card.data.language) == ("apache-2.0", ["de"])
    (run / "README.md").write_text("# Ours\n")
    push(run, "mine", "--yes")
    assert files(hub)["README.md"].content == b"# Ours\n"
    (run / "README.md").unlink()
    hub.store.put("ann/mine", {"README.md": b"---\nlicense: [odd\n---\n"}, private=True)
    assert push(run, "mine", "--yes")[0] == 0  # a head that is no YAML says nothing


def test_pushing_again_sends_what_has_changed(hub, run, push):
    push(run, "mine", "--yes")
    repo = hub.store.repos["model", "ann/mine"]
    commits = len(repo.messages)
    code, out, _ = push(run, "mine")  # there is nothing to ask about
    assert code == 0
    assert "the repository holds all of it already" in out
    assert len(repo.messages) == commits
    (run / "model.safetensors").write_bytes(b"other weights")
    hub.asked.clear()
    code, out, _ = push(run, "mine", "--yes", "--json")
    assert json.loads(out)["pushed"] == ["model.safetensors"]
    assert len(repo.messages) == commits + 1
    assert repo.files()["model.safetensors"].content == b"other weights"


def test_what_is_only_there_stays_unless_it_is_to_go(hub, run, push):
    hub.store.put("ann/mine", {"old.txt": b"x", ".gitattributes": b"y"}, private=True)
    _, out, _ = push(run, "mine", "--yes")
    assert "left as it is; --delete-extra deletes it" in out
    assert "old.txt" in files(hub)
    code, out, _ = push(run, "mine", "--delete-extra")
    assert code == 2  # a deletion, too, needs a yes
    code, out, _ = push(run, "mine", "--delete-extra", "--yes", "--json")
    assert json.loads(out)["deleted"] == ["old.txt"]
    assert sorted(files(hub)) == sorted([".gitattributes", *USUAL])


def test_public_is_only_what_is_meant_to_be(hub, run, push):
    code, out, _ = push(run, "shown", "--public", "--yes")
    assert code == 0
    assert "public: everybody will see it" in out
    assert not hub.store.repos["model", "ann/shown"].private
    code, _, err = push(run, "shown", "--yes")
    assert code == 2
    assert "Add --public if that is meant" in err
    push(run, "mine", "--yes")
    code, out, err = push(run, "mine", "--public", "--dry-run")
    assert out.startswith("to ann/mine (private)\n")
    assert f"it stays private; its page changes that: {hub.url}/ann/mine/settings" in err


def test_branch_message_and_tag(hub, run, push):
    code, _, _ = push(run, "team/mine", "--yes", "--branch", "try/2", "--message", "Words",
                        "--tag", "v1.0")  # fmt: skip
    assert code == 0
    repo = hub.store.repos["model", "team/mine"]
    assert repo.files("main") == {}
    assert sorted(repo.files("try/2")) == USUAL
    assert repo.tags == {"v1.0": repo.branches["try/2"]}
    assert repo.messages[-1] == "Words"
    code, _, err = push(run, "team/mine", "--yes", "--branch", "try/2", "--tag", "v1.0")
    assert code == 2
    assert "it has a tag 'v1.0' already" in err


def test_large_files_go_in_parts(hub, run, push):
    hub.chunk = 10_000
    code, _, _ = push(run, "mine", "--yes")
    assert code == 0
    assert files(hub)["model.safetensors"].content == (run / "model.safetensors").read_bytes()
    assert sum(line.startswith("PUT /lfs") for line in hub.asked) > 5


def test_the_token_is_that_of_the_login(hub, run, push, monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN")
    (tmp_path / "hf-home").mkdir(exist_ok=True)
    (tmp_path / "hf-home" / "token").write_text(TOKEN)
    assert push(run, "mine", "--yes")[0] == 0
    assert hub.tokens_seen == {TOKEN, None}  # large files go to signed addresses
    monkeypatch.setenv("HF_TOKEN", READ_TOKEN)
    code, _, err = push(run, "other", "--yes")
    assert code == 2
    assert "the token may not write there (403)" in err


# ---- from Python --------------------------------------------------------------------------------


def test_from_python(hub, run):
    looked = hfdl.push(run, "mine", dry_run=True, license="mit")
    assert hub.store.repos == {}
    assert (looked.commit, looked.pushed) == (None, USUAL)
    assert "nothing uploaded yet, for ann/mine" in repr(looked)
    done = hfdl.push(run, "mine", license="mit", language="en", include="report", tag="v1")
    repo = hub.store.repos["model", "ann/mine"]
    assert (done.repo, done.private, done.commit) == ("ann/mine", True, repo.branches["main"])
    assert done.pushed == sorted([*USUAL, "report.html"])
    assert repo.tags == {"v1": done.commit}
    assert dict(done.left).keys() == {"checkpoints/", "log.jsonl", "predictions.jsonl"}
    card = ModelCard(repo.files()["README.md"].content.decode())
    assert (card.data.license, card.data.language) == ("mit", ["en"])
    assert hfdl.push(run, "mine", include=["report"], license="mit", language=["en"]).pushed == []
    assert repr(done).splitlines()[0] == "pushed to ann/mine"
    repo.private = False
    with pytest.raises(HubError, match="everybody would see"):
        hfdl.push(run, "mine")


def test_python_takes_what_the_command_takes(hub, run, push):
    """Each option of the command but those of a terminal, by the same name."""
    options = set(inspect.signature(hfdl.push).parameters)
    command = set(inspect.signature(commands.push).parameters)
    assert command - options == {"yes", "json"}
    assert options - command == set()
    assert options - {"dry_run"} == set(inspect.signature(prepare).parameters) - {"ask_hub"}
    _, out, _ = push(run, "mine", "--yes", "--json")
    hub.store.repos.clear()
    found = hfdl.push(run, "mine")
    assert found.to_dict().keys() == json.loads(out).keys()
    assert found.to_dict() | {"commit": ""} == json.loads(out) | {"commit": ""}
