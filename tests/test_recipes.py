"""Every shipped recipe runs: the commands of its header, on tiny models and small files."""

from __future__ import annotations

import json
import math
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.support import reviews

import hfdl
from hfdl.config.load import load_recipe, recipe_names
from hfdl.config.overrides import parse_overrides, settings
from hfdl.config.schema import Recipe
from hfdl.config.yaml import dump_recipe
from hfdl.hf_models.from_config import own_architecture
from hfdl.runs.run import Run
from hfdl.tasks.registry import canonical_name
from hfdl.training.events import Event

RECIPES = Path(__file__).resolve().parents[1] / "recipes"
FOUND = sorted(
    path.relative_to(RECIPES).with_suffix("").as_posix() for path in RECIPES.rglob("*.yaml")
)

QUICK = {"train.steps": 2, "train.batch_size": 4, "train.precision": "float32"}
_BERT = {"model.name": "tiny-bert", "data.max_length": 32}
_SIZES = {
    "model.config.n_layer": 1, "model.config.n_head": 2, "model.config.n_embd": 16,
    "model.config.n_positions": 32, "data.max_length": 32,
}  # fmt: skip
_WORDS = {"model.config.vocab_size": 200, "data.max_samples": 16, "data.max_length": 32}
_RECURRENT = {**_WORDS, "model.config.embedding_size": 8, "model.config.hidden_size": 8}
# For each command that a recipe's header shows, what makes a run of seconds of it: a pretrained
# model is replaced, an hfdl:// model gets smaller, embedded data are cut. Files have the names of
# the command and stand in the folder ``workplace``.
CASES: dict[str, list[dict[str, Any]]] = {
    "eras/bag-of-words": [_WORDS],
    "eras/encoder": [
        {
            "model.config.vocab_size": 300, "model.config.hidden_size": 16,
            "model.config.num_attention_heads": 2, "model.config.intermediate_size": 32,
            "data.max_samples": 16, "data.max_length": 32,
        }
    ],
    "eras/frozen": [{**_BERT, "data.max_samples": 16}],
    "eras/gru": [_RECURRENT],
    "eras/lstm": [_RECURRENT],
    "eras/rnn": [_RECURRENT],
    "eras/text-cnn": [{**_WORDS, "model.config.num_filters": 4}],
    "eras/word-average": [{**_WORDS, "model.config.hidden_size": 8}] * 2,
    "ner-lstm": [_RECURRENT],
    "clm": [
        {**_SIZES, "model.config.vocab_size": 300, "data.max_samples": 8},
        {"model.name": "tiny-gpt2", "data.max_length": 32},
    ],
    "mlm": [{**_BERT, "data.max_samples": 8}, _BERT],
    "mlm-reviews": [_BERT],
    "ner": [{**_BERT, "data.max_samples": 16}, _BERT],
    "sentiment": [{**_BERT, "data.max_samples": 16}, _BERT],
    "shakespeare": [{**_SIZES, "train.warmup": 1}],
    "stories": [{"data.max_length": 32}],
    "translation": [
        {
            "model.config.vocab_size": 300, "model.config.hidden_size": 16,
            "model.config.encoder_layers": 1, "model.config.decoder_layers": 1,
            "model.config.num_attention_heads": 2, "model.config.intermediate_size": 32,
            "data.max_length": 16,
        }
    ],
    "wikigold": [_BERT],
    "wnut17": [_BERT],
}  # fmt: skip
COMMANDS = [(name, number) for name in FOUND for number in range(len(CASES.get(name, [0])))]

# None: the class is hfdl's own.
AUTO_CLASSES = {
    "text_classification": "AutoModelForSequenceClassification",
    "token_classification": "AutoModelForTokenClassification",
    "masked_lm": "AutoModelForMaskedLM",
    "causal_lm": "AutoModelForCausalLM",
    "translation": None,
}
LEFT = {
    "model.safetensors", "config.json", "tokenizer.json", "recipe.yaml", "metrics.json",
    "log.jsonl", "predictions.jsonl", "report.html", "README.md",
}  # fmt: skip


def silent(event: Event) -> None:
    """A listener that says nothing."""


# ---- the commands of a header ------------------------------------------------------------------


