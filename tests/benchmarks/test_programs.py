"""Every side of every program runs, on toy sizes, and its figures are what the claims read."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.support import reviews

from benchmarks import claims
from benchmarks.harness.claim import Program
from benchmarks.harness.limit import Limit, measure
from benchmarks.harness.record import record
from benchmarks.harness.run import BUDGETS, here, not_installed
from benchmarks.harness.worker import LIMIT
from benchmarks.sides.answering import answered, by_length, fastest, of_label
from benchmarks.sides.data import mixed_texts, part

SLOW = {"startup"}
"""Whole processes, one of which imports transformers."""
NAMES = [p.name for p in claims.programs() if p.measured]
ENVIRONMENT = {"threads": 1}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder, with what the programs read of it."""
    from tokenizers import ByteLevelBPETokenizer

    folder = tmp_path_factory.mktemp("data")
    texts = [row["text"] for row in reviews(60)]
    for name in ("train", "dev"):
        rows = [f"{row['text']}\t{int(row['label'] == 'positive')}" for row in reviews(30)]
        _write(folder / f"sst2_stsa/{name}.tsv", "\n".join(["text\tlabel", *rows]))
        made = [f"{w}\t{'B-group' if w == 'film' else 'O'}" for w in ["a", "good", "film", ","]]
        _write(folder / f"wnut17/{name}.conll", "\n\n".join(["\n".join(made)] * 30))
    _write(folder / "imdb_unsup_text/corpus.txt", "\n".join(" ".join(texts) for _ in range(40)))
    _write(folder / "tinyshakespeare/input.txt", "\n".join(texts) * 4)
    _write(folder / "word_eval/wordsim353.tsv", "good\tgreat\t9.0\nbad\tfilm\t1.0\nbook\tmeal\t2")
    _write(folder / "word_eval/simlex999.txt", "good\tgreat\t9.0\nbad\tfilm\t1.0\nbook\tmeal\t2")
    _write(folder / "word_eval/questions-words.txt", ": some\ngood great bad awful\n")
    backend = ByteLevelBPETokenizer()
    backend.train_from_iterator(texts, vocab_size=300, show_progress=False)
    (folder / "vocab_gpt2").mkdir()
    backend.save_model(str(folder / "vocab_gpt2"))
    return folder


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")


def rounds_of(program: Program, data: Path, folder: Path, encoder: Path) -> list[dict[str, Any]]:
    """A round of each side, in this process."""
    settings = {**program.settings_of("tiny"), "threads": 1, "data": str(data)}
    if "encoder" in settings:
        settings["encoder"] = str(encoder)
    space = SimpleNamespace(**settings, folder=str(folder))
    made = []
    if program.limit is not None:
        limit = program.limit(space)
        assert isinstance(limit, Limit)
        small = Limit(limit.shapes[:1], limit.dtype) if not limit.copy else limit
        made.append({"round": 0, "side": LIMIT, **measure(small, 0.0)})
    for name, side in program.sides.items():
        figures = side(space)(0)
        made.append({"round": 0, "side": name, **json.loads(json.dumps(figures))})
    return made


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in NAMES]
)
def test_a_round_of_each_side(
    name: str, data: Path, tmp_path: Path, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = claims.program(name)
    if absent := not_installed(program.packages):
        pytest.skip(f"not installed: {absent}")
    program, _ = here(program)
    monkeypatch.setattr("benchmarks.harness.limit.COPIED", 2**20)
    rounds = rounds_of(program, data, tmp_path, tiny_bert)
    settings = {"threads": 1, **program.settings_of("tiny")}
    found = record(program, "tiny", settings, ENVIRONMENT, rounds)
    assert len(found["claims"]) == len(program.measured)
    assert all(row["ratio"] > 0 and math.isfinite(row["ratio"]) for row in found["claims"])
    for side in program.sides:
        for figure in program.quality:
            assert math.isfinite(found["quality"][side][figure]["mean"])
    if program.limit is not None:
        assert set(found["limit"]["shares"]) == set(program.sides)
    answers = [row for row in rounds if "answers" in row]
    if answers:  # the same weights and texts: the same answers
        assert len(answers) == len(program.sides)
        assert all(value <= 2e-6 for value in found["differences"].values())
    if "score_error" in program.quality:
        assert found["quality"]["hfdl float32"]["agreement"]["mean"] == 1
        for side in program.sides:
            assert 0 <= found["quality"][side]["score_error"]["mean"] < 0.01
    losses = [
        found["quality"][s]["loss"]["mean"] for s in program.sides if "loss" in program.quality
    ]
    if losses:
        assert max(losses) - min(losses) < 0.3
    if name == "masked_lm":  # the same windows on both sides
        assert len({row["tokens"] for row in rounds if "tokens" in row}) == 1


def test_a_budget_for_each_mode() -> None:
    assert sum(BUDGETS["quick"].seconds for _ in NAMES) <= 15 * 60


def test_texts_are_seven_tenths_short(data: Path) -> None:
    texts = mixed_texts(data / "imdb_unsup_text/corpus.txt", 200, seed=1)
    lengths = [len(text.split()) for text in texts]
    assert sum(4 <= n <= 30 for n in lengths) == 140
    assert max(lengths) <= 300
    assert len([n for n in lengths if n > 100]) > 20
    assert texts == mixed_texts(data / "imdb_unsup_text/corpus.txt", 200, seed=1)
    assert texts != mixed_texts(data / "imdb_unsup_text/corpus.txt", 200, seed=2)


def test_a_part_is_whole_rows(data: Path, tmp_path: Path) -> None:
    made = part(data / "sst2_stsa/train.tsv", tmp_path, 5).read_text(encoding="utf-8").splitlines()
    whole = (data / "sst2_stsa/train.tsv").read_text(encoding="utf-8").splitlines()
    assert made[0] == "text\tlabel"
    assert len(made) == 6
    assert set(made) <= set(whole)
    sentences = part(data / "wnut17/train.conll", tmp_path, 3).read_text(encoding="utf-8")
    assert sentences.strip().count("\n\n") == 2
    every = part(data / "wnut17/train.conll", tmp_path, None).read_text(encoding="utf-8")
    assert every.strip().count("\n\n") == 29


def test_answers_come_back_in_order() -> None:
    texts = ["bb", "a", "dddd", "ccc"]
    seen: list[list[str]] = []

    def scores(batch: list[str]) -> list[int]:
        seen.append(batch)
        return [len(text) for text in batch]

    assert answered(texts, 2, scores) == [2, 1, 4, 3]
    assert seen == [["dddd", "ccc"], ["bb", "a"]]
    assert by_length(["a", "bb"]) == [1, 0]
    assert of_label([{"label": "a", "score": 0.75}], "b") == 0.25
    assert of_label({"label": "b", "score": 0.75}, "b") == 0.75


def test_the_fastest_size_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.sides import answering

    now = 0.0
    monkeypatch.setattr(answering.time, "process_time", lambda: now)

    def work(size: int) -> None:
        nonlocal now
        now += {1: 3.0, 8: 1.0, 32: 2.0}[size]

    assert fastest((1, 8, 32), work) == 8


def test_a_word_without_pieces_has_no_entity() -> None:
    from benchmarks.claims.ner import tagged

    assert tagged([0, 2], ["B-x", "O"], 4) == ["B-x", "O", "O", "O"]
