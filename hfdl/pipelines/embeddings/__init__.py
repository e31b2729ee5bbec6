"""Vectors of texts and of tokens, and how similar texts are."""