def commands(name: str) -> list[dict[str, Any]]:
    """The overrides of each ``hfdl train`` that stands on a line of the recipe's header."""
    found = []
    for line in (RECIPES / f"{name}.yaml").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        if line.startswith("# hfdl "):
            program, verb, recipe, *words = shlex.split(line.removeprefix("#"))
            assert (program, verb, recipe) == ("hfdl", "train", name), line
            found.append(parse_overrides(words))
    return found


def value_of(recipe: Recipe, path: tuple[str, ...]) -> Any:
    """The value of a key."""
    value: Any = recipe
    for part in path:
        value = value.get(part) if isinstance(value, dict) else getattr(value, part)
    return value


def test_every_file_is_a_recipe_with_a_case() -> None:
    assert len(FOUND) == 19
    assert recipe_names() == FOUND
    assert sorted(CASES) == FOUND
    assert {canonical_name(load_recipe(name).task) for name in FOUND} == set(AUTO_CLASSES)


@pytest.mark.parametrize("name", FOUND)
def test_a_recipe_resolves_and_its_dump_is_the_same_recipe(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name)
    assert recipe == load_recipe(RECIPES / f"{name}.yaml")
    file = tmp_path / "recipe.yaml"
    file.write_text(dump_recipe(recipe, file="recipe.yaml"), encoding="utf-8")
    assert load_recipe(file) == recipe


@pytest.mark.parametrize("name", FOUND)
def test_a_header_begins_with_a_command_and_every_command_is_one(name: str) -> None:
    text = (RECIPES / f"{name}.yaml").read_text(encoding="utf-8")
    first = text.partition("\n")[0]
    assert first == f"# hfdl train {name}" or first.startswith(f"# hfdl train {name} ")
    found = commands(name)
    assert len(found) == len(CASES[name])
    for overrides in found:
        assert canonical_name(load_recipe(name, overrides).task) in AUTO_CLASSES
    # The first one completes the recipe, or repeats what has to be there; it changes nothing.
    recipe = load_recipe(name)
    for path, value in settings(found[0]):
        assert value_of(recipe, path) in (None, value), path


@pytest.mark.parametrize("name", FOUND)
def test_comments_are_short_and_no_line_is_long(name: str) -> None:
    lines = (RECIPES / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    assert max(map(len, lines)) <= 100
    keys = {line.partition(":")[0] for line in lines if line[:1].isalpha()}
    assert keys - {"tune"} == {"task", "model", "data", "train"}
    for key in keys - {"task"}:  # each section says what a user would change
        at = next(i for i, line in enumerate(lines) if line.startswith(f"{key}:"))
        assert lines[at - 1].startswith("# "), key


# ---- files of the commands' names --------------------------------------------------------------


def conll(number: int) -> str:
    """Sentences of words and tags, of two types."""
    sentences = []
    for row in reviews(number):
        words = row["text"].split()
        tags = ["B-PER", "I-PER", *["O"] * (len(words) - 3), "B-LOC"]
        sentences.append("\n".join(f"{w}\t{t}" for w, t in zip(words, tags, strict=True)))
    return "\n\n".join(sentences) + "\n"


def tsv(number: int) -> str:
    """Reviews with a label, and as pairs of a source and a target."""
    rows = ["\t".join([row["text"], row["label"]] * 2) for row in reviews(number)]
    return "\n".join(["text\tlabel\ten\tde", *rows]) + "\n"


def prose(separator: str, number: int = 40) -> str:
    """Reviews as documents."""
    return separator.join(row["text"] for row in reviews(number)) + "\n"


def tiny_llama(folder: Path, tokenizer: Path) -> None:
    """A random one-layer Llama beside the tokenizer of another model."""
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    opened: Any = AutoTokenizer.from_pretrained(tokenizer)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(opened), hidden_size=16, intermediate_size=24, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=64,
        bos_token_id=0, eos_token_id=0, pad_token_id=None,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    opened.save_pretrained(folder)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path, tiny_gpt2: Path) -> Path:
    """A folder with what the commands name."""
    folder = tmp_path_factory.mktemp("workplace")
    files = {
        "train.conll": conll(40), "dev.conll": conll(12), "wnut17/train.conll": conll(40),
        "wnut17/dev.conll": conll(12), "wikigold/train.conll": conll(40),
        "wikigold/dev.conll": conll(12), "train.tsv": tsv(40), "dev.tsv": tsv(12),
        "test2016.tsv": tsv(12), "mine.txt": prose("\n\n"),
        "imdb_unsup_text/corpus.txt": prose("\n"),
        "tinyshakespeare/input.txt": prose("\n"),
        "tinystories_sample/train.txt": prose("\n\n"),
        "vectors.txt": "2 4\nthe 1 2 3 4\na 0.5 0.5 0.5 0.5\n",
    }  # fmt: skip
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    shutil.copytree(tiny_bert, folder / "tiny-bert")
    shutil.copytree(tiny_gpt2, folder / "tiny-gpt2")
    tiny_llama(folder / "stories260K", tiny_gpt2)
    return folder


