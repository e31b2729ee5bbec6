"""Corpora of language models: documents, token stores, blocks and masking."""
