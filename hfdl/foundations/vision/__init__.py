"""Convolution, pooling and digit images in NumPy."""