@pytest.fixture(scope="module")
def run_of(workplace: Path) -> Callable[[str, int], Run]:
    """``run_of(name, n)``: the finished run of a header's n-th command; each is trained once."""
    done: dict[tuple[str, int], Run] = {}

    def run(name: str, number: int) -> Run:
        if (name, number) not in done:
            overrides = {**commands(name)[number], **QUICK, **CASES[name][number]}
            output = workplace / f"{name}-{number}"
            done[name, number] = hfdl.train(name, overrides, output=output, listener=silent)
        return done[name, number]

    return run


@pytest.fixture(autouse=True)
def inside(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands name files by relative paths."""
    monkeypatch.chdir(workplace)


# ---- the runs ----------------------------------------------------------------------------------


def numbers(metrics: dict[str, Any]) -> dict[str, float]:
    """The figures of a split that are numbers."""
    return {name: value for name, value in metrics.items() if isinstance(value, int | float)}


@pytest.mark.parametrize(("name", "number"), COMMANDS)
def test_a_command_trains_evaluates_and_leaves_its_files(
    name: str, number: int, run_of: Callable[[str, int], Run]
) -> None:
    run = run_of(name, number)
    assert {entry.name for entry in run.directory.iterdir()} >= LEFT
    assert run.metrics["runtime"]["steps"] == 2
    assert math.isfinite(run.metrics["train"]["loss"])
    assert load_recipe(run.directory) == run.recipe

    held_out = {split for split in ("validation", "test") if split in run.metrics}
    assert "validation" in held_out
    found = hfdl.evaluate(run.directory, listener=silent)
    assert set(found) == held_out
    for split, metrics in found.items():
        assert numbers(metrics) == pytest.approx(numbers(run.metrics[split]), rel=1e-5), split
        assert all(map(math.isfinite, numbers(metrics).values()))
        assert "loss" in metrics

    lines = (run.directory / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert {record["split"] for record in records} == held_out
    page = (run.directory / "report.html").read_text(encoding="utf-8")
    assert page.lstrip().startswith("<!DOCTYPE html>")
    assert "</html>" in page
    card = (run.directory / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\n")  # its metadata
    assert len(card.splitlines()) > 20


PLAIN = """
import sys
sys.modules["hfdl"] = None   # an import of it would raise
import json, torch, transformers
found = []
for folder, auto in json.loads(sys.argv[1]):
    opened = getattr(transformers, auto)
    model, loading = opened.from_pretrained(folder, output_loading_info=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        logits = model(**tokenizer("what a good film", return_tensors="pt")).logits
    wrong = [str(key) for keys in loading.values() for key in keys]
    found.append([type(model).__name__, model.config.architectures, wrong, logits.shape[-1],
                  len(tokenizer), bool(logits.isfinite().all())])
print(json.dumps(found))
"""


def test_plain_transformers_opens_what_every_recipe_leaves(
    run_of: Callable[[str, int], Run],
) -> None:
    runs = [run_of(name, number) for name, number in COMMANDS]
    named = [(run, AUTO_CLASSES[run.recipe.task]) for run in runs]
    asked = [
        [str(run.directory), auto]
        for run, auto in named
        if auto is not None and own_architecture(run.recipe.model) is None
    ]
    assert (len(runs), len(asked)) == (24, 15)
    done = subprocess.run(
        [sys.executable, "-c", PLAIN, json.dumps(asked)],
        capture_output=True, text=True, timeout=300, check=False, env=dict(os.environ),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    for (folder, auto), answer in zip(asked, found, strict=True):
        kind, architectures, wrong, outputs, vocabulary, is_finite = answer
        assert [kind] == architectures, folder
        assert wrong == [], folder  # no weight missing, left over or of another size
        assert is_finite, folder
        if auto in ("AutoModelForMaskedLM", "AutoModelForCausalLM"):
            assert outputs == vocabulary, folder
