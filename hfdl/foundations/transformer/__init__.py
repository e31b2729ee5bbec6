"""Attention, positions and a transformer block in NumPy."""
