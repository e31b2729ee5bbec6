"""Runs that are killed at random times and resumed, beside a run that was not."""
