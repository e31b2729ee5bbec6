"""Every command of README and of the pages in docs/ runs, on tiny models and small files.

A command of hfdl is typed as it stands, in a folder that has the files and runs it names; only the
models are exchanged for tiny ones, and a training takes one update.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.page_commands import ROOT, PageCommand, commands, pages, replaced

from hfdl.cli import errors

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
ALL = [command for page in pages() for command in commands(page)]
TYPED = [command for command in ALL if command.words[0] == "hfdl"]
LOOP = {"done", "done;", "export", "for"}

# Commands that other tests run, or none: the beginning of the command, and why.
ELSEWHERE = {
    "hfdl --install-completion": "it writes into the user's shell",
    "hfdl demo": "it serves until Ctrl-C: tests/demo",
    "hfdl serve": "it serves until Ctrl-C: tests/docs/test_serving.py",
    "hfdl tune": "tests/docs/test_search.py",
    "hfdl train runs/tuned/best.yaml": "tests/docs/test_search.py",
    "hfdl predict runs/tuned/best": "tests/docs/test_search.py",
    "hfdl calibrate": "tests/docs/test_after_training.py",
    "hfdl diff": "tests/docs/test_after_training.py",
    "hfdl diff runs/sentiment runs/small": "tests/docs/test_export.py",
    "hfdl export": "tests/docs/test_export.py",
    "hfdl predict runs/sentiment-onnx": "tests/docs/test_export.py",
    "hfdl predict runs/small": "tests/docs/test_export.py",
    "hfdl evaluate runs/sentiment-onnx": "tests/docs/test_export.py",
    "hfdl embed runs/encoder": "tests/docs/test_export.py",
    "hfdl embed runs/body": "tests/docs/test_export.py",
    "hfdl train shakespeare data.train=input.txt": "tests/training/test_muon.py",
    "hfdl train own_parts.yaml": "tests/docs/test_own_parts.py",
    "hfdl evaluate runs/near": "tests/docs/test_own_parts.py",
    "hfdl predict runs/near": "tests/docs/test_own_parts.py",
    "hfdl verify runs/near": "tests/docs/test_own_parts.py",
    "hfdl train sentiment model.class=own_model.py": "tests/docs/test_own_parts.py",
    "hfdl train sentiment model.name=hfdl://bert model.class=": "tests/docs/test_own_parts.py",
    "hfdl evaluate runs/mean": "tests/docs/test_own_parts.py",
    "hfdl predict runs/mean": "tests/docs/test_own_parts.py",
    "hfdl push runs/sentiment": "tests/docs/test_hub.py",
    "hfdl predict ann/": "tests/docs/test_hub.py",
    "hfdl evaluate ann/": "tests/docs/test_hub.py",
    "hfdl train sentiment data.train=ann/": "tests/docs/test_hub.py",
    "hfdl train similarity.yaml": "tests/docs/test_own_task.py",
    "hfdl evaluate runs/similarity": "tests/docs/test_own_task.py",
}
# First words of what is no command of hfdl: installing and testing is what CI does; the benchmarks
# take minutes, and only their files are looked for.
OTHERS = {".", ".ci/oldest", ".ci/run", "cd", "curl", "docker", "git", "pip", "pre-commit",
          "pytest", "python", "python3", "ruff", "sphinx-build", "vllm"}  # fmt: skip

QUICK = ["train.steps=1", "train.batch_size=4", "train.precision=float32", "data.max_length=32",
         "data.max_samples=48"]  # fmt: skip
SMALL = {
    "clm": ["model.config.n_layer=1", "model.config.n_head=2", "model.config.n_embd=16",
            "model.config.n_positions=32", "model.config.vocab_size=300", "data.max_samples=8"],
    "translation": ["model.config.vocab_size=300", "model.config.hidden_size=16",
                    "model.config.encoder_layers=1", "model.config.decoder_layers=1",
                    "model.config.num_attention_heads=2", "model.config.intermediate_size=32"],
    "hfdl://decoder": ["model.config.vocab_size=300", "model.config.hidden_size=16",
                       "model.config.num_attention_heads=2", "model.config.num_hidden_layers=1",
                       "model.config.intermediate_size=32", "data.max_samples=8"],
    "hfdl://encoder": ["model.config.vocab_size=300", "model.config.hidden_size=16",
                       "model.config.num_attention_heads=2", "model.config.intermediate_size=32"],
}  # fmt: skip


def elsewhere(command: PageCommand) -> bool:
    if any("$" in word for word in command.words):  # the body of a loop
        return True
    if (
        "--processes" in command.words
    ):  # two processes more: tests/training/distributed/test_launch.py
        return True
    return any(" ".join(command.words).startswith(start) for start in ELSEWHERE)


def quick(words: list[str], bert: Path) -> list[str]:
    """A training, made one of seconds: each setting that the page does not give itself."""
    if words[:2] == ["hfdl", "compare"]:
        return [*words, "train.steps=1", "data.max_samples=8", "data.max_length=32"]
    if words[:2] != ["hfdl", "train"] or "--resume" in words:
        return words
    given = {word.partition("=")[0] for word in words}
    name = next((word.partition("=")[2] for word in words if word.startswith("model.name=")), None)
    own = name and name.startswith("hfdl://")
    sizes = SMALL.get(name if own else words[2], [])
    model = [] if sizes or name else [f"model.name={bert}"]
    more = [word for word in (*model, *sizes, *QUICK) if word.partition("=")[0] not in given]
    return [*words, *more]


def once(found: list[PageCommand]) -> list[PageCommand]:
    """Each line once, though several pages show it."""
    return list({(command.words, command.shown): command for command in reversed(found)}.values())


@pytest.mark.parametrize("command", once([c for c in TYPED if not elsewhere(c)]), ids=str)
def test_it_runs(
    command: PageCommand, at_the_desk: Path, tiny_bert: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {name: str(tiny_bert) for name in (MINILM, "google-bert/bert-base-uncased", "MODEL")}
    words = quick(replaced(command.words, names), tiny_bert)
    words = [word.replace("layers.0-3", "layers.0-1") for word in words]  # the model has two
    if ">" in words:
        words = words[: words.index(">")]
    if words[1:3] == ["recipes", "copy"]:
        words[-1] = f"made-{words[-1]}"  # the file is there for the commands that use it
    if (
        "--output" in words and "--resume" not in words
    ):  # a run of that name is there for the commands that use it
        place = words.index("--output") + 1
        words[place] += "-made" if Path(words[place]).is_dir() else ""
    code = errors.run(words[1:])
    told = capsys.readouterr().err
    expected = [line for line in command.shown if line.startswith("error: ")]
    assert code == (2 if expected else 0), told
    if expected:
        assert told.strip() == "\n".join(expected)


def test_every_command_is_looked_at() -> None:
    assert len(TYPED) >= 50
    first = {command.words[0] for command in ALL} - {"hfdl"} - LOOP
    assert first <= OTHERS, first - OTHERS
    for start in ELSEWHERE:
        assert any(" ".join(c.words).startswith(start) for c in TYPED), start


@pytest.mark.parametrize("command", [c for c in ALL if c.words[0] == "python"], ids=str)
def test_a_script_is_there(command: PageCommand) -> None:
    scripts = [word for word in command.words if re.fullmatch(r"[\w/.-]+\.py", word)]
    for script in scripts:
        assert (ROOT / script).is_file(), script
