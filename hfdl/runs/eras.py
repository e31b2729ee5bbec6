"""The models of ``hfdl compare``: from counts of words to a pretrained transformer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Era:
    """A model of a comparison.

    Args:
        name: of its row and its folder.
        recipe: the shipped recipe.
        title: what it is, for a person.
        takes_vectors: whether ``model.vectors`` is for it.
    """

    name: str
    recipe: str
    title: str
    takes_vectors: bool = False


COMPARISONS: dict[str, tuple[Era, ...]] = {
    "sentiment": (
        Era("bag-of-words", "eras/bag-of-words", "Bag of words"),
        Era("word-average", "eras/word-average", "Mean of word vectors", True),
        Era("rnn", "eras/rnn", "RNN", True),
        Era("lstm", "eras/lstm", "LSTM", True),
        Era("gru", "eras/gru", "GRU", True),
        Era("text-cnn", "eras/text-cnn", "Convolutions", True),
        Era("encoder", "eras/encoder", "Transformer from scratch"),
        Era("frozen", "eras/frozen", "Pretrained, frozen"),
        Era("fine-tuned", "sentiment", "Pretrained, fine-tuned"),
    ),
    "ner": (
        Era("lstm", "ner-lstm", "LSTM", True),
        Era("fine-tuned", "ner", "Pretrained, fine-tuned"),
    ),
}
"""The eras of each comparison, the oldest first."""
