"""``hfdl data check`` of named entities, as a user meets it."""

import json

import pytest

from hfdl.cli import errors

CONLL = "Ann B-PER\nLee I-PER\n\nnow O\nParis I-LOC\n"


@pytest.fixture
def call(capsys, monkeypatch):
    """Runs a command in this process: exit code, stdout, stderr."""
    monkeypatch.setattr("hfdl.cli.data._tokenizer", lambda *_: (None, None, "no tokenizer"))

    def run(*arguments: str) -> tuple[int, str, str]:
        code = errors.run(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_a_conll_file_is_known_by_its_name(call, tmp_path):
    file = tmp_path / "a.conll"
    file.write_text(CONLL)
    code, out, err = call("data", "check", str(file))
    assert (code, err) == (0, "")
    assert "PER           1\n" in out
    assert "illegal tags  1\n" in out
    assert f"first: {file}, line 5 (word 'Paris'): 'I-LOC' after 'O'" in out
    assert out.endswith("OK: no problems, 1 warning\n")


@pytest.mark.parametrize("where", ["folder", "embedded"])
def test_folders_and_embedded_sets_are_known_too(call, tmp_path, where):
    (tmp_path / "train.conll").write_text(CONLL)
    source = str(tmp_path) if where == "folder" else "hfdl://ner"
    code, out, _ = call("data", "check", source)
    assert code == 0
    assert "entities" in out


def test_illegal_tags_fail_where_training_would(call, tmp_path):
    file = tmp_path / "a.conll"
    file.write_text(CONLL)
    code, out, err = call("data", "check", str(file), "data.illegal_tags=error", "--json")
    assert code == 2
    report = json.loads(out)
    assert err == f"error: {report['problems'][0]}\n"
    assert "tag 'I-LOC' cannot follow 'O'" in err
    assert report["tags"]["train"]["entities"] == {"LOC": 1, "PER": 1}


def test_jsonl_is_told_the_task(call, tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text('{"words": ["Ann"], "ner": ["S-PER"]}\n')
    code, out, _ = call(
        "data", "check", str(file), "task=ner", "data.tokens=words", "data.tags=ner"
    )
    assert code == 0
    assert "BIOES" in out


def test_a_ragged_file(call, tmp_path):
    file = tmp_path / "a.conll"
    file.write_text("Ann B-PER\nsees\n")
    code, _, err = call("data", "check", str(file))
    assert code == 2
    assert f"error: {file}, line 2: 1 column where line 1 has 2" in err
