"""The fill-mask pipeline."""
