"""``hfdl verify``: its table, its rows, its JSON and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import typer
from helpers.scratch_models import hf_model
from torch import nn
from typer.testing import CliRunner, Result

from hfdl.cli.verify import verify
from hfdl.errors import ConfigError, ModelError
from hfdl.parity import diagnose
from hfdl.parity import verify as library
from hfdl.parity.mistakes import MISTAKES
from hfdl.parity.opening import own_core
from hfdl.weights.families.registry import FAMILIES

app = typer.Typer()
app.command()(verify)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """hfdl's model, as if it had a known mistake."""
    mistake = next(m for m in MISTAKES if m.name == "gelu_by_tanh")

    def wrong(model: object) -> nn.Module:
        core = mistake.apply(own_core(model))
        assert core is not None
        return core

    monkeypatch.setattr(library, "own_core", wrong)
    monkeypatch.setattr(diagnose, "own_core", wrong)


def test_the_table_of_an_equal_model(tiny_bert: Path) -> None:
    result = call(str(tiny_bert))
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    headers = [line.split() for line in lines if line.startswith("float")]
    assert headers == [
        [name, "numpy", "explicit", "fused", "sdpa", "bound", "ok"]
        for name in ("float32", "float64")
    ]
    residual = [line.split() for line in lines if line.startswith("residual")]
    assert [row[-2:] for row in residual] == [["1e-05", "yes"], ["1e-12", "yes"]]
    assert [line.split()[3] for line in lines if line.startswith("weights")] == ["-", "-"]
    assert "comparisons, every one within its bound" in result.output
    assert "note: the model has no head" in result.output


@pytest.mark.parametrize("head", ["base", "masked_lm", "sequence", "token"])
@pytest.mark.parametrize("kind", ["albert", "modernbert"])
def test_encoders_that_share_layers_or_look_nearby(kind: str, head: str, tmp_path: Path) -> None:
    hf_model(kind, head).save_pretrained(tmp_path)
    result = call(str(tmp_path))
    assert result.exit_code == 0, result.output
    oks = [line.split()[-1] for line in result.output.splitlines() if " 1e-" in line]
    assert len(oks) > 20
    assert {*oks} == {"yes"}
    assert "comparisons, every one within its bound" in result.output


def test_one_type_and_one_variant(tiny_gpt2: Path) -> None:
    result = call(
        str(tiny_gpt2), "--dtype", "float64", "--variant", "cached", "--all", "--text", "a film"
    )
    assert result.exit_code == 0, result.output
    rows = [line for line in result.output.splitlines() if line.startswith("float64")]
    assert len(rows) > 50
    assert all(row.split()[1] == "cached" for row in rows)
    assert "float32" not in result.output


def test_json_holds_every_row(tiny_gpt2: Path) -> None:
    result = call(str(tiny_gpt2), "--json", "--dtype", "float32", "--variant", "right")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["ok"] is True
    assert report["model"] == str(tiny_gpt2)
    assert {row["variant"] for row in report["rows"]} == {"right"}
    assert {row["layer"] for row in report["rows"]} == {None, 0, 1}
    assert report["diagnosis"] is None


@pytest.mark.usefixtures("broken")
def test_a_broken_bound_exits_with_1_and_names_the_mistake(tiny_bert: Path) -> None:
    result = call(str(tiny_bert), "--dtype", "float64", "--variant", "plain")
    assert result.exit_code == 1
    assert "NOT equal:" in result.output
    cells = next(x for x in result.output.splitlines() if x.startswith("feed_forward ")).split()
    assert cells.count("!") == 2  # explicit and fused
    assert cells[-1] == "NO"
    # hfdl's own model is wrong, so it is changed until it is transformers'.
    assert "diagnosis: the model becomes transformers' if" in result.output
    assert "(gelu_by_erf)" in result.output
    assert "look at: hfdl/nn/activations.py" in result.output


@pytest.mark.usefixtures("broken")
def test_a_broken_bound_in_json(tiny_bert: Path) -> None:
    result = call(str(tiny_bert), "--json", "--dtype", "float64", "--variant", "plain")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["ok"] is False
    assert report["diagnosis"]["name"] == "gelu_by_erf"


def test_errors_of_the_user_are_the_librarys(tiny_bert: Path, tmp_path: Path) -> None:
    unknown = call(str(tiny_bert), "--dtype", "float16")
    assert isinstance(unknown.exception, ConfigError)
    assert unknown.exception.exit_code == 2
    absent = call(str(tmp_path / "nothing"))
    assert isinstance(absent.exception, ModelError)


def test_an_unsupported_model_says_what_is_supported(tmp_path: Path) -> None:
    from transformers import OPTConfig, OPTForCausalLM

    sizes = {"hidden_size": 8, "ffn_dim": 8, "num_attention_heads": 2, "num_hidden_layers": 1}
    torch.manual_seed(0)
    OPTForCausalLM(OPTConfig(vocab_size=9, word_embed_proj_dim=8, **sizes)).save_pretrained(
        tmp_path
    )
    result = call(str(tmp_path))
    assert isinstance(result.exception, ModelError)
    message = str(result.exception)
    assert "hfdl has no code of its own for OPTForCausalLM" in message
    families = [family.model_type for family in FAMILIES]
    assert len(families) >= 10
    assert f"of {', '.join(families)}" in message


def test_help_tells_the_exit_codes() -> None:
    result = call("--help")
    assert result.exit_code == 0
    assert "Exit code: 0 every bound holds; 1 one is broken; 2" in " ".join(result.output.split())
