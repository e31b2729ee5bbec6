"""Every part of a transformer, in torch alone.

Read them in this order: ``functional`` (scaled dot-product attention), ``masks``, ``positions``,
``attention`` (many heads), ``norms``, ``feed_forward``, ``blocks``, ``embeddings``, ``heads``. For
speed: ``attention_gradient``, ``packing`` (no padding), ``attend`` (who sees whom), ``cache``,
``dropout``, ``stack``. What came before: ``recurrence`` (RNN, LSTM, GRU as equations),
``recurrent``, ``convolution``, ``pooling``.
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
from hfdl.nn.norms import LayerNorm, RMSNorm
from hfdl.nn.packing import Packing
from hfdl.nn.pooling import (
    AttentionPooling,
    last_state,
    max_pool,
    mean_pool,
    sum_pool,
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
    "fused_attention",
    "last_state",
    "length_mask",
    "max_pool",
    "mean_pool",
    "sum_pool",
]
