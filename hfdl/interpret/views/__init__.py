"""Attention maps as pictures: a PNG, and an interactive HTML page."""
