"""The shapes in the signatures of ``hfdl.nn`` and ``hfdl.models``: stated everywhere, and true."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ONE_PAGE = ("bert_one_page.py", "gpt_one_page.py")  # torch alone; shapes stand in the comments
FILES = [
    file
    for room in ("nn", "models")
    for file in sorted((ROOT / "hfdl" / room).rglob("*.py"))
    if file.name not in ONE_PAGE
]
SHAPED = {"Bool", "Float", "Int", "Shaped"}

# torch hands an autograd.Function's backward as many gradients as its forward has outputs.
WITHOUT_SHAPE = {
    "attention_gradient.py: _Attention.backward",
    "cheap_dropout.py: _Drop.backward",
    "feed_forward.py: _ActivatedLinear.backward",
    "linear.py: _Linear.backward",
}

HOOK = """
import sys, jaxtyping
sys.path.insert(0, "tests")
jaxtyping.install_import_hook(["hfdl.nn", "hfdl.models"], "beartype.beartype")
"""
WRONG = """
import torch
from hfdl.models.bert import Bert, BertConfig
from hfdl.nn import PackedAttend, attention
q, k = torch.zeros(2, 4, 3, 6), torch.zeros(2, 2, 5, 6)
model = Bert(BertConfig(vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
                        intermediate_size=16))
ids = torch.ones(2, 3, dtype=torch.long)
wrong = [
    lambda: attention(q, k, k, torch.ones(3, 4, dtype=torch.bool)),  # 4 keys, not 5
    lambda: attention(q, k, k, torch.ones(3, 5)),  # not bool
    lambda: model(ids, torch.ones(2, 4)),  # 4 tokens, not 3
    lambda: model(ids.float()),
]
for call in wrong:
    try:
        call()
    except jaxtyping.TypeCheckError as error:
        print("refused:", str(error).splitlines()[0])
"""

# These feed wrong shapes and expect ShapeError; under the hook jaxtyping refuses them before it.
REFUSALS = (
    "tests/nn/positions/test_rotary.py::test_mistakes_are_named",
    "tests/nn/test_convolution.py::test_what_does_not_fit_is_refused",
    "tests/nn/test_functional.py::test_shapes_that_do_not_fit_are_refused",
    "tests/nn/test_lengths.py::test_what_is_no_mask_is_refused",
    "tests/nn/test_linear.py::test_one_row_that_does_not_fit_is_refused_as_torch_refuses_it",
    "tests/nn/test_masks.py::test_mistakes_are_named",
    "tests/nn/test_norms.py::test_another_width_is_refused",
    "tests/nn/test_packing.py::test_a_packing_is_made_of_two_dimensions",
    "tests/nn/test_recurrent.py::test_what_does_not_fit_is_refused",
)


def _run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=580
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-8000:]
    return done.stdout


def test_all_parts_and_models_run_with_shapes_checked() -> None:
    _run("-c", f"{HOOK}\nfrom helpers import every_part\nevery_part.run()")


def test_the_check_refuses_wrong_shapes() -> None:
    assert _run("-c", HOOK + WRONG).count("refused:") == 4
    assert _run("-c", "import jaxtyping" + WRONG.replace("call()", "pass")).count("refused:") == 0


@pytest.mark.slow
def test_the_tests_of_nn_and_models_pass_with_shapes_checked() -> None:
    said = _run(
        "-m", "pytest", "tests/nn", "tests/models", "-q", "-p", "no:cacheprovider",
        "--jaxtyping-packages=hfdl.nn,hfdl.models,beartype.beartype",
        *(f"--deselect={test}" for test in REFUSALS), f"--ignore={__file__}",
    )  # fmt: skip
    passed = re.search(r"(\d+) passed", said)
    assert passed is not None
    assert int(passed[1]) > 1900


def functions(tree: ast.AST, within: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """All functions and methods of a file, with the classes that they stand in."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield within + node.name, node
        name = f"{within}{node.name}." if isinstance(node, ast.ClassDef) else within
        yield from functions(node, name)


def annotations(function: ast.FunctionDef) -> list[ast.expr]:
    """Those of its parameters and of its result."""
    arguments = function.args
    parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    parameters += [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
    return [a for a in (*(p.annotation for p in parameters), function.returns) if a is not None]


def shapes(node: ast.AST) -> list[str]:
    """The shapes in an annotation: Float[Tensor, "B T D"]."""
    return [
        part.slice.elts[1].value
        for part in ast.walk(node)
        if isinstance(part, ast.Subscript)
        and isinstance(part.value, ast.Name)
        and part.value.id in SHAPED
        and isinstance(part.slice, ast.Tuple)
        and isinstance(part.slice.elts[1], ast.Constant)
        and isinstance(part.slice.elts[1].value, str)
    ]


def bare_tensors(node: ast.AST) -> int:
    """How many tensors in an annotation have no shape."""
    names = [part for part in ast.walk(node) if isinstance(part, ast.Name) and part.id == "Tensor"]
    return len(names) - len(shapes(node))


def test_every_tensor_in_a_signature_has_a_shape() -> None:
    bare, stated = set[str](), 0
    for file in FILES:
        for name, function in functions(ast.parse(file.read_text(encoding="utf-8"))):
            own = annotations(function)
            stated += any(shapes(a) for a in own)
            if any(bare_tensors(a) for a in own):
                bare.add(f"{file.name}: {name}")
    assert bare == WITHOUT_SHAPE
    assert stated > 160


def test_every_forward_says_what_it_returns() -> None:
    seen = 0
    for file in FILES:
        for name, function in functions(ast.parse(file.read_text(encoding="utf-8"))):
            if function.name in {"forward", "__call__"}:
                seen += 1
                assert function.returns is not None, f"{file.name}: {name}"
                written = ast.unparse(function.returns)
                is_named = written in {"Rotation", "Answer"}  # its parts say their shapes
                assert shapes(function.returns) or is_named, f"{file.name}: {name}"
    assert seen > 50


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_first_lines_explain_the_letters(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    used = {letters for shape in shapes(tree) for letters in re.findall(r"[A-Z]+", shape)}
    said = re.search(r"Shapes: .*", ast.get_docstring(tree) or "", re.DOTALL)
    explained = set(re.findall(r"\b[A-Z]+\b", said[0])) if said else set[str]()
    assert used <= explained, f"{file.name} does not explain {used - explained}"
