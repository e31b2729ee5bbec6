"""Runs: training, evaluating and comparing, and the folder that a run leaves."""
