"""Positional encodings.

Added to embeddings: ``sinusoidal``, ``learned``. Applied to queries and keys: ``rotary``. Added to
attention scores: ``alibi``, ``t5``.
"""

from hfdl.nn.positions.alibi import AlibiBias, alibi_bias, alibi_slopes
from hfdl.nn.positions.learned import LearnedPositions
from hfdl.nn.positions.rotary import (
    LinearScaling,
    Llama3Scaling,
    Rotary,
    Rotation,
    rotary_frequencies,
    rotate,
    rotate_interleaved,
)
from hfdl.nn.positions.sinusoidal import SinusoidalPositions, sinusoidal
from hfdl.nn.positions.t5 import T5RelativeBias, t5_buckets

__all__ = [
    "AlibiBias",
    "LearnedPositions",
    "LinearScaling",
    "Llama3Scaling",
    "Rotary",
    "Rotation",
    "SinusoidalPositions",
    "T5RelativeBias",
    "alibi_bias",
    "alibi_slopes",
    "rotary_frequencies",
    "rotate",
    "rotate_interleaved",
    "sinusoidal",
    "t5_buckets",
]
