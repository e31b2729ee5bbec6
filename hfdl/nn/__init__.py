"""Every part of a transformer, in torch alone.

Read them in this order: ``functional`` (scaled dot-product attention), ``masks``, ``positions``,
``attention`` (many heads), ``norms``, ``feed_forward``, ``blocks``, ``embeddings``, ``heads``. For
speed: ``linear``, ``attention_gradient``, ``packing`` (no padding), ``attend`` (who sees whom),
``cache``, ``dropout``, ``stack``. What came before: ``recurrence`` (RNN, LSTM, GRU as equations),
``recurrent``, ``convolution``, ``pooling``.

Shapes stand in the signatures, as annotations of jaxtyping: ``q: Float[Tensor, "B H T K"]`` is a
floating-point tensor of batch, heads, queries and head width, and a letter means one size
throughout a call. ``*B`` stands for any number of axes, ``#T`` for T or a 1 that is broadcast, and
``...`` for axes that nothing else depends on. Each file's first lines say what its letters are. To
a type checker such a tensor is a Tensor, and in normal use nothing is checked; the tests run nn and
models with the checks on (``tests/nn/test_shapes_in_signatures.py``).
"""

from hfdl.nn.attend import Attend, Cache, PackedAttend, PaddedAttend
from hfdl.nn.attention import MultiHeadAttention
from hfdl.nn.blocks import (
    PostNormBlock,
    PostNormDecoderBlock,
    PreNormBlock,
    PreNormDecoderBlock,
)
from hfdl.nn.cache import KVCache
from hfdl.nn.convolution import TextConvolution
from hfdl.nn.dropout import Dropout
from hfdl.nn.embeddings import Embeddings
from hfdl.nn.feed_forward import FeedForward, GatedFeedForward
from hfdl.nn.functional import AttentionKernel, attention
from hfdl.nn.fused import fused_attention
from hfdl.nn.heads import (
    CausalLMHead,
    LastTokenHead,
    MaskedLMHead,
    Pooler,
    PredictionHead,
    SequenceHead,
    TokenHead,
)
from hfdl.nn.lengths import length_mask
from hfdl.nn.linear import Linear
from hfdl.nn.norms import LayerNorm, RMSNorm
from hfdl.nn.packing import Packing
from hfdl.nn.pooling import (
    AttentionPooling,
    first_state,
    last_state,
    max_pool,
    mean_pool,
    mean_sqrt_pool,
    sum_pool,
    weighted_mean_pool,
)
from hfdl.nn.recurrence import RecurrentKernel
from hfdl.nn.recurrent import Recurrent
from hfdl.nn.stack import DecoderStack, SharedStack, Stack

__all__ = [
    "Attend",
    "AttentionKernel",
    "AttentionPooling",
    "Cache",
    "CausalLMHead",
    "DecoderStack",
    "Dropout",
    "Embeddings",
    "FeedForward",
    "GatedFeedForward",
    "KVCache",
    "LastTokenHead",
    "LayerNorm",
    "Linear",
    "MaskedLMHead",
    "MultiHeadAttention",
    "PackedAttend",
    "Packing",
    "PaddedAttend",
    "Pooler",
    "PostNormBlock",
    "PostNormDecoderBlock",
    "PreNormBlock",
    "PreNormDecoderBlock",
    "PredictionHead",
    "RMSNorm",
    "Recurrent",
    "RecurrentKernel",
    "SequenceHead",
    "SharedStack",
    "Stack",
    "TextConvolution",
    "TokenHead",
    "attention",
    "first_state",
    "fused_attention",
    "last_state",
    "length_mask",
    "max_pool",
    "mean_pool",
    "mean_sqrt_pool",
    "sum_pool",
    "weighted_mean_pool",
]
