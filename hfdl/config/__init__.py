"""Recipes: the schema, reading and writing them, overrides, and their error messages."""
