# pyright: strict
"""GPT-2 on one page: the decoder, the loading of weights and generation, with torch alone.

"Language Models are Unsupervised Multitask Learners" (Radford et al. 2019) is the decoder of
"Attention Is All You Need" (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762) with the norms
moved to the front, and the whole of it is this:

    x = E_word + E_position                                         Vaswani, sections 3.4, 3.5
    in every layer:                                                 Radford, section 2.3
        x = x + MultiHead(LayerNorm(x))                             Vaswani, section 3.2.2
        x = x + W_2 gelu(W_1 LayerNorm(x) + b_1) + b_2              Vaswani, section 3.3
    logits = E_word LayerNorm(x)                                    Vaswani, section 3.4

    gelu(x) = x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))     Hendrycks and Gimpel 2016

    from hfdl.models.gpt_one_page import Gpt, GptConfig, generate, load
    model = Gpt(GptConfig.from_dict(json.load(open("config.json"))))
    load(model, safetensors.torch.load_file("model.safetensors"))
    ids = generate(model, ids, 20)

Left out: the cache of keys and values, padding on the left, and dropout (GPT-2 trains with 0.1 on
the embeddings, on the attention weights and on what each half of a block adds to x).
``hfdl.models.gpt2`` has them and the options that are absent here, and gives the same numbers.
Texts of different lengths may be padded on the right: no token sees what comes after it.

Shapes: B texts of T tokens, D n_embd, H heads of width d_k = D / H, V words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# What a config.json may not say otherwise, as this page has no other way.
FIXED = {"model_type": "gpt2", "activation_function": "gelu_new", "tie_word_embeddings": True,
         "scale_attn_weights": True, "scale_attn_by_inverse_layer_idx": False,
         "add_cross_attention": False}  # fmt: skip


@dataclass(frozen=True)
class GptConfig:
    """Sizes, under the names of config.json; the defaults are gpt2's."""

    vocab_size: int = 50257
    n_positions: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    n_inner: int | None = None  # of the feed-forward network; None: 4 D
    layer_norm_epsilon: float = 1e-5

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> GptConfig:
        """Take the sizes from a parsed config.json; ValueError if it is of another model."""
        for name, value in FIXED.items():
            if values.get(name, value) != value:
                raise ValueError(f"{name} is {values[name]!r}; this page knows only {value!r}")
        return cls(**{f.name: values[f.name] for f in fields(cls) if f.name in values})


class Attention(nn.Module):
    """softmax(Q K^T / sqrt(d_k) + mask) V in each of H heads; [Q K V] = x W_QKV + b.

    MultiHead(x) = Concat(head_1, ..., head_H) W_O. The mask is -inf above the diagonal: query t
    sees the keys 0 ... t.
    """

    def __init__(self, config: GptConfig) -> None:
        super().__init__()
        self.heads = config.n_head
        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.output = nn.Linear(config.n_embd, config.n_embd)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, T, D) -> (B, H, T, d_k)
            for part in self.qkv(x).chunk(3, dim=-1)  # (B, T, 3 D) -> three of (B, T, D)
        )
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (B, H, T, T)
        later = torch.ones_like(scores[0, 0], dtype=torch.bool).triu(1)  # (T, T)
        weights = scores.masked_fill(later, -math.inf).softmax(dim=-1)
        return self.output((weights @ v).transpose(1, 2).flatten(2))  # (B, H, T, d_k) -> (B, T, D)


class Block(nn.Module):
    """Attention to earlier tokens, then a feed-forward network on each; the norms stand first."""

    def __init__(self, config: GptConfig) -> None:
        super().__init__()
        width, eps = config.n_embd, config.layer_norm_epsilon
        inner = config.n_inner or 4 * width
        self.attention_norm, self.attention = nn.LayerNorm(width, eps), Attention(config)
        self.norm = nn.LayerNorm(width, eps)
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        x = x + self.attention(self.attention_norm(x))
        return x + self.down(F.gelu(self.up(self.norm(x)), approximate="tanh"))


