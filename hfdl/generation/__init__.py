"""Text generation: greedy search, sampling and beam search, at once or as a stream.

`generate` and `stream` take any model that is called as Hugging Face's are. The searches
themselves use only the `Decoder` protocol, so they work on anything with logits for a next token.
"""

from hfdl.generation.decoders import CausalDecoder, Seq2SeqDecoder
from hfdl.generation.generate import Generated, generate, generate_with_scores
from hfdl.generation.protocol import Decoder
from hfdl.generation.streaming import stream, stream_text
from hfdl.generation.text import continuation, stop_at

__all__ = [
    "CausalDecoder", "Decoder", "Generated", "Seq2SeqDecoder", "continuation", "generate",
    "generate_with_scores", "stop_at", "stream", "stream_text",
]  # fmt: skip
