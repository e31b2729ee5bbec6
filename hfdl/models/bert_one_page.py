# pyright: strict
"""BERT on one page: the encoder, its two heads and the loading of weights, with torch alone.

BERT (Devlin et al. 2019, https://arxiv.org/abs/1810.04805) is the encoder of the first transformer
(Vaswani et al. 2017, https://arxiv.org/abs/1706.03762), and the whole of it is this:

    x = LayerNorm(E_word + E_position + E_segment)                  Devlin, section 3, figure 2
    in every layer:
        x = LayerNorm(x + MultiHead(x))                             Vaswani, sections 3.1, 3.2.2
        x = LayerNorm(x + W_2 gelu(W_1 x + b_1) + b_2)              Vaswani, sections 3.1, 3.3
    masked words:   logits = E_word LayerNorm(gelu(W x + b)) + c    Devlin, section 3.1, task 1
    classes:        logits = W_c tanh(W_p x_[CLS] + b_p) + b_c      Devlin, section 4.1

    from hfdl.models.bert_one_page import BertConfig, BertForMaskedLM, load
    model = BertForMaskedLM(BertConfig.from_dict(json.load(open("config.json"))))
    load(model, safetensors.torch.load_file("model.safetensors"))
    logits = model(**tokenizer(texts, padding=True, return_tensors="pt"))

Left out: next-sentence prediction, and dropout (0.1 in training, on the embeddings, the attention
weights and what each half of a block adds to x), which ``hfdl.models.bert`` has besides options.

Shapes: B texts of T tokens, D hidden_size, H heads of width d_k = D / H, V words, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# What a config.json may not say otherwise, as this page has no other way.
FIXED = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute",
         "tie_word_embeddings": True, "is_decoder": False}  # fmt: skip


@dataclass(frozen=True)
class BertConfig:
    """Sizes, under the names of config.json; the defaults are bert-base-uncased's."""

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    pad_token_id: int | None = 0
    layer_norm_eps: float = 1e-12

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> BertConfig:
        """Take the sizes from a parsed config.json; ValueError if it is of another model."""
        for name, value in FIXED.items():
            if values.get(name, value) != value:
                raise ValueError(f"{name} is {values[name]!r}; this page knows only {value!r}")
        return cls(**{f.name: values[f.name] for f in fields(cls) if f.name in values})


class Embeddings(nn.Module):
    """Each token as the sum of three learned vectors: its word, its place, its segment."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.words = nn.Embedding(config.vocab_size, width, padding_idx=config.pad_token_id)
        self.positions = nn.Embedding(config.max_position_embeddings, width)
        self.segments = nn.Embedding(config.type_vocab_size, width)
        self.norm = nn.LayerNorm(width, config.layer_norm_eps)

    def forward(self, ids: Tensor, segments: Tensor) -> Tensor:
        """Word ids (B, T) and segment ids (B, T) -> (B, T, D)."""
        places = torch.arange(ids.shape[1], device=ids.device)  # (T,)
        return self.norm(self.words(ids) + self.positions(places) + self.segments(segments))


class Attention(nn.Module):
    """softmax(Q K^T / sqrt(d_k)) V in each of H heads, with Q = x W_Q, K = x W_K, V = x W_V.

    MultiHead(x) = Concat(head_1, ..., head_H) W_O.
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.heads, width = config.num_attention_heads, config.hidden_size
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.output = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        """x (B, T, D); padding (B, T), True where there is no token -> (B, T, D)."""
        q, k, v = (
            linear(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, T, D) -> (B, H, T, d_k)
            for linear in (self.query, self.key, self.value)
        )
        scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5  # (B, H, T, T)
        hidden = padding[:, None, None, :]  # (B, T) -> (B, 1, 1, T): no query sees these keys
        weights = scores.masked_fill(hidden, torch.finfo(x.dtype).min).softmax(dim=-1)
        return self.output((weights @ v).transpose(1, 2).flatten(2))  # (B, H, T, d_k) -> (B, T, D)


