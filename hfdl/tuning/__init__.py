"""Choosing what is trained: freezing, layer-wise learning rates, low-rank adapters."""
