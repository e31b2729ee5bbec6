"""Searching for better settings with Optuna, and telling luck from gain: ``hfdl tune``."""
