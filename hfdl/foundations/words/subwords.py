"""A word's character n-grams, and the numbers by which their vectors are found.

    character_ngrams("where", 3, 3)      # ["<wh", "whe", "her", "ere", "re>"]

The marks < and > tell beginnings and ends apart: "her" inside of "where" is not the word "her",
which is "<her>" (Bojanowski et al. 2017, section 3.2, arXiv:1607.04606). There are millions of
n-grams; each goes into one of a fixed number of buckets, by a hash of its letters, and the n-grams
of a bucket share a vector.
"""

from __future__ import annotations

from dataclasses import dataclass

from hfdl.errors import ConfigError

_OFFSET, _PRIME, _MASK = 2_166_136_261, 16_777_619, 0xFFFF_FFFF  # of FNV-1a with 32 bits


def character_ngrams(word: str, shortest: int = 3, longest: int = 6) -> list[str]:
    """The n-grams of <word>, by where they begin, then by length; one that comes twice comes twice.

    The marks alone are no n-grams. A short word is among its own n-grams, as "<her>" is.

    Args:
        word: its characters are Unicode's code points.
        shortest, longest: the lengths, in characters.
    """
    marked = f"<{word}>"
    found: list[str] = []
    for begin in range(len(marked)):
        for end in range(begin + shortest, min(begin + longest, len(marked)) + 1):
            if end - begin > 1 or 0 < begin < len(marked) - 1:
                found.append(marked[begin:end])
    return found


def fasttext_hash(text: str) -> int:
    """The hash of fastText: FNV-1a over the bytes of UTF-8, 32 bits.

    (http://www.isthe.com/chongo/tech/comp/fnv/.) fastText's program reads each byte as a number
    from -128 to 127, so a byte above 127 also sets the upper bits, which FNV-1a does not. Trained
    models depend on it, and it is kept here.
    """
    value = _OFFSET
    for byte in text.encode("utf-8", "surrogatepass"):
        value ^= byte if byte < 128 else byte | 0xFFFF_FF00
        value = value * _PRIME & _MASK
    return value


@dataclass(frozen=True)
class Subwords:
    """How words are cut into n-grams.

    Args:
        shortest, longest: lengths in characters, the marks < and > among them.
        buckets: how many different numbers n-grams get. fastText's default: with so many, few
            n-grams of a text share one. Only those that occur take memory here.

    Raises:
        ConfigError: shortest is below 1 or above longest, or there is no bucket.
    """

    shortest: int = 3
    longest: int = 6
    buckets: int = 2_000_000

    def __post_init__(self) -> None:
        if not 1 <= self.shortest <= self.longest:
            raise ConfigError(
                f"n-grams of {self.shortest} to {self.longest} characters",
                rule="the shortest has 1 character at least, the longest as many or more",
            )
        if self.buckets < 1:
            raise ConfigError(f"{self.buckets} buckets", rule="there is 1 at least")

    def buckets_of(self, word: str) -> list[int]:
        """The bucket of each of a word's n-grams, in their order."""
        ngrams = character_ngrams(word, self.shortest, self.longest)
        return [fasttext_hash(ngram) % self.buckets for ngram in ngrams]
