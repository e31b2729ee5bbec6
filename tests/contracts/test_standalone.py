"""What must work where others are not installed: the from-scratch code without Hugging Face."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "hfdl"
HUGGING_FACE = [
    "accelerate",
    "datasets",
    "evaluate",
    "huggingface_hub",
    "tokenizers",
    "transformers",
]

# Python raises ImportError for a module that stands in sys.modules as None.
BLOCKED = """
import importlib, json, pkgutil, sys
for name in {blocked!r}:
    sys.modules[name] = None
package = importlib.import_module("hfdl.{unit}")
names = ["hfdl.{unit}", *(m.name for m in pkgutil.walk_packages(package.__path__, "hfdl.{unit}."))]
for name in names:
    importlib.import_module(name)
{then}
print(json.dumps(names))
"""

FORWARD = """
import torch
from hfdl.models.bert import Bert, BertConfig
model = Bert(BertConfig(vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
                        intermediate_size=16))
assert model(torch.tensor([[1, 2, 3]])).shape == (1, 3, 8)
"""


def imported_without(blocked: list[str], unit: str, then: str = "") -> list[str]:
    """The modules of a unit, each imported in an interpreter that has not the blocked packages."""
    code = BLOCKED.format(blocked=blocked, unit=unit, then=then)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("unit", "blocked", "then"),
    [
        ("nn", [*HUGGING_FACE, "numpy"], ""),
        ("models", HUGGING_FACE, FORWARD),
        ("generation", HUGGING_FACE, ""),
        ("foundations", [*HUGGING_FACE, "torch"], ""),
    ],
)
def test_the_from_scratch_code_needs_no_hugging_face(unit, blocked, then) -> None:
    names = imported_without(blocked, unit, then)
    files = {
        ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        for file in (PACKAGE / unit).rglob("*.py")
    }
    assert set(names) == files
    assert len(names) >= 2


def test_the_block_blocks() -> None:
    with pytest.raises(AssertionError, match="ModuleNotFoundError"):
        imported_without(["torch"], "nn")
