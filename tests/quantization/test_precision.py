"""precision="int8" in pipelines and evaluation: what ran, what it costs, what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.support import reviews
from helpers.wording import assert_wording
from torch import nn

import hfdl
from hfdl.errors import ConfigError, ModelError
from hfdl.hf_models.base import HfModel
from hfdl.nn.linear import is_plain_linear
from hfdl.quantization import convert, int8_linear
from hfdl.quantization.convert import int8_copy, int8_layers, to_int8
from hfdl.quantization.int8_linear import Int8Linear

TEXTS = ["what a good film", "a dreadful meal, they say", "x", "the song was long " * 30]


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows of every product in int8, as they are made."""
    seen: list[int] = []
    own = torch._int_mm

    def counted(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        assert (a.dtype, b.dtype) == (torch.int8, torch.int8)
        seen.append(len(a))
        return own(a, b)

    monkeypatch.setattr(torch, "_int_mm", counted)
    return seen


def test_a_pipeline_runs_in_int8(trained: Path, products: list[int]) -> None:
    exact = hfdl.pipeline(model=trained)
    pipe = hfdl.pipeline(model=trained, precision="int8")
    linear = [each for each in exact.model.modules() if is_plain_linear(each)]
    assert len(int8_layers(pipe.model)) == len(linear)
    assert not any(is_plain_linear(each) for each in pipe.model.modules())
    assert isinstance(pipe.model, HfModel)  # hfdl's own code, which leaves padding out
    products.clear()  # those of the trial, whether the CPU's are exact
    found, own = pipe(TEXTS, top_k=None), exact(TEXTS, top_k=None)
    assert len(products) >= len(linear)
    tokens = sum(min(32, len(each)) for each in exact.tokenizer(TEXTS)["input_ids"])
    assert max(products) == tokens  # of all texts together, and not of their padding
    for answer, other in zip(found, own, strict=True):
        scores = [{one["label"]: one["score"] for one in each} for each in (answer, other)]
        assert 0 < abs(scores[0]["positive"] - scores[1]["positive"]) < 0.02
    assert "int8" in repr(pipe)
    assert "int8" not in repr(exact)


def test_parameters_in_int8_are_counted_as_in_float32(trained: Path, tiny_gpt2: Path) -> None:
    for folder, task in ((trained, None), (tiny_gpt2, "text-generation")):
        exact = hfdl.pipeline(task, model=folder)
        own = hfdl.pipeline(task, model=folder, precision="int8")
        count = sum(one.numel() for one in exact.model.parameters())  # words count once
        assert exact.parameter_count == count == own.parameter_count
        assert sum(one.numel() for one in own.model.parameters()) < count


def test_queries_keys_and_values_quantise_their_input_once(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = hfdl.pipeline(model=trained, precision="int8")
    own, widths = int8_linear.quantised_rows, []

    def noted(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        widths.append(rows.shape[1])
        return own(rows)

    monkeypatch.setattr(int8_linear, "quantised_rows", noted)
    together = pipe("a good film", top_k=None)
    layers, of_all = pipe.model.config.num_hidden_layers, len(int8_layers(pipe.model))
    assert len(widths) == of_all - 2 * layers
    hooks = [
        module.register_forward_hook(lambda *_: None)
        for name, module in pipe.model.named_modules() if name.endswith("k_proj")
    ]  # fmt: skip
    assert len(hooks) == layers
    widths.clear()
    assert pipe("a good film", top_k=None) == together
    assert len(widths) == of_all  # a layer with a hook is called itself


def test_an_answer_does_not_depend_on_its_batch(trained: Path) -> None:
    pipe = hfdl.pipeline(model=trained, precision="int8")
    together = pipe(TEXTS, batch_size=4)
    alone = [pipe(text)[0] for text in TEXTS]
    for one, other in zip(together, alone, strict=True):
        assert one["label"] == other["label"]
        assert one["score"] == pytest.approx(other["score"], abs=1e-6)


@pytest.mark.parametrize("hooked", [False, True])
def test_an_open_model_stays_as_it_is(trained: Path, hooked: bool) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(trained).eval()
    tokenizer = AutoTokenizer.from_pretrained(trained)
    calls: list[Any] = []
    if hooked:
        model.bert.pooler.register_forward_hook(lambda *given: calls.append(1))
    inputs = tokenizer(TEXTS[:2], padding=True, return_tensors="pt")
    before, config = model(**inputs).logits, model.config.to_dict()
    calls.clear()
    pipe = hfdl.pipeline("text-classification", model=model, tokenizer=tokenizer, precision="int8")
    assert isinstance(pipe.model, HfModel) != hooked  # a hook wants to be called
    pipe(TEXTS)
    assert bool(calls) == hooked
    assert int8_layers(pipe.model)
    assert not int8_layers(model)
    assert torch.equal(model(**inputs).logits, before)
    assert model.config.to_dict() == config
    # What is alike is not there twice.
    own, other = (each.get_input_embeddings() for each in (model, pipe.model))
    assert own.weight.data_ptr() == other.weight.data_ptr()


def test_vectors_and_words_at_masks(tiny_bert: Path, make_masked: Path) -> None:
    exact = hfdl.pipeline("sentence-similarity", model=tiny_bert)
    pipe = hfdl.pipeline("sentence-similarity", model=tiny_bert, precision="int8")
    own, found = (torch.from_numpy(each.encode(TEXTS)) for each in (exact, pipe))
    likeness = torch.cosine_similarity(own, found)
    assert ((likeness > 0.999) & (own != found).any(dim=1)).all()
    data = tiny_bert.parent / "masked texts.txt"
    data.write_text("\n".join(TEXTS), encoding="utf-8")
    given = {"data.validation": str(data)}
    scores = hfdl.evaluate(make_masked, given, precision="int8", listener=lambda event: None)
    assert scores.costs[0].effect.b == pytest.approx(scores.costs[0].effect.a, rel=0.05)
    filler = hfdl.pipeline("fill-mask", model=make_masked, precision="int8")
    words = filler.model.get_output_embeddings()
    assert is_plain_linear(words)  # the layer of words stays
    assert len(filler("what a [MASK] film", top_k=3)) == 3


@pytest.fixture
def make_masked(tiny_bert: Path, tmp_path: Path) -> Path:
    """A random masked language model."""
    from transformers import AutoTokenizer, BertConfig, BertForMaskedLM

    torch.manual_seed(0)
    BertForMaskedLM(BertConfig.from_pretrained(tiny_bert)).save_pretrained(tmp_path / "mlm")
    AutoTokenizer.from_pretrained(tiny_bert).save_pretrained(tmp_path / "mlm")
    return tmp_path / "mlm"


def test_texts_are_written_in_int8(tiny_gpt2: Path, products: list[int]) -> None:
    exact = hfdl.pipeline("text-generation", model=tiny_gpt2)
    pipe = hfdl.pipeline("text-generation", model=tiny_gpt2, precision="int8")
    asked = {"max_new_tokens": 6, "min_new_tokens": 6, "return_scores": True}
    products.clear()
    (found,), (own,) = pipe("what a good", **asked), exact("what a good", **asked)
    layers = int8_layers(pipe.model)
    assert len(products) == 6 * len(layers)
    assert products.count(1) >= 5 * len(layers)  # a token at a time, behind the prompt
    # The layer of words is one of them; the embedding that it shared its weight with stays.
    assert isinstance(pipe.model.get_output_embeddings(), Int8Linear)
    words = [each.model.get_input_embeddings().weight for each in (exact, pipe)]
    assert torch.equal(*words)
    first = [each["token_log_probs"][0] for each in (found, own)]
    assert 0 < abs(first[0] - first[1]) < 0.05
    several = pipe(["what a good", "a"], batch_size=2, **asked)
    alone = [pipe(text, **asked) for text in ("what a good", "a")]
    for one, other in zip(several, alone, strict=True):
        assert one[0]["token_ids"] == other[0]["token_ids"]
    assert "int8" in repr(pipe)


@pytest.mark.parametrize("implementation", ["auto", "hf", "hfdl"])
def test_either_code(tiny_bert: Path, products: list[int], implementation: str) -> None:
    options = {"model": tiny_bert, "implementation": implementation}
    exact = hfdl.pipeline("sentence-similarity", **options)
    pipe = hfdl.pipeline("sentence-similarity", precision="int8", **options)
    assert isinstance(pipe.model, HfModel) == (implementation != "hf")
    products.clear()
    own, found = (torch.from_numpy(each.encode(TEXTS)) for each in (exact, pipe))
    assert len(products) >= 12  # two layers of six products
    assert (torch.cosine_similarity(own, found) > 0.999).all()
    alone = torch.stack([torch.from_numpy(pipe.encode(text)) for text in TEXTS])
    assert torch.allclose(alone, found, atol=1e-5)


def test_evaluation_says_what_it_costs(trained: Path, tmp_path: Path, products: list[int]) -> None:
    plain = hfdl.evaluate(trained, listener=lambda event: None)
    scores = hfdl.evaluate(
        trained, precision="int8", output=tmp_path / "int8", listener=lambda event: None
    )
    assert products
    written = json.loads((tmp_path / "int8" / "metrics.json").read_text(encoding="utf-8"))
    assert written["environment"]["precision"] == "int8"
    assert written["test"] == scores["test"]
    assert [cost.split for cost in scores.costs] == ["test", "validation"]
    for cost, kept in zip(scores.costs, written["costs"], strict=True):
        assert cost.effect.a == plain[cost.split]["accuracy"]
        assert cost.effect.b == scores[cost.split]["accuracy"]
        assert (kept["float32"], kept["int8"]) == (cost.effect.a, cost.effect.b)
        assert f"(float32 {cost.effect.a:.4f}, paired difference " in cost.line()
        assert cost.line() in (tmp_path / "int8" / "log.jsonl").read_text(encoding="utf-8")
    assert plain.costs == []
    assert "int8 on test: accuracy" in repr(scores)


def test_the_cost_is_paired(
    trained: Path, monkeypatch: pytest.MonkeyPatch, csv_file: Callable[..., Path]
) -> None:
    """Where the model in int8 is made to answer otherwise, the difference is counted."""

    def spoiled(model: nn.Module, where: str) -> nn.Module:
        found: Any = int8_copy(model, where)
        head = next(each for each in found.modules() if getattr(each, "out_features", 0) == 2)
        head.bias = nn.Parameter(head.bias + torch.tensor([100.0, -100.0]))
        return found

    monkeypatch.setattr("hfdl.runs.held_out.int8_copy", spoiled)
    data = csv_file("all.csv", reviews(40))
    scores = hfdl.evaluate(
        trained, {"data.test": str(data)}, precision="int8", listener=lambda event: None
    )
    (cost,) = scores.costs
    assert cost.effect.b == 0.5
    assert cost.effect.differing == round((cost.effect.a - 0.5) * 40)
    assert cost.effect.high is not None
    assert cost.effect.high < 0


def refusal(make: Callable[[], Any]) -> ConfigError | ModelError:
    with pytest.raises((ConfigError, ModelError)) as told:
        make()
    return told.value


def test_refusals(
    trained: Path, tiny_gpt2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("what a good film\n" * 3, encoding="utf-8")
    run, writer = str(trained), str(tiny_gpt2)
    for attempt in (
        lambda: hfdl.pipeline(model=run, precision="int4"),
        lambda: hfdl.pipeline("translation", model=writer, precision="int8"),
        lambda: hfdl.evaluate(writer, {"data.test": str(texts)}, precision="int8"),
        lambda: hfdl.pipeline(model=run, precision="int8", device="cuda"),
    ):
        assert_wording(refusal(attempt))
    assert hfdl.pipeline("text-generation", model=writer, precision="float32").task
    monkeypatch.setattr(convert, "multiplies_exactly", lambda: False)
    told = str(refusal(lambda: hfdl.pipeline(model=run, precision="int8")))
    assert "does not multiply 8-bit integers exactly" in told


def test_models_that_have_no_int8() -> None:
    adapter = nn.Module()
    adapter.base_layer = nn.Linear(2, 2)
    graph = nn.Module()
    graph.session = None
    for model in (adapter, graph, nn.Embedding(3, 2)):
        assert_wording(refusal(lambda model=model: to_int8(nn.Sequential(model), "m")))


def test_a_layer_of_its_own_class_stays_and_a_shared_one_is_one() -> None:
    class Own(nn.Linear):
        pass

    shared = nn.Linear(2, 2)
    model = to_int8(nn.Sequential(Own(2, 2), shared, nn.ReLU(), shared), "m")
    assert type(model[0]) is Own
    assert isinstance(model[1], Int8Linear)
    assert model[1] is model[3]
    assert not model.training
