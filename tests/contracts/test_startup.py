"""What is loaded before anything is asked for. Times are for the benchmarks, modules for us."""

import json
import subprocess
import sys

import pytest

HEAVY = {
    "accelerate", "datasets", "huggingface_hub", "matplotlib", "numpy", "pandas", "psutil",
    "pyarrow", "requests", "safetensors", "tokenizers", "torch", "transformers", "yaml",
}  # fmt: skip

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
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
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
