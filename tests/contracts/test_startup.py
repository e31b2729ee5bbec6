"""What is loaded before anything is asked for. Times are for the benchmarks, modules for us."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HEAVY = {
    "accelerate", "datasets", "huggingface_hub", "matplotlib", "numpy", "pandas", "psutil",
    "pyarrow", "requests", "safetensors", "tokenizers", "torch", "transformers", "yaml",
}  # fmt: skip

UNCHECKED = {
    "accelerate", "datasets", "matplotlib", "pandas", "peft", "pyarrow", "scipy",
    "sklearn", "sympy", "torch", "torchao", "torchvision",
}  # fmt: skip
"""What a look at a csv file has no use for, and an answer none but torch, installed or not."""

COUNT = """
import json, runpy, sys
before = set(sys.modules)
try:
    {action}
except SystemExit as leave:
    assert not leave.code, leave.code
print("\\n" + json.dumps(sorted(set(sys.modules) - before)))
"""


def modules_after(action: str) -> list[str]:
    """The modules that ``action`` loads in a fresh interpreter."""
    code = COUNT.format(action=action)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def command(*arguments: str) -> str:
    return f"sys.argv = {['hfdl', *arguments]!r}; runpy.run_module('hfdl.cli', run_name='__main__')"


def packages(modules: list[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def test_import_hfdl_loads_nothing() -> None:
    loaded = modules_after("import hfdl")
    assert [m for m in loaded if m.startswith("hfdl")] == ["hfdl"]
    assert packages(loaded) & HEAVY == set()
    assert len(loaded) < 10


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["--version"], []])
def test_help_loads_the_command_line_only(arguments: list[str]) -> None:
    loaded = modules_after(command(*arguments))
    assert packages(loaded) & (HEAVY | {"rich", "jinja2"}) == set()
    own = {m for m in loaded if m.startswith("hfdl") and not m.startswith("hfdl.cli")}
    assert own <= {"hfdl", "hfdl.distribution", "hfdl.errors", "hfdl.progress"}


@pytest.mark.parametrize("arguments", [["--help"], []])
def test_the_help_itself_loads_no_command_line(arguments: list[str]) -> None:
    loaded = modules_after(command(*arguments))
    own = {module for module in loaded if module.startswith("hfdl")}
    assert own == {"hfdl", "hfdl.cli", "hfdl.cli.help", "hfdl.distribution"}
    assert packages(loaded) & {"typer", "click", "shutil", "importlib.metadata"} == set()


def test_the_recorded_help_is_what_the_commands_say() -> None:
    """On a difference do what ``hfdl.cli.help`` says."""

    def said(*command: str, **more: str) -> bytes:
        environment = {k: v for k, v in os.environ.items() if k != "COLUMNS"} | more
        whole = [sys.executable, *command]
        return subprocess.run(whole, capture_output=True, env=environment, timeout=60).stdout

    recorded = (ROOT / "cli" / "help.txt").read_bytes()
    by_the_command_line = "from hfdl.cli.errors import run; run(['--help'])"
    assert said("-c", by_the_command_line) == recorded
    for width in ("120", "80", "79", "60"):
        shown = said("-m", "hfdl.cli", COLUMNS=width)
        assert (shown == recorded) or int(width) < 80
        assert shown == said("-c", by_the_command_line, COLUMNS=width)


@pytest.fixture
def plain_bert(tiny_bert: Path, tmp_path: Path) -> Path:
    """A BERT whose tokenizer is BERT's own class, as those of the Hub are."""
    folder = tmp_path / "bert"
    shutil.copytree(tiny_bert, folder)
    path = folder / "tokenizer_config.json"
    settings = {**json.loads(path.read_text()), "tokenizer_class": "BertTokenizer"}
    path.write_text(json.dumps(settings))
    return folder


def test_data_check_needs_no_torch(plain_bert: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("text,label\n" + "a fine film,1\na poor film,0\n" * 3)
    loaded = modules_after(command("data", "check", str(rows), f"model.name={plain_bert}"))
    assert packages(loaded) & UNCHECKED == set()
    assert "transformers.models.bert.tokenization_bert" in loaded
    assert [m for m in loaded if m.startswith("transformers") and "modeling" in m] == []


def test_predict_needs_no_modelling_code_of_transformers(trained: Path) -> None:
    loaded = modules_after(command("predict", str(trained), "a fine film"))
    assert packages(loaded) & (UNCHECKED - {"torch"}) == set()
    own = ("hfdl.hf_models", "hfdl.foundations", "hfdl.custom_attention", "hfdl.custom_model")
    unused = (*own, "hfdl.tuning", "hfdl.report", "transformers.modeling_utils", "torch._dynamo")
    assert [module for module in loaded if module.startswith(unused)] == []
    training = {module for module in loaded if module.startswith("hfdl.training")}
    assert training <= {
        "hfdl.training",
        "hfdl.training.events",
        "hfdl.training.distributed",
        "hfdl.training.distributed.launched",
    }


@pytest.mark.parametrize(
    "arguments", [["recipes", "list"], ["recipes", "keys"], ["recipes", "check", "sentiment"]]
)
def test_recipes_need_no_torch(arguments: list[str]) -> None:
    loaded = packages(modules_after(command(*arguments)))
    assert loaded & (HEAVY - {"yaml"}) == set()


def test_public_names() -> None:
    code = (
        "import hfdl; assert set(hfdl.__all__) <= set(dir(hfdl)); "
        "from importlib.metadata import version; "
        "assert hfdl.__version__ == version('hfdl-transformers')\n"
        "    try: hfdl.nope\n"
        "    except AttributeError as e: assert str(e) == \"module 'hfdl' has no attribute 'nope'\""
    )
    assert "torch" not in packages(modules_after(code))


def test_public_names_are_there() -> None:
    import hfdl

    functions = {
        "calibrate", "compare", "diff", "evaluate", "export", "load_scratch", "pipeline", "push",
        "register_attention", "register_task", "train", "train_seeds", "uncalibrate", "verify",
        "tune",
    }  # fmt: skip
    assert set(hfdl.__all__) == {*functions, "__version__"}
    for name in hfdl.__all__:
        assert getattr(hfdl, name) is getattr(hfdl, name)
    for name in functions:
        assert callable(getattr(hfdl, name)), name
