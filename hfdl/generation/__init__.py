"""Text from language models: greedy, sampled, by beam search; whole or as a stream.

`generate` and `stream` take any model that is called as Hugging Face's are. The searches
themselves know only `Decoder`, so anything that can name its next token can be searched.
"""

from hfdl.generation.decoders import CausalDecoder, Seq2SeqDecoder
from hfdl.generation.generate import generate
from hfdl.generation.protocol import Decoder
from hfdl.generation.streaming import stream, stream_text

__all__ = ["CausalDecoder", "Decoder", "Seq2SeqDecoder", "generate", "stream", "stream_text"]
