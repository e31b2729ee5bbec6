"""Imports point one way: an AST walk over the package, held against one table.

A new folder or module under hfdl/ must be given its line in the table before it may import.
"""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "hfdl"

# unit (a folder or module directly under hfdl/) -> what of hfdl it may import, beside itself and
# hfdl.errors. An entry allows the module and all within it.
ALLOWED: dict[str, set[str]] = {
    "__init__": {
        "calibration", "custom_attention", "differences", "distribution", "exporting", "hf_models",
        "parity", "pipelines", "runs", "search", "sharing", "tasks",
    },
    "calibration": {
        "config", "display", "metrics", "nn.lengths", "progress", "report", "runs", "tasks",
        "training", "weights",
    },
    "config": set(),
    "custom_attention": {"config", "foundations", "hf_models", "nn", "weights"},
    "custom_model": {"config", "nn", "weights"},
    "data": {"tokenizers", "config", "display", "hub", "progress"},
    "demo": {
        "config", "data.entities.tags", "interpret", "pipelines", "progress", "tasks.registry",
        "weights.limits",
    },
    "differences": {
        "config", "display", "metrics", "report", "runs", "tasks", "training", "weights",
    },
    "display": set(),
    "distribution": set(),
    "environment": {"distribution"},
    "errors": {"distribution"},
    "exporting": {
        "config", "display", "environment", "nn", "pipelines", "progress", "quantization", "runs",
        "tasks", "training", "weights",
    },
    "foundations": set(),
    "generation": {"nn"},
    "hf_models": {"config", "models", "nn", "weights"},
    "hub": {"progress"},
    "interpret": {
        "config", "custom_attention", "foundations", "generation", "hf_models", "models", "nn",
        "weights",
    },
    "metrics": {"config", "data.entities.tags"},
    "models": {"nn"},
    "nn": set(),
    "parity": {
        "config", "custom_attention", "foundations", "generation", "hf_models", "interpret",
        "display", "models", "nn", "progress", "weights",
    },
    "pipelines": {
        "config", "custom_attention", "data", "display", "generation", "hf_models", "hub", "models",
        "nn", "quantization", "tasks", "weights",
    },
    "progress": set(),
    "quantization": {"nn.feed_forward", "nn.linear"},
    "report": {
        "data.entities.sentence", "data.entities.tags", "metrics.calibration",
        "metrics.translation", "tasks.registry", "tasks.spec", "weights.graph_files",
        "weights.names",
    },
    "runs": {
        "config", "data", "display", "environment", "hf_models", "metrics", "nn.dropout",
        "pipelines", "progress", "quantization", "report", "tasks", "training", "tuning",
        "weights",
    },
    "search": {
        "config", "data", "display", "metrics", "progress", "report", "runs", "tasks", "training",
    },
    "serving": {"environment", "pipelines"},
    "sharing": {
        "config", "display", "distribution", "hub", "progress", "report", "tasks", "weights",
    },
    "tasks": {
        "config", "custom_attention", "custom_model", "data", "generation", "hf_models", "metrics",
        "models", "nn", "progress", "weights",
    },
    "tokenizers": set(),
    # tasks.inference is protocol too: it runs any model over any split, and knows no task.
    "training": {
        "config", "data.arrays", "data.random_keys", "data.random_order", "environment",
        "tasks.inference", "tasks.protocol", "tuning.layers", "weights.parameter_names",
    },
    "torch_layer": {"foundations"},
    "tuning": {"config", "weights.parameter_names"},
    "weights": {"models", "nn", "config", "foundations.words.vector_files", "hub"},
}  # fmt: skip

# Packages that only some units may import; None: no unit at all.
RESTRICTED: dict[str, set[str] | None] = {
    "accelerate": {"training"},
    "cloudpickle": None,
    "dill": None,
    "marshal": None,
    "pickle": None,
    "shelve": None,
}
# Packages that a unit must do without.
FORBIDDEN: dict[str, set[str]] = {
    "foundations": {"torch", "transformers", "datasets"},
    "generation": {"transformers", "datasets"},
    "models": {"transformers", "datasets"},
    "nn": {"transformers", "datasets"},
    "tokenizers": {"torch", "transformers", "numpy", "tokenizers"},
}
CODE_RUNNERS = {"eval", "exec", "compile", "__import__"}

FILES = sorted(PACKAGE.rglob("*.py"))
CLI_FILES = sorted((ROOT / "cli").rglob("*.py"))


def unit_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(file: Path, package: str) -> list[tuple[str, int]]:
    """Every module that a file names in an import, with its line, relative ones resolved."""
    found: list[tuple[str, int]] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, [base, node.module or ""]))
            # "from hfdl import errors" and "from hfdl.training import session" name modules, too.
            found += [(f"{module}.{alias.name}", node.lineno) for alias in node.names]
    return found


def package_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1])


def is_allowed(module: str, unit: str) -> bool:
    inner = module.removeprefix("hfdl.")
    allowed = {unit, "errors", "__version__", *ALLOWED.get(unit, set())}
    return any(inner == name or inner.startswith(f"{name}.") for name in allowed)


def violations(files: list[Path]) -> list[str]:
    wrong = []
    for file in files:
        unit = unit_of(file)
        for module, line in imports(file, package_of(file)):
            if module.split(".")[0] == "hfdl" and not is_allowed(module, unit):
                wrong.append(f"{file.relative_to(ROOT)}:{line} imports {module}")
    return wrong


def test_the_walk_sees_the_whole_package() -> None:
    on_disk = {path for path in PACKAGE.rglob("*") if path.suffix == ".py"}
    assert set(FILES) == on_disk
    assert len(FILES) >= 40
    assert len(CLI_FILES) >= 10
    assert sum(len(imports(file, package_of(file))) for file in FILES) > 100


