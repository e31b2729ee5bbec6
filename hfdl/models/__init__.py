"""Whole models, put together from ``hfdl.nn``: a config and its classes in each file."""
