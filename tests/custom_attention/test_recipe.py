"""``model.attention``: what is refused, before anything is written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from helpers.wording import assert_wording

import hfdl
from hfdl.config.load import load_recipe
from hfdl.errors import HfdlError
from hfdl.tasks.registry import task_for_training

OWN = """
import torch


def no_gradient(q, k, v, mask, *, dropout=0.0):
    return torch.zeros_like(q)


def by_numpy(q, k, v, mask, *, dropout=0.0):
    return torch.from_numpy(v.detach().numpy())


def undefined(q, k, v, mask, *, dropout=0.0):
    return v / (v - v)


def narrow(q, k, v, mask, *, dropout=0.0):
    return v[:, :, :1]


def without_dropout(q, k, v, mask):
    return v


def without_mask(q, k, v):
    return v


def plain(q, k, v, mask, *, dropout=0.0):
    scores = torch.zeros(*q.shape[:3], k.shape[2], dtype=q.dtype)
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return scores.softmax(-1) @ v


def by_keys(q, k, v, mask, *, dropout=0.0):
    return plain(q, k, v * k.sum(-1, keepdim=True).sigmoid(), mask)


def by_queries(q, k, v, mask, *, dropout=0.0):
    return plain(q, k, v, mask) * q.sum(-1, keepdim=True).sigmoid()


def alone(q, k, v, mask, *, dropout=0.0):
    return v


def gated(q, k, v, mask, *, dropout=0.0):
    return v * (q * k).sum(-1, keepdim=True).sigmoid()


def three(q, k, v, mask, *, dropout=0.0):
    return v, v, v


def swapped(q, k, v, mask, *, dropout=0.0):
    return v.transpose(1, 2)


def in_double(q, k, v, mask, *, dropout=0.0):
    return v.double()


def blind(q, k, v, mask, *, dropout=0.0):
    return (q @ k.transpose(-1, -2)).softmax(-1) @ v


def masked(q, k, v, mask, *, dropout=0.0):
    scores = q.float() @ k.float().transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return scores.softmax(-1) @ v.float()


def random(q, k, v, mask, *, dropout=0.0):
    return plain(q, k, v, mask) * (1 + (torch.rand(()) > 0.5))


def remembering(q, k, v, mask, *, dropout=0.0, calls=[]):
    calls.append(1)
    return plain(q, k, v, mask) * len(calls)


def twice_in_training(q, k, v, mask, *, dropout=0.0):
    return plain(q, k, v, mask) * (1 + torch.is_grad_enabled())


def by_batch(q, k, v, mask, *, dropout=0.0):
    return plain(q, k, v, mask) * len(q)


def over_rows(q, k, v, mask, *, dropout=0.0):
    out = plain(q, k, v, mask)
    return out + 0.1 * out.mean(0, keepdim=True)


def by_length(q, k, v, mask, *, dropout=0.0):
    return plain(q, k, v, mask) * k.shape[2]


def in_place(q, k, v, mask, *, dropout=0.0):
    return plain(q.mul_(2), k, v, mask)


def emptying(q, k, v, mask, *, dropout=0.0):
    weights = torch.softmax(q @ k.transpose(-1, -2), -1)
    out = weights @ v
    v.zero_()
    return out


def no_query_gradient(q, k, v, mask, *, dropout=0.0):
    scores = q.detach() @ k.transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return scores.softmax(-1) @ v