def test_every_unit_has_its_line_in_the_table() -> None:
    assert {unit_of(file) for file in FILES} - set(ALLOWED) == set()


def test_imports_point_one_way() -> None:
    assert violations(FILES) == []


def test_the_table_has_no_circle() -> None:
    done: set[str] = set()
    rest = dict(ALLOWED)
    while rest:
        free = [unit for unit, needs in rest.items() if {n.split(".")[0] for n in needs} <= done]
        assert free, f"these import each other: {sorted(rest)}"
        done |= set(free)
        rest = {unit: needs for unit, needs in rest.items() if unit not in free}


@pytest.mark.parametrize(
    ("leaf", "needs"),
    [
        ("data/arrays.py", set()),
        ("data/random_keys.py", set()),
        ("display.py", set()),
        ("progress.py", set()),
        (
            "tasks/inference.py",
            {"hfdl.data.arrays", "hfdl.nn.lengths", "hfdl.progress", "hfdl.tasks.protocol"},
        ),
        ("tasks/protocol.py", {"hfdl.config.schema", "hfdl.data.arrays"}),
        ("training/events.py", set()),
        ("training/files.py", set()),
    ],
)
def test_what_others_lean_on_imports_little(leaf: str, needs: set[str]) -> None:
    file = PACKAGE / leaf
    own = {m.rpartition(".")[0] for m, _ in imports(file, package_of(file)) if m[:5] == "hfdl."}
    assert own - {"hfdl.errors"} <= needs


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports within functions and for types count: a circle of those is one for the reader."""
    graph = {module_of(file): module_imports(file) for file in FILES}
    assert sum(map(len, graph.values())) > 500
    circle: list[str] = []
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = error.args[1]
    assert circle == []


def test_a_circle_would_be_found() -> None:
    with pytest.raises(CycleError):
        TopologicalSorter({"a": {"b"}, "b": {"c"}, "c": {"a"}}).prepare()


def test_no_folder_is_a_heap() -> None:
    folders = {file.parent for file in (*FILES, *CLI_FILES)}
    sizes = {folder: len(list(folder.glob("*.py"))) for folder in folders}
    assert len(sizes) >= 38
    assert {str(folder): size for folder, size in sizes.items() if size > 25} == {}


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def module_imports(file: Path) -> set[str]:
    """The modules of hfdl that a file imports anywhere in it."""
    modules = {module_of(other) for other in FILES}
    found = set()
    for name, _ in imports(file, package_of(file)):
        found.add(name if name in modules else name.rpartition(".")[0])
    return (found & modules) - {module_of(file), "hfdl"}


def test_the_console_is_quick_to_import() -> None:
    file = PACKAGE / "runs" / "console.py"
    assert {m.split(".")[0] for m, _ in imports(file, package_of(file))} & {
        "torch", "transformers"
    } == set()  # fmt: skip


def test_packages_stay_where_they_belong() -> None:
    wrong = []
    for file in FILES:
        unit = unit_of(file)
        for module, line in imports(file, package_of(file)):
            top = module.split(".")[0]
            homes = RESTRICTED.get(top, {unit})
            if homes is None or unit not in homes or top in FORBIDDEN.get(unit, set()):
                wrong.append(f"{file.relative_to(ROOT)}:{line} imports {module}")
    assert wrong == []


def test_nothing_runs_code_from_data() -> None:
    wrong = []
    for file in (*FILES, *CLI_FILES):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and (fault := code_runner(node)):
                wrong.append(f"{file.relative_to(ROOT)}:{node.lineno} calls {fault}")
    assert wrong == []


def code_runner(call: ast.Call) -> str | None:
    function = call.func
    if isinstance(function, ast.Name) and function.id in CODE_RUNNERS:
        return function.id
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        name = f"{function.value.id}.{function.attr}"
        if name in {"torch.load", "torch.save", "yaml.load", "yaml.unsafe_load", "os.system"}:
            return name
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    for option in ("allow_pickle", "trust_remote_code", "shell"):
        value = named.get(option)
        if value is not None and not (isinstance(value, ast.Constant) and value.value is False):
            return f"with {option}"
    return None


@pytest.mark.parametrize(
    ("code", "module"),
    [
        ("import accelerate.utils", "accelerate.utils"),
        ("from hfdl import errors", "hfdl.errors"),
        ("def f():\n    from hfdl.training import loop", "hfdl.training.loop"),
        ("from . import schema", "hfdl.config.schema"),
        ("from ..training import loop", "hfdl.training.loop"),
        ("if TYPE_CHECKING:\n    import torch", "torch"),
    ],
)
def test_the_walk_finds_every_kind_of_import(tmp_path, code: str, module: str) -> None:
    file = tmp_path / "x.py"
    file.write_text(code, encoding="utf-8")
    assert [name for name, _ in imports(file, "hfdl.config")] == [module]


@pytest.mark.parametrize(
    "code",
    ["eval(x)", "exec(x)", "torch.load(f)", "np.load(f, allow_pickle=True)", "__import__(x)",
     "f(trust_remote_code=x)", "subprocess.run(c, shell=True)"],
)  # fmt: skip
def test_the_walk_finds_what_runs_code(code: str) -> None:
    call = ast.parse(code).body[0]
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    assert code_runner(call.value)
    harmless = ast.parse("model.eval()").body[0]
    assert isinstance(harmless, ast.Expr)
    assert isinstance(harmless.value, ast.Call)
    assert code_runner(harmless.value) is None
