"""Causal and masked language modelling."""
