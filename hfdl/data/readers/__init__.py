"""Readers: files, folders, Hub data sets and Python objects to tables."""
