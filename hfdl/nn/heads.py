"""The heads of the models: labels of texts, labels of tokens, words.

Shapes: B texts, *B any axes of tokens, D width, C labels, V words of the vocabulary.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from hfdl.nn.activations import activation as activation_of
from hfdl.nn.dropout import Dropout
from hfdl.nn.linear import Linear
from hfdl.nn.norms import LayerNorm


class Pooler(nn.Module):
    """tanh(W h + b) of the first token's state (Devlin et al. 2019)."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.dense = Linear(hidden_size, hidden_size)

    def forward(self, first: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
        return self.dense(first).tanh()


class SequenceHead(nn.Module):
    """Labels of a text from its first token: a dense layer, an activation, a linear layer.

    BERT (tanh; its dense layer is the pooler), RoBERTa (tanh), DistilBERT (ReLU) and ELECTRA
    (GELU) differ in the activation and in where dropout stands.

    Args:
        hidden_size: D.
        num_labels: C.
        activation: a name from ``hfdl.nn.activations``.
        in_dropout: before the dense layer.
        out_dropout: before the last layer.
    """

    def __init__(
        self,
        hidden_size: int,
        num_labels: int,
        *,
        activation: str = "tanh",
        in_dropout: float = 0.0,
        out_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.in_dropout, self.out_dropout = Dropout(in_dropout), Dropout(out_dropout)
        self.dense = Linear(hidden_size, hidden_size)
        self.activation = activation_of(activation)
        self.out = Linear(hidden_size, num_labels)

    def forward(self, first: Float[Tensor, "B D"]) -> Float[Tensor, "B C"]:
        """The logits of texts, from the states of their first tokens."""
        x = self.activation(self.dense(self.in_dropout(first)))
        return self.out(self.out_dropout(x))


class LastTokenHead(nn.Module):
    """Labels of a text from its last token, which alone has seen all of it in a causal model."""

    def __init__(self, hidden_size: int, num_labels: int) -> None:
        super().__init__()
        self.out = Linear(hidden_size, num_labels, bias=False)

    def forward(self, last: Float[Tensor, "B D"]) -> Float[Tensor, "B C"]:
        """The logits of texts, from the states of their last tokens."""
        return self.out(last)


class TokenHead(nn.Module):
    """A label of each token: dropout and a linear layer."""

    def __init__(self, hidden_size: int, num_labels: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.out = Linear(hidden_size, num_labels)

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B C"]:
        """The logits of each token."""
        return self.out(self.dropout(x))


class PredictionHead(nn.Module):
    """Labels of texts or tokens: dense, activation, norm, dropout and a linear layer (ModernBERT).

    Args:
        hidden_size: D.
        num_labels: C.
        activation: a name from ``hfdl.nn.activations``.
        eps: of the norm.
        bias: whether the dense layer has a bias.
        norm_bias: whether the norm has one.
        dropout: before the last layer.
    """

    def __init__(
        self,
        hidden_size: int,
        num_labels: int,
        *,
        activation: str = "gelu",
        eps: float = 1e-5,
        bias: bool = True,
        norm_bias: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.dense = Linear(hidden_size, hidden_size, bias=bias)
        self.activation = activation_of(activation)
        self.norm = LayerNorm(hidden_size, eps, bias=norm_bias)
        self.dropout = Dropout(dropout)
        self.out = Linear(hidden_size, num_labels)

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B C"]:
        """The logits of each text or token."""
        return self.out(self.dropout(self.norm(self.activation(self.dense(x)))))


class MaskedLMHead(nn.Module):
    """The word that was masked: dense, activation, norm, and the transposed token embedding.

    It looks at one position at a time, so it may be given the masked positions alone: with
    15 % of the tokens masked that saves 85 % of the largest product in the model.

    Args:
        hidden_size: D.
        vocab_size: V.
        embedding_size: width of the token embedding; D where it is None.
        activation: a name from ``hfdl.nn.activations``.
        eps: of the norm.
        bias, norm_bias, decoder_bias: whether the dense layer, the norm and the last layer have a
            bias.
    """

    def __init__(
        self,
        hidden_size: int,
        vocab_size: int,
        *,
        embedding_size: int | None = None,
        activation: str = "gelu",
        eps: float = 1e-12,
        bias: bool = True,
        norm_bias: bool = True,
        decoder_bias: bool = True,
    ) -> None:
        super().__init__()
        width = hidden_size if embedding_size is None else embedding_size
        self.dense = Linear(hidden_size, width, bias=bias)
        self.activation = activation_of(activation)
        self.norm = LayerNorm(width, eps, bias=norm_bias)
        self.decoder = Linear(width, vocab_size, bias=decoder_bias)

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B V"]:
        """The logits of each token."""
        return self.decoder(self.norm(self.activation(self.dense(x))))


class CausalLMHead(nn.Module):
    """The next word: a linear layer, whose weight is often the token embedding's."""

    def __init__(self, hidden_size: int, vocab_size: int) -> None:
        super().__init__()
        self.decoder = Linear(hidden_size, vocab_size, bias=False)

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B V"]:
        """The logits of each token."""
        return self.decoder(x)
