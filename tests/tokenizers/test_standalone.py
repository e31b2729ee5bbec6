"""Ours asks nobody: the sub-package runs where the library cannot be imported, and it was asked."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from helpers.tokenizer_library import library_bpe

import hfdl.tokenizers
from hfdl.tokenizers import BPETokenizer, Marks, WordPieceTokenizer, tokenizer
from hfdl.tokenizers.tokenizer import tokenizer_json

ROOT = Path(__file__).resolve().parents[2]

ALONE = """
import sys
for name in ("tokenizers", "transformers", "torch", "numpy", "regex"):
    sys.modules[name] = None  # an import of it fails
before = set(sys.modules)
from hfdl.tokenizers import *
texts = ["the harbour lights and the harbour masters"] * 3
for kind in (WordTokenizer, CharacterTokenizer, BPETokenizer, WordPieceTokenizer):
    made = kind.train(texts, 40)
    print(len(made.vocabulary), made.decode(made.encode("the harbour")), made.encode(texts[0]))
made = ByteLevelBPETokenizer.train(texts, 280)
print(len(made.vocabulary), made.decode(made.encode("the harbour")), made.encode(texts[0]))
outside = {name.split(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
assert outside == {"hfdl"}, outside
"""


def alone(seed: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", ALONE], capture_output=True, text=True, check=False, cwd=ROOT,
        env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_it_runs_without_the_library_and_the_same_in_every_process() -> None:
    shown = alone("1")
    assert shown == alone("2")
    lines = shown.splitlines()
    assert len(lines) == 5
    assert all("the harbour" in line for line in lines)


def test_the_library_that_is_asked_is_the_compiled_one() -> None:
    import tokenizers
    import tokenizers.tokenizers as compiled

    assert Path(str(compiled.__file__)).suffix in (".so", ".pyd")
    ours = ROOT / "hfdl" / "tokenizers"
    assert ours not in Path(str(tokenizers.__file__)).resolve().parents
    for kind in (tokenizers.Tokenizer, tokenizers.trainers.BpeTrainer, tokenizers.models.BPE):
        assert not hasattr(kind, "__code__")
        assert kind.__module__.startswith("tokenizers")


def test_the_comparison_sees_one_merge_that_is_another() -> None:
    """A negative control: two merges exchanged in ours, and the files differ."""
    texts = ["low lower lowest newest widest"] * 2
    library = library_bpe(texts, 40, marks=Marks())
    ours = BPETokenizer.train(texts, 40, marks=Marks())
    assert len(ours.merges) > 10
    assert tokenizer_json(ours) == json.loads(library.to_str())
    ours.merges[3], ours.merges[4] = ours.merges[4], ours.merges[3]
    assert tokenizer_json(ours) != json.loads(library.to_str())


def test_a_tokenizer_travels_to_another_process() -> None:
    made = WordPieceTokenizer.train(["harbour lights"] * 2, 40)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
        assert other.submit(made.encode, "light").result() == made.encode("light")


def test_public_names() -> None:
    assert len(hfdl.tokenizers.__all__) == 13
    for name in hfdl.tokenizers.__all__:
        assert getattr(hfdl.tokenizers, name).__module__.startswith("hfdl.tokenizers.")


def test_words_that_were_met_are_remembered_and_no_more_than_so_many() -> None:
    made = BPETokenizer.train(["ab ab"], 9)
    first = made.tokenize("ab ba ab")
    assert made.tokenize("ab ba ab") == first
    first.append("changed")  # what is handed out is no part of what is remembered
    assert made.tokenize("ab ba ab") == first[:-1]
    assert tokenizer._REMEMBERED >= 10_000
