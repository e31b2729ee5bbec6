"""Whole models made of ``hfdl.nn``."""