class Gpt(nn.Module):
    """The decoder and its head, whose matrix is E_word itself."""

    def __init__(self, config: GptConfig) -> None:
        super().__init__()
        self.config = config
        self.words = nn.Embedding(config.vocab_size, config.n_embd)
        self.positions = nn.Embedding(config.n_positions, config.n_embd)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.norm = nn.LayerNorm(config.n_embd, config.layer_norm_epsilon)
        self.initialize()

    def initialize(self) -> None:
        """First weights: N(0, 0.02^2), smaller where 2 n_layer terms add up (section 2.3)."""
        for name, parameter in self.named_parameters():
            terms = 2 * len(self.layers) if name.endswith(("output.weight", "down.weight")) else 1
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02 / math.sqrt(terms))
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, ids: Tensor) -> Tensor:
        """Word ids (B, T) -> logits of each next word (B, T, V)."""
        places = torch.arange(ids.shape[1], device=ids.device)  # (T,)
        x = self.words(ids) + self.positions(places)  # (B, T, D) + (T, D) -> (B, T, D)
        for layer in self.layers:
            x = layer(x)
        return F.linear(self.norm(x), self.words.weight)


def loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean of -log p(word t + 1 | words 0 ... t); labels (B, T) are the ids, -100 at padding."""
    ahead, words = logits[:, :-1], labels[:, 1:]  # (B, T - 1, V), (B, T - 1)
    return F.cross_entropy(ahead.flatten(0, 1), words.flatten(), ignore_index=-100)


@torch.no_grad()
def generate(
    model: Gpt, ids: Tensor, count: int, temperature: float = 0.0, top_k: int = 0, stop: int = -1
) -> Tensor:
    """Continue prompts of one length, (B, T) -> (B, T + count), or less where all have ended.

    Each new word is the likeliest (temperature 0), or drawn from softmax(logits / temperature),
    of the top_k likeliest words alone where top_k is given. A text ends with the word ``stop``,
    and repeats it while others go on. The model sees the last n_positions words.
    """
    ended = torch.zeros_like(ids[:, 0], dtype=torch.bool)  # (B,)
    for _ in range(count):
        logits = model(ids[:, -model.config.n_positions :])[:, -1]  # (B, T, V) -> (B, V)
        new = choose(logits, temperature, top_k)
        new = new.masked_fill(ended, stop)
        ended |= new == stop
        ids = torch.cat([ids, new[:, None]], dim=1)  # (B, T) and (B, 1) -> (B, T + 1)
        if ended.all():
            break
    return ids


def choose(logits: Tensor, temperature: float, top_k: int) -> Tensor:
    """One word for each text, (B, V) -> (B,)."""
    if temperature == 0:
        return logits.argmax(dim=-1)
    if top_k > 0:
        least = logits.topk(top_k).values[:, -1:]  # (B, 1)
        logits = logits.masked_fill(logits < least, -math.inf)
    return torch.multinomial((logits / temperature).softmax(dim=-1), 1).squeeze(1)  # (B, 1) -> (B,)


# A name in transformers' files becomes the name on this page by these replacements, in order.
RENAMES = (
    ("transformer.", ""), ("wte", "words"), ("wpe", "positions"), ("ln_f", "norm"),
    ("h.", "layers."), ("ln_1", "attention_norm"), ("ln_2", "norm"), ("mlp.c_fc", "up"),
    ("mlp.c_proj", "down"), ("attn.c_attn", "attention.qkv"), ("attn.c_proj", "attention.output"),
)  # fmt: skip


def load(model: Gpt, theirs: Mapping[str, Tensor]) -> None:
    """Copy the tensors of a GPT-2 file into a model; RuntimeError where their names differ.

    The file has the matrices of its linear layers as (in, out), torch as (out, in).
    """
    ours: dict[str, Tensor] = {}
    for name, tensor in theirs.items():
        if name.endswith((".attn.bias", ".attn.masked_bias", "lm_head.weight")):
            continue  # the causal mask in older files, and E_word a second time
        linear = "c_" in name and name.endswith("weight")
        for old, new in RENAMES:
            name = name.replace(old, new)
        ours[name] = tensor.T if linear else tensor
    model.load_state_dict(ours)
