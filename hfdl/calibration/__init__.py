"""Calibrating a trained model: one temperature, folded into its last layer."""