class Block(nn.Module):
    """Attention between tokens, then a feed-forward network on each; the norms stand last."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        width, inner, eps = config.hidden_size, config.intermediate_size, config.layer_norm_eps
        self.attention, self.attention_norm = Attention(config), nn.LayerNorm(width, eps)
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)
        self.norm = nn.LayerNorm(width, eps)

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        x = self.attention_norm(x + self.attention(x, padding))
        return self.norm(x + self.down(F.gelu(self.up(x))))


class Bert(nn.Module):
    """The encoder: every token sees every other, in both directions."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.embeddings = Embeddings(config)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.num_hidden_layers))
        for matrix in (p for p in self.parameters() if p.dim() == 2):
            nn.init.normal_(matrix, std=0.02)  # first weights

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """Words, 1 at tokens and 0 at padding, segments: (B, T) each -> what the head gives."""
        x = self.embeddings(input_ids, token_type_ids)
        for layer in self.layers:
            x = layer(x, attention_mask == 0)
        return self.head(x)

    def head(self, x: Tensor) -> Tensor:
        """The last states (B, T, D) -> what is asked of them; here the states themselves."""
        return x


class BertForMaskedLM(Bert):
    """Says for every position which word stands there; the last matrix is E_word itself."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.transform = nn.Linear(config.hidden_size, config.hidden_size)
        self.transform_norm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.word_bias = nn.Parameter(torch.zeros(config.vocab_size))

    def head(self, x: Tensor) -> Tensor:
        """(B, T, D) -> logits (B, T, V)."""
        x = self.transform_norm(F.gelu(self.transform(x)))  # (B, T, D)
        return F.linear(x, self.embeddings.words.weight, self.word_bias)


class BertForSequenceClassification(Bert):
    """Labels a text by the state of its first token, [CLS]."""

    def __init__(self, config: BertConfig, num_labels: int) -> None:
        super().__init__(config)
        self.pooler = nn.Linear(config.hidden_size, config.hidden_size)
        self.classifier = nn.Linear(config.hidden_size, num_labels)

    def head(self, x: Tensor) -> Tensor:
        """(B, T, D) -> logits (B, C)."""
        return self.classifier(self.pooler(x[:, 0]).tanh())  # x[:, 0]: (B, D)


def loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean of -log p(label) where the label is not -100; logits (B, T, V) or (B, C)."""
    return F.cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=-100)


# A name in transformers' files becomes the name on this page by these replacements, in order.
RENAMES = (
    ("bert.", ""), ("gamma", "weight"), ("beta", "bias"), ("encoder.layer", "layers"),
    ("word_embeddings", "words"), ("position_embeddings", "positions"),
    ("token_type_embeddings", "segments"), ("attention.self", "attention"),
    ("attention.output.LayerNorm", "attention_norm"), ("output.LayerNorm", "norm"),
    ("attention.output.dense", "attention.output"), ("intermediate.dense", "up"),
    ("output.dense", "down"), ("pooler.dense", "pooler"), ("cls.predictions.bias", "word_bias"),
    ("cls.predictions.transform.dense", "transform"), ("embeddings.LayerNorm", "embeddings.norm"),
    ("cls.predictions.transform.LayerNorm", "transform_norm"),
)  # fmt: skip


def load(model: Bert, theirs: Mapping[str, Tensor]) -> list[str]:
    """Copy a BERT file's tensors, whatever its head is; return the names that the file lacks."""
    ours: dict[str, Tensor] = {}
    for name, tensor in theirs.items():
        for old, new in RENAMES:
            name = name.replace(old, new)
        ours[name] = tensor
    ours.pop("embeddings.position_ids", None)  # 0, 1, 2, ... in older files
    own = set(model.state_dict())
    if wrong := [n for n in own ^ set(ours) if n.startswith(("embeddings.", "layers."))]:
        raise ValueError(f"only on one side: {', '.join(sorted(wrong))}")
    model.load_state_dict(ours, strict=False)
    return sorted(own - set(ours))
