"""The token-classification pipeline."""
