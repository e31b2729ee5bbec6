"""``hfdl embed``: what a person and a program see, and the files of vectors."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from helpers.sentence_models import save_sentence_model

import hfdl
from hfdl.cli import errors

TEXTS = ["what a good film", "bad", "", 'the "book", long', "film " * 90]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command in this process: exit code, stdout, stderr without transformers' bars."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = errors.run(["embed", *map(str, arguments)])
        captured = capsys.readouterr()
        said = [line for line in captured.err.splitlines() if line.startswith(("error", "note"))]
        return code, captured.out, "\n".join(said)

    return run


@pytest.fixture(scope="module")
def model(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = {"prompts": {"query": "they say ", "document": ""}}
    folder = tmp_path_factory.mktemp("embedder") / "m"
    return save_sentence_model(folder, tiny_bert, settings=settings)


@pytest.fixture(scope="module")
def vectors(model: Path) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return hfdl.pipeline("sentence-similarity", model=model).encode(TEXTS)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "texts.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([["text"], *([text] for text in TEXTS)])
    return path


def read(path: Path) -> tuple[list[str] | None, np.ndarray]:
    """Texts and vectors of a file."""
    if path.suffix == ".npy":
        return None, np.load(path, allow_pickle=False)
    if path.suffix == ".parquet":
        table = pq.read_table(path).to_pydict()
        return table["text"], np.array(table["embedding"], np.float32)
    if path.suffix == ".csv":
        with path.open(newline="") as stream:
            header, *rows = csv.reader(stream)
        assert header == ["text", *map(str, range(32))]
        return [row[0] for row in rows], np.array([row[1:] for row in rows], np.float32)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [x["text"] for x in lines], np.array([x["embedding"] for x in lines], np.float32)


@pytest.mark.parametrize("suffix", [".npy", ".parquet", ".csv", ".jsonl"])
def test_each_file_holds_the_very_vectors(
    call: Any, model: Path, vectors: np.ndarray, file: Path, tmp_path: Path, suffix: str
) -> None:
    output = tmp_path / f"vectors{suffix}"
    code, out, err = call(model, "--file", file, "--output", output)
    assert code == 0
    assert re.fullmatch(rf"wrote 5 rows to {re.escape(str(output))} in [\d.]+ s\n", out)
    assert err == (
        "note: 1 of 5 texts are longer than 64 tokens (the model's limit) and were cut: "
        "28 of 101 tokens lost"
    )
    texts, found = read(output)
    np.testing.assert_array_equal(found, vectors)
    assert texts in (None, TEXTS)
    assert {path.name for path in tmp_path.iterdir()} == {"texts.csv", output.name}


def test_stdout(call: Any, model: Path, vectors: np.ndarray, monkeypatch: Any) -> None:
    code, out, _ = call(model, *TEXTS[:2])
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [line["text"] for line in lines] == TEXTS[:2]
    np.testing.assert_allclose(lines[1]["embedding"], vectors[1], atol=1e-6)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    out = call(model, TEXTS[0], "")[1]
    first = ", ".join(f"{number:.4f}" for number in vectors[0, :3])
    assert out.splitlines()[0] == f"[{first}, ...] (32 numbers)  what a good film"
    assert out.splitlines()[1].endswith("(empty text)")


def test_texts_of_a_pipe(call: Any, model: Path, vectors: np.ndarray, monkeypatch: Any) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(f"{TEXTS[0]}\n{TEXTS[1]}\n".encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    _, out, _ = call(model)
    found = [json.loads(line)["embedding"] for line in out.splitlines()]
    np.testing.assert_allclose(found, vectors[:2], atol=1e-6)


def test_no_texts_make_an_empty_file(
    call: Any, model: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    for suffix in (".npy", ".parquet", ".csv", ".jsonl"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
        output = tmp_path / f"none{suffix}"
        assert call(model, "--output", output)[0] == 0
        assert read(output)[1].size == 0
    assert np.load(tmp_path / "none.npy").shape == (0, 32)


def test_a_query(call: Any, model: Path, file: Path, tmp_path: Path, monkeypatch: Any) -> None:
    pipe = hfdl.pipeline("sentence-similarity", model=model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = pipe.search(["a film", "book"], TEXTS, top_k=2)
    queries = ["--query", "a film", "--query", "book", "--top-k", "2", "--file", file]
    output = tmp_path / "found.jsonl"
    code, out, _ = call(model, *queries, "--output", output)
    assert code == 0
    assert out.startswith(f"wrote 4 rows to {output} in ")
    assert [json.loads(line) for line in output.read_text().splitlines()] == [
        {"text": TEXTS[hit["corpus_id"]], "query": query, "score": hit["score"],
         "row": hit["corpus_id"]}
        for query, hits in zip(["a film", "book"], expected, strict=True)
        for hit in hits
    ]  # fmt: skip
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    lines = call(model, *queries)[1].splitlines()
    assert [lines[0], lines[3]] == ["a film", "book"]
    assert lines[1].startswith(f"  {expected[0][0]['score']:.4f}  ")


def test_options(call: Any, model: Path, tmp_path: Path) -> None:
    pipe = hfdl.pipeline("sentence-similarity", model=model, pooling="cls", max_length=8)
    output = tmp_path / "v.npy"
    arguments = ["--pooling", "cls", "--max-length", "8", "--prompt", "a ", "--normalize"]
    done = call(model, "book", *arguments, "--truncate-dim", "5", "--output", output)
    assert done[::2] == (0, "")
    assert done[1].startswith(f"wrote 1 row to {output} in ")
    expected = pipe.encode(["book"], prompt="a ", normalize_embeddings=True, truncate_dim=5)
    np.testing.assert_array_equal(np.load(output), expected)


def test_vectors_in_int8(call: Any, model: Path, vectors: np.ndarray, tmp_path: Path) -> None:
    pipe = hfdl.pipeline("sentence-similarity", model=model, precision="int8")
    output = tmp_path / "v.npy"
    done = call(model, *TEXTS[:2], "--precision", "int8", "--output", output)
    assert done[::2] == (0, "")
    found = np.load(output)
    np.testing.assert_array_equal(found, pipe.encode(TEXTS[:2]))
    np.testing.assert_allclose(found, vectors[:2], atol=0.02)
    assert (found != vectors[:2]).any(axis=1).all()


def test_a_run_is_an_encoder_too(call: Any, trained: Path) -> None:
    code, out, err = call(trained, "what a good film")
    assert code == 0
    assert len(json.loads(out)["embedding"]) == 32
    assert err.endswith("the vector of a text is the mean of its tokens, not normalised")


WRONG: dict[str, tuple[list[str], str]] = {
    "another file": (["a", "--output", "v.pkl"], "--output ends in one of .npy, .jsonl, .csv"),
    "top-k alone": (["a", "--top-k", "3"], "--top-k is how many texts a --query gets"),
    "a query into a table": (["a", "--query", "b", "--output", "v.npy"], "name it NAME.jsonl"),
    "text and file": (["a", "--file", "x.txt"], "give TEXT or --file, not both"),
    "column alone": (["a", "--column", "x"], "--column is the column of a --file"),
    "no such file": (["--file", "nowhere.txt"], "nowhere.txt: no such file"),
    "no such prompt": (["a", "--prompt-name", "querry"], "did you mean 'query'?"),
    "no such precision": (["a", "--precision", "int7"], "unknown precision 'int7'"),
    "no such folder": (["a", "--output", "no/where/v.npy"], "there is no folder no/where"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_calls(call: Any, model: Path, monkeypatch: Any, tmp_path: Path, case: str) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, message = WRONG[case]
    code, out, err = call(model, *arguments)
    assert (code, out) == (2, "")
    assert message.lower() in err.lower()
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_only_on_request(call: Any, model: Path, file: Path) -> None:
    output = file.with_name("v.npy")
    output.write_text("mine")
    code, _, err = call(model, "--file", file, "--output", output)
    assert code == 2
    assert "the file exists" in err
    assert output.read_text() == "mine"
    assert call(model, "--file", file, "--output", file, "--overwrite")[0] == 2
    assert call(model, "--file", file, "--output", output, "--overwrite")[0] == 0
    assert np.load(output).shape == (5, 32)


def test_predict_points_to_embed(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert errors.run(["predict", str(model), "a"]) == 2
    assert f"For the vectors: hfdl embed {model} TEXT" in capsys.readouterr().err
