"""How long a row may be: where the model itself breaks."""

import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from hfdl.weights.limits import length_limit
from hfdl.weights.model_config import load_config
from hfdl.weights.saved_tokenizer import load_tokenizer

# Model types whose table of positions ends at max_position_embeddings, and those that begin to
# count behind the padding id. Rotary and relative positions have no table to run off.
TABLES = [
    "albert", "bert", "biogpt", "convbert", "ctrl", "deberta", "deberta-v2", "distilbert",
    "electra", "gpt2", "megatron-bert", "mobilebert", "openai-gpt", "opt", "roformer",
    "squeezebert",
]  # fmt: skip
OFFSET_TABLES = [
    "camembert", "data2vec-text", "esm", "ibert", "lilt", "longformer", "mpnet", "roberta",
    "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod",
]  # fmt: skip
SIZES = {
    "vocab_size": 40, "hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 16, "max_position_embeddings": 12, "embedding_size": 24, "n_embd": 24,
    "n_layer": 1, "n_head": 2, "n_positions": 12, "dff": 16, "word_embed_proj_dim": 24,
    "ffn_dim": 16, "languages": ["en"], "default_language": "en", "attention_window": 4, "dim": 24,
    "hidden_dim": 16, "n_layers": 1, "n_heads": 2,
}  # fmt: skip


@pytest.mark.parametrize(
    ("model_type", "limit"), [(t, 12) for t in TABLES] + [(t, 10) for t in OFFSET_TABLES]
)
def test_length_limit_is_where_the_model_breaks(model_type, limit, tiny_bert):
    known = AutoConfig.for_model(model_type)
    sizes = {
        k: v for k, v in SIZES.items() if k in known.to_dict() and k not in known.attribute_map
    }
    config = AutoConfig.for_model(model_type, **sizes, pad_token_id=1)
    tokenizer = load_tokenizer(tiny_bert)
    tokenizer.pad_token = "[UNK]"
    assert tokenizer.pad_token_id == 1
    found = length_limit(tokenizer, config)
    assert found == limit
    model = AutoModelForSequenceClassification.from_config(config).eval()
    assert runs(model, limit)
    assert not runs(model, limit + 1)


def test_length_limit_of_so_many_types():
    assert (len(set(TABLES)), len(set(OFFSET_TABLES))) == (16, 12)


def runs(model, length: int) -> bool:
    ids = torch.full((1, length), 5)
    boxes = {"bbox": torch.zeros(1, length, 4, dtype=torch.long)}
    try:
        with torch.no_grad():
            model(input_ids=ids, attention_mask=torch.ones_like(ids),
                  **(boxes if model.config.model_type == "lilt" else {}))  # fmt: skip
    except (IndexError, RuntimeError):
        return False
    return True


def test_the_smaller_limit_counts(tiny_bert):
    tokenizer, config = load_tokenizer(tiny_bert), load_config(tiny_bert)
    assert length_limit(tokenizer, config) == 64
    tokenizer.model_max_length = 30
    assert length_limit(tokenizer, config) == 30
    tokenizer.model_max_length = 10**30
    assert length_limit(tokenizer, config) == 64


def test_no_limit_at_all(tiny_bert):
    tokenizer = load_tokenizer(tiny_bert)
    tokenizer.model_max_length = 10**30
    assert length_limit(tokenizer, AutoConfig.for_model("t5")) is None
    tokenizer.model_max_length = 77
    assert length_limit(tokenizer, AutoConfig.for_model("t5")) == 77
