"""Embedded data sets, written for this project."""