value = 3
"""
NAMES = ["no_gradient", "by_numpy", "undefined", "narrow", "without_dropout", "without_mask",
         "value", "plane", "three", "swapped", "in_double", "blind",
         "alone", "gated", "random", "remembering", "twice_in_training", "by_batch", "over_rows",
         "by_length", "in_place", "emptying"]  # fmt: skip
SAYS = {  # the name of the attention has a digest in it
    "without_dropout": "keyword dropout=0.0", "narrow": "must be (B, H, T, K)",
    "swapped": "is (2, 5, 4, 8); it must be (B, H, T, K) = (2, 4, 5, 8)",
    "three": "is of type tuple of 3; it returns out, or (out, weights)",
    "in_double": "output is float64; it has the type of q, k and v, here float32",
}  # fmt: skip


@pytest.fixture
def own(tmp_path: Path) -> Path:
    file = tmp_path / "mine.py"
    file.write_text(OWN, encoding="utf-8")
    return file


def refused(settings: dict[str, Any], output: Path, **more: Any) -> HfdlError:
    with pytest.raises(HfdlError) as caught:
        hfdl.train("sentiment", {**settings, **more}, output=output, listener=lambda event: None)
    assert not output.exists()
    return caught.value


@pytest.mark.parametrize("name", NAMES)
def test_a_function_that_is_no_attention_is_refused(
    name: str, own: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    attention = {"model.attention": f"{own}:{name}"}
    error = refused(settings, tmp_path / "run", **attention)
    if name in SAYS:
        assert SAYS[name] in str(error)
    else:
        assert_wording(error)


@pytest.mark.parametrize("name", ["tiny_bert", "tiny_gpt2"])
def test_an_attention_keeps_to_its_mask(
    name: str, own: Path, settings: dict[str, Any], tmp_path: Path, request: Any,
    without_report: None,
) -> None:  # fmt: skip
    task = {"task": "causal_lm"} if name == "tiny_gpt2" else {}
    chosen = {**settings, **task, "model.name": str(request.getfixturevalue(name))}
    error = refused(chosen, tmp_path / "run", **{"model.attention": f"{own}:blind"})
    assert "does not keep to its mask: padding, or the tokens behind it," in str(error)
    for precision in ("float32", "bf16"):
        more = {"train.steps": 1, "train.precision": precision, "model.attention": f"{own}:masked"}
        hfdl.train(
            "sentiment", {**chosen, **more}, output=tmp_path / precision,
            listener=lambda event: None,
        )  # fmt: skip


UNUSED = {
    "plain": "does not depend on the queries and keys",
    "by_keys": "does not depend on the queries",
    "by_queries": "does not depend on the keys",
    "masked": None,
    "no_query_gradient": "gives no gradient to the queries",
}


@pytest.mark.parametrize(
    "model", ["tiny_bert", "tiny_bert-hfdl", "tiny_gpt2", "tiny_gpt2-hfdl", "transformer"]
)
@pytest.mark.parametrize("name", UNUSED)
def test_what_an_attention_does_not_depend_on_is_said(
    name: str, model: str, own: Path, settings: dict[str, Any], request: Any
) -> None:
    chosen = {**settings, "model.attention": f"{own}:{name}"}
    if model == "transformer":
        sizes = dict.fromkeys(("hidden_size", "intermediate_size"), 16) | {"vocab_size": 300}
        chosen |= {f"model.config.{key}": size for key, size in sizes.items()}
        chosen |= {"model.name": "hfdl://transformer", "data.text": "text", "data.label": "text"}
    else:
        body, _, own_code = model.partition("-")
        chosen["model.name"] = str(request.getfixturevalue(body))
        chosen["model.implementation"] = own_code or "hf"
    recipe = load_recipe("translation" if model == "transformer" else "sentiment", chosen)
    task = task_for_training(recipe)
    task.prepare(recipe.data)
    task.build_model(recipe.model)
    said = [fact for fact in task.model_facts if fact.startswith("model.attention")]
    if UNUSED[name] is None:
        assert said == []
    else:
        (line,) = said
        assert line.startswith(f"model.attention: its output {UNUSED[name]}, so")


@pytest.mark.parametrize("name", ["hfdl_numpy", "hfdl_fussed", "/no/file.py:f"])
def test_a_name_that_cannot_be_trained_with_is_refused(
    name: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    attention = {"model.attention": name}
    assert_wording(refused(settings, tmp_path / "run", **attention))


def test_a_model_without_attention_is_refused(
    own: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    lstm = {"model.name": "hfdl://lstm", "model.attention": f"{own}:plain"}
    assert_wording(refused(settings, tmp_path / "run", **lstm))


@pytest.mark.usefixtures("without_report")
def test_weights_of_another_attention_are_not_trained_further_in_silence(
    own: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    chosen = {**settings, "train.steps": 1}
    first = tmp_path / "first"
    hfdl.train(
        "sentiment", {**chosen, "model.attention": f"{own}:plain"}, output=first,
        listener=lambda event: None,
    )  # fmt: skip
    chosen["model.name"] = str(first)
    assert_wording(refused(chosen, tmp_path / "second"))
    for number, name in enumerate([f"{own}:plain", "sdpa"]):
        output = tmp_path / str(number)
        hfdl.train(
            "sentiment", {**chosen, "model.attention": name}, output=output,
            listener=lambda event: None,
        )  # fmt: skip
        assert ("hfdl_attention" in (output / "config.json").read_text()) == (name != "sdpa")


@pytest.mark.usefixtures("without_report")
def test_the_changed_file_of_a_module_is_noticed(
    own: Path, settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    named = {**settings, "train.steps": 1, "model.attention": "mine:plain"}
    try:
        hfdl.train("sentiment", named, output=tmp_path / "run", listener=lambda event: None)
        hfdl.pipeline("sentiment", model=str(tmp_path / "run"))
        own.write_text(OWN + "# another\n", encoding="utf-8")
        with pytest.raises(HfdlError, match="has changed since the model was trained"):
            hfdl.pipeline("sentiment", model=str(tmp_path / "run"))
    finally:
        sys.modules.pop("mine", None)
